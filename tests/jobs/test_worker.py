"""Real worker processes: progress, cancel, death."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from audit.models import AuditLog
from jobs import interruption, services, sweep
from jobs.models import Job
from jobs.spool import Spool
from tests import databases
from tests.jobs.samples import Worker, has, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def new_worker(spool) -> Iterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def make(**settings: str) -> Worker:
        made.append(Worker(connection.settings_dict["NAME"], **settings))
        return made[-1]

    yield make
    for worker in made:
        worker.remove()


def kill_process_of(job: Job) -> None:
    """End the process that works, as for want of memory; its worker lives on."""
    os.kill(int(job.worker.partition(":")[2]), signal.SIGKILL)


@pytest.mark.long
class TestWorker:
    def test_tells_how_far_it_is_and_can_be_cancelled(self, new_worker, spool, writer, tmp_path):
        spool.folder.write_text("in the way")  # its message is lost: the worker's first sweep finds the job
        job = services.enqueue(actor=writer, kind="sample_wait", arguments={"file": str(tmp_path / "mark")})
        spool.folder.unlink()
        worker = new_worker()
        wait_until(lambda: has(job, "running") and job.log, "there is progress to see")
        assert (job.label, job.done, job.total, job.unit) == ("books", 40, 100, "rows")
        assert [line["text"] for line in job.log] == ["books", "Half of it is done."]

        services.cancel(actor=writer, job_id=job.pk)

        wait_until(lambda: has(job, "cancelled"), "the job is cancelled")
        assert (tmp_path / "mark").read_text() == "tidied up"
        assert not AuditLog.objects.get(operation="BACKUP_FULL").success
        other = services.enqueue(
            actor=writer, kind="sample_wait", arguments={"file": str(tmp_path / "other")}
        )
        wait_until(lambda: has(other, "running"), "the next job runs")
        said = worker.stop()
        assert has(other, "queued")
        assert (other.attempts, other.started_at, other.done) == (0, None, 0)
        assert other.log[-1]["text"] == interruption.HANDED_BACK
        assert (tmp_path / "other").read_text() == "tidied up"
        assert "Traceback" not in said
        assert "Security" not in said

    def test_when_it_is_killed_its_job_goes_on_until_the_third_time_and_the_next_slot_runs(
        self, new_worker, writer, tmp_path
    ):
        waiting = {"kind": "sample_wait", "arguments": {"file": str(tmp_path / "mark")}}
        first = services.enqueue(actor=writer, slot="1", **waiting)
        worker = new_worker(GRACE_S="0.2")
        wait_until(lambda: has(first, "running"), "the first slot runs")
        kill_process_of(first)

        wait_until(lambda: has(first, "running") and first.attempts == 2, "it goes on")
        Job.objects.update(attempts=interruption.MAX_ATTEMPTS)
        kill_process_of(first)
        wait_until(lambda: has(first, "failed"), "it is given up")
        assert first.error["message"] == interruption.GIVEN_UP.format(attempts=3)
        second = services.enqueue(actor=writer, slot="2", kind="sample_stubborn")
        wait_until(lambda: has(second, "running"), "the next slot runs")
        worker.stop()
        wait_until(sweep.settle_lost, "nobody holds the lock")
        assert has(second, "queued")
        assert not (tmp_path / "mark").exists()
        assert Spool(databases.SPOOL).recover() == 1  # it would come again, and find that the job waits
