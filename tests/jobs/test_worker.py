"""Real worker processes: progress, cancel, death."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from audit.models import AuditLog
from jobs import services, sweep
from jobs.models import Job
from jobs.spool import Spool
from tests import databases
from tests.jobs.samples import Worker, has, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def new_worker(spool) -> Iterator[Callable[[], Worker]]:
    made: list[Worker] = []

    def make() -> Worker:
        made.append(Worker(connection.settings_dict["NAME"]))
        return made[-1]

    yield make
    for worker in made:
        worker.remove()


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
        wait_until(lambda: has(other, "failed"), "a job that runs when the worker is stopped has failed")
        assert (tmp_path / "other").read_text() == "tidied up"
        assert "Traceback" not in said
        assert "Security" not in said

    def test_when_it_is_killed_its_job_has_failed_and_the_next_slot_runs(self, new_worker, writer, tmp_path):
        waiting = {"kind": "sample_wait", "arguments": {"file": str(tmp_path / "mark")}}
        first = services.enqueue(actor=writer, slot="1", **waiting)
        worker = new_worker()
        wait_until(lambda: has(first, "running"), "the first slot runs")

        os.kill(
            int(first.worker.partition(":")[2]), signal.SIGKILL
        )  # the process that works, as for want of memory

        wait_until(lambda: has(first, "failed"), "its message has come again")
        second = services.enqueue(actor=writer, slot="2", **waiting)
        wait_until(lambda: has(second, "running"), "the next slot runs")
        worker.kill()
        wait_until(sweep.fail_lost, "nobody holds the lock, and the job is marked")
        assert has(second, "failed")
        assert [job.error["code"] for job in Job.objects.all()] == ["UNAVAILABLE", "UNAVAILABLE"]
        assert not (tmp_path / "mark").exists()
        assert Spool(databases.SPOOL).recover() == 1  # it would come again, and find that the job has ended
