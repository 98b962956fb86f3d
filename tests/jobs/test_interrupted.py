"""Jobs whose worker ended in the middle: what may be repeated goes on by itself, and nothing is done twice."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from audit.models import AuditLog
from backups import storage
from catalog import models, registry
from catalog.exchange import starting, steps, store, uploads
from catalog.exchange.layout import Layout
from catalog.services import undo
from jobs import interruption, kinds, running, services, sweep
from jobs.models import Job, State
from tests import databases
from tests.jobs.samples import Worker, has, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"


def started(actor, name="sample_echo", **columns):
    """A job that is said to run while nobody works on it."""
    job = services.enqueue(actor=actor, kind=name)
    Job.objects.filter(pk=job.pk).update(
        **{"state": State.RUNNING, "worker": "gone:1", "attempts": 1, **columns}
    )
    return job


def importing(actor, content=b"name\nBath\nWells\n"):
    """A job that imports locations from a file that was looked at."""
    table = registry.get("locations")
    upload = uploads.keep(
        actor=actor, table=table, file_name="a.csv", source=io.BytesIO(content), now=timezone.now()
    )
    steps.choose(actor=actor, table=table, upload=upload, terms={})
    steps.start_look(actor=actor, table=table, upload=upload)
    return steps.start(actor=actor, table=table, upload=upload)


def dies(*_: object, **__: object) -> None:
    """What it is for the one who calls when the process ends."""
    raise SystemExit


@contextlib.contextmanager
def locked(*tables: str) -> Iterator[psycopg.Connection]:
    """Have whoever comes to the tables wait."""
    with psycopg.connect(
        databases.url_of(connection.settings_dict["NAME"], settings.DATABASE_OWNER_URL)
    ) as owner:
        owner.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        yield owner


class TestSettle:
    def test_puts_back_what_may_be_repeated_and_says_so(self, spool, writer):
        job = started(writer, label="books", done=40, total=100, started_at=timezone.now())

        assert sweep.settle_lost() == 1

        assert has(job, "queued")
        assert (job.attempts, job.label, job.done, job.worker, job.started_at) == (1, "", 0, "", None)
        assert [line["text"] for line in job.log] == [interruption.LOST.format(attempts=1, most=3)]
        running.run(job.pk)
        assert has(job, "done")
        assert job.attempts == 2

    @pytest.mark.parametrize(
        ("kind", "columns", "state", "said"),
        [
            ("sample_echo", {"attempts": 3}, "failed", interruption.GIVEN_UP.format(attempts=3)),
            ("sample_once", {}, "failed", interruption.UNKNOWN),
            ("sample_echo", {"kind": "gone"}, "failed", interruption.UNKNOWN),
            ("sample_echo", {"cancel_requested_at": timezone.now()}, "cancelled", "cancelled"),
        ],
    )
    def test_ends_what_may_not_go_on_and_tells_the_trail(self, spool, writer, kind, columns, state, said):
        job = started(writer, kind, **columns)

        sweep.sweep()

        assert has(job, state)
        assert said in job.error["message"]
        assert AuditLog.objects.get(success=False).client_info["job"] == job.pk
        assert spool.size("jobs") == 1  # the one that began it

    def test_waits_for_a_commit_that_was_under_way(self, spool, writer):
        job = started(writer)
        with locked("chapters") as dead:
            dead.execute("UPDATE app.jobs_job SET state = 'done', result = '{}' WHERE id = %s", [job.pk])
            sweeping = threading.Thread(target=_sweep_in_thread)
            sweeping.start()
            with databases.owner() as owner:
                waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
                wait_until(lambda: owner.execute(waiting).fetchone()[0], "the sweep waits")
            dead.commit()
            sweeping.join()

        assert has(job, "done")
        assert job.log == []

    def test_restores_alone_are_never_repeated_unasked(self):
        kinds.load()

        assert {name for name in kinds._kinds if not kinds.is_repeatable(name)} == {
            "restore_full", "restore_table", "sample_once",
        }  # fmt: skip


def _sweep_in_thread():
    sweep.settle_lost()
    connection.close()


class TestOnce:
    def test_an_import_is_done_when_its_rows_are_whatever_happens_then(self, spool, admin, monkeypatch):
        job = importing(admin)
        monkeypatch.setattr(uploads, "forget", dies)

        with pytest.raises(SystemExit):
            running.run(job.pk)
        running.run(job.pk)
        sweep.sweep()

        assert has(job, "done")
        assert (job.result["imported"], job.attempts) == (2, 1)
        assert models.Location.objects.count() == 2
        assert AuditLog.objects.get(operation="IMPORT_CSV", dry_run=False, success=True).record_count == 2

    def test_an_undo_is_done_when_its_records_are(self, spool, admin, monkeypatch):
        job = importing(admin)
        running.run(job.pk)
        job.refresh_from_db()
        undoing = services.enqueue(actor=admin, kind="undo", arguments={"change_id": job.result["change_id"]})
        monkeypatch.setattr(running, "_store", dies)

        with pytest.raises(SystemExit):
            running.run(undoing.pk)
        sweep.sweep()

        assert has(undoing, "done")
        assert undoing.result["records"] == 2
        assert not models.Location.objects.exists()

    def test_what_fails_after_its_commit_is_done_all_the_same(self, spool, admin, monkeypatch):
        job = importing(admin)
        monkeypatch.setattr(uploads, "forget", lambda _upload: store.files().open("gone"))

        running.run(job.pk)

        assert has(job, "done")
        assert not AuditLog.objects.filter(success=False).exists()

    def test_an_undo_that_is_cancelled_stops_in_the_database(self, spool, admin):
        job = importing(admin)
        running.run(job.pk)
        job.refresh_from_db()
        undoing = services.enqueue(actor=admin, kind="undo", arguments={"change_id": job.result["change_id"]})
        with locked("locations") as owner:
            working = threading.Thread(target=_run_in_thread, args=(undoing.pk,))
            working.start()
            wait_until(lambda: owner.execute(BLOCKED).fetchone()[0], "the undo waits for the table")
            services.cancel(actor=admin, job_id=undoing.pk)
            working.join()

        assert has(undoing, "cancelled")
        assert undo.undo_change(actor=admin, change_id=job.result["change_id"]).counts == [2]


def _run_in_thread(job_id):
    running.run(job_id)
    connection.close()


@pytest.mark.long
class TestRealWorkers:
    """An export, an import and a backup, each in the middle of it: it waits for a table that the test has locked."""

    @pytest.fixture
    def worker(self, spool) -> Iterator[Callable[[], Worker]]:
        made: list[Worker] = []

        def make() -> Worker:
            folders = {"BACKUP_DIR": str(settings.BACKUP_DIR), "EXPORT_DIR": str(settings.EXPORT_DIR)}
            database = connection.settings_dict["NAME"]
            made.append(Worker(database, 3, **folders, LOCK_TIMEOUT_S="60"))
            return made[-1]

        yield make
        for worker in made:
            worker.remove()

    def test_what_one_was_killed_in_and_another_was_told_to_leave_is_finished(self, worker, admin):
        models.Author.objects.create(name="Ann")
        jobs = [
            starting.start_export(actor=admin, table=registry.get("authors"), layout=Layout("csv")),
            importing(admin),
            services.enqueue(actor=admin, kind="backup_table", arguments={"table": "series"}),
        ]
        with locked("authors", "locations", "series") as owner:
            first = worker()
            self._wait_until_all_wait(owner, jobs, attempts=1)
            first.kill()
            second = worker()
            self._wait_until_all_wait(owner, jobs, attempts=2)
            second.stop()
            assert [(has(job, "queued"), job.attempts) for job in jobs] == [(True, 1)] * 3

        for job in jobs:
            running.run(job.pk)

        assert [has(job, "done") for job in jobs] == [True, True, True]
        exported, imported, backup = jobs
        assert store.files().names().count(exported.result["export_file"]) == 1
        assert models.Export.objects.get().file_name == exported.result["export_file"]
        assert imported.result["imported"] == models.Location.objects.count() == 2
        assert [name for name in storage.configured().names() if name.endswith(".gz")] == [
            backup.result["backup_file"]
        ]

    @staticmethod
    def _wait_until_all_wait(owner, jobs, attempts):
        wait_until(
            lambda: (
                owner.execute(BLOCKED).fetchone()[0] >= 2
                and all(has(job, "running") and job.attempts == attempts for job in jobs)
                and jobs[-1].label == "Locks"
            ),
            "each of them waits for its table",
        )
