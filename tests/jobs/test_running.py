"""Jobs from the queue to their end, in this process."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django_celery_beat.models import PeriodicTask

from accesscontrol.actor import Actor, Channel
from audit.models import AuditLog
from jobs import ending, locks, running, schedule, services, sweep, tasks
from jobs.models import Job, State
from jobs.reporting import Reporter
from tests import databases
from tests.jobs import samples

pytestmark = pytest.mark.django_db(transaction=True)


def age(job: Job, **columns: str) -> None:
    """Set times of a job back."""
    sets = ", ".join(f"{name} = now() - interval '{by}'" for name, by in columns.items())
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE app.jobs_job SET {sets} WHERE id = %s", [job.pk])  # noqa: S608


class TestRun:
    def test_works_for_its_user_and_keeps_the_result(self, spool, writer):
        job = services.enqueue(
            actor=Actor(writer.user, Channel.ADMIN), kind="sample_echo", arguments={"say": "é"}
        )

        running.run(job.pk)

        job.refresh_from_db()
        assert (job.state, job.error) == (State.DONE, None)
        assert job.result == {"user": "wendy", "channel": "admin", "said": "é"}
        assert job.created_at <= job.started_at <= job.heartbeat_at <= job.finished_at

    @pytest.mark.parametrize(
        ("kind", "code"), [("sample_refuse", "PERMISSION_DENIED"), ("sample_crash", "INTERNAL")]
    )
    def test_keeps_and_records_why_it_failed_and_no_secret(self, spool, writer, kind, code):
        job = services.enqueue(actor=writer, kind=kind)

        running.run(job.pk)

        job.refresh_from_db()
        assert (job.state, job.error["code"], job.result) == (State.FAILED, code, None)
        row = AuditLog.objects.get(operation="BACKUP_TABLE")
        assert (row.success, row.error_code, row.user_id) == (False, code, "wendy")
        assert "swordfish" not in f"{job.error}{row.error_message}"

    def test_a_kind_that_is_gone_fails(self, spool, writer):
        job = services.enqueue(actor=writer, kind="sample_echo")
        Job.objects.update(kind="gone")

        running.run(job.pk)

        assert samples.has(job, "failed")
        assert job.error["code"] == "VALIDATION_ERROR"
        assert AuditLog.objects.filter(operation="BACKUP_FULL", success=False).count() == 1

    def test_works_once_however_many_messages_come_at_whatever_time(self, spool, writer, tmp_path):
        marks = tmp_path / "marks"
        job = services.enqueue(actor=writer, kind="sample_echo", arguments={"file": str(marks)})
        threads = [threading.Thread(target=_run_in_thread, args=(job.pk,)) for _ in range(4)]

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        running.run(job.pk)

        assert marks.read_text() == "x"
        assert samples.has(job, "done")

    def test_keeps_the_result_when_the_database_was_away_for_a_moment(self, spool, writer, monkeypatch):
        job = services.enqueue(actor=writer, kind="sample_echo")
        monkeypatch.setattr(running, "RETRY_S", 0)
        monkeypatch.setattr(ending, "done", _once_without_database(ending.done))

        running.run(job.pk)

        assert samples.has(job, "done")

    def test_progress_is_kept_though_connections_are_lost(self, spool, writer):
        job = services.enqueue(actor=writer, kind="sample_echo")

        with Reporter(job.pk) as reporter:
            reporter.begin("one")
            samples.wait_until(lambda: samples.has(job, "queued") and job.log, "the first line is there")
            with psycopg.connect(
                databases.url_of(connection.settings_dict["NAME"], settings.DATABASE_OWNER_URL)
            ) as owner:
                owner.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE usename = %s AND datname = current_database() AND pid <> %s",
                    [settings.APP_ROLE, connection.connection.info.backend_pid],
                )
            reporter.log("two")

        job.refresh_from_db()
        assert [line["text"] for line in job.log] == ["one", "two"]


def _run_in_thread(job_id):
    running.run(job_id)
    connection.close()


def _once_without_database(write):
    """Have the server end Django's session before the first call."""
    calls = []

    def call(*arguments):
        if not calls:
            calls.append(1)
            connection.ensure_connection()
            with databases.owner() as owner:
                owner.execute(
                    "SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid]
                )
        return write(*arguments)

    return call


class TestSweep:
    def test_sends_again_what_no_message_woke_but_not_all_the_time(self, spool, writer):
        job = services.enqueue(actor=writer, kind="sample_echo")
        assert spool.purge("jobs") == 1  # the message is lost
        assert sweep.wake_queued() == 0  # it may still come

        age(job, created_at="16 s", dispatched_at="16 s")
        assert sweep.wake_queued() == 1
        assert sweep.wake_queued() == 0
        age(job, created_at="10 min", dispatched_at="4 min")
        assert sweep.wake_queued() == 0  # the workers are busy: six minutes passed until the last message
        age(job, dispatched_at="6 min")
        assert sweep.wake_queued() == 1

        assert spool.size("jobs") == 2

    def test_a_job_is_queued_though_the_broker_is_away_and_woken_when_it_is_back(self, spool, writer):
        spool.folder.write_text("in the way")

        job = services.enqueue(actor=writer, kind="sample_echo")

        assert sweep.wake_queued() == 0
        assert samples.has(job, "queued")
        assert job.dispatched_at is None
        spool.folder.unlink()
        assert sweep.wake_queued() == 1
        assert spool.size("jobs") == 1

    def test_what_lost_its_worker_goes_on_and_nothing_that_works_is_touched(self, spool, writer):
        lost, working = (services.enqueue(actor=writer, kind="sample_echo") for _ in "12")
        Job.objects.update(state=State.RUNNING, worker="gone:1")

        with locks.held(working.pk) as is_ours:
            assert is_ours
            tasks.sweep()
            tasks.run_job(working.pk)  # a message that comes twice

        assert samples.has(lost, "queued")
        assert lost.dispatched_at is not None  # a worker is told at once
        assert samples.has(working, "running")
        assert not AuditLog.objects.filter(operation="BACKUP_FULL").exists()

    def test_forgets_what_ended_long_ago_but_not_the_last_slot_of_the_schedule(
        self, spool, writer, monkeypatch
    ):
        monkeypatch.setattr(schedule, "_declared", {})
        schedule.declare("Echo", kind="sample_echo", crontab="0 0 29 2 *", description="Once in four years.")
        schedule.install()
        PeriodicTask.objects.update(start_time=None)  # as if the entry had been there for years
        (slot,) = (slot for slot in schedule.last_slots() if slot.endswith("02-29T00:00:00Z"))
        known = [
            services.enqueue(actor=writer, kind="sample_echo", slot=name)
            for name in (slot, "2020-01-01T00:00:00Z", None, None, None)
        ]
        Job.objects.update(state=State.DONE)
        for job, days in zip(known, (91, 91, 91, 89, 0), strict=True):
            age(job, finished_at=f"{days} days")
        Job.objects.filter(pk=known[-1].pk).update(state=State.RUNNING, finished_at=None)

        assert sweep.forget_old() == 2

        assert set(Job.objects.all()) == {known[0], known[3], known[4]}

    def test_a_message_that_comes_again_after_its_worker_died_sends_another(self, spool, writer):
        job = services.enqueue(actor=writer, kind="sample_echo")
        spool.purge("jobs")
        Job.objects.update(state=State.RUNNING, worker="gone:1")

        tasks.run_job(job.pk)

        assert samples.has(job, "queued")
        assert spool.size("jobs") == 1
