"""Backups as jobs: what they take and return."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection
from django_celery_beat.models import PeriodicTask

from backups import manifest, names, services
from backups.errors import FullBackupNeeded
from jobs import kinds, running, schedule
from jobs.models import Job, State
from jobs.progress import SILENT

pytestmark = pytest.mark.django_db(transaction=True)


def run(kind: str, actor, **arguments):
    return json.loads(json.dumps(kinds.get(kind).run(actor, arguments, SILENT)))


class TestKinds:
    def test_make_backups_and_tell_of_them_in_json(self, admin, trouble, place):
        full = run("backup_full", admin)
        table = run("backup_table", admin, table="books", data_only=True)

        assert manifest.read(place, names.parse(full["backup_file"])).sha256 == full["sha256"]
        assert (table["table"], table["record_count"]) == ("books", 3)

    def test_back_up_what_changed_or_everything_where_that_can_not_be_told(self, admin, trouble, owner):
        with pytest.raises(FullBackupNeeded):
            run("backup_incremental", admin)
        for _ in range(2):
            full = run("backup_incremental", admin, or_full=True)
            made = run("backup_incremental", admin, or_full=True)
            assert (full["type"], made["base_backup"]) == ("full", full["backup_file"])
            owner.execute("ALTER TABLE public.books ADD COLUMN IF NOT EXISTS migrated text")

    def test_let_old_ones_go(self, admin, place):
        assert run("expire_backups", admin) == {"deleted": []}
        assert run("expire_backups", admin, dry_run=True) == {"deleted": []}

    def test_are_in_the_schedule(self):
        assert {"Full backup", "Incremental backup", "Retention of backups"} <= set(schedule.install())


class TestTwoSchedulers:
    def test_with_two_workers_make_one_backup_of_a_slot(self, admin, trouble):
        """Two beats and two workers that know nothing of each other do the same at the same moments."""
        schedule.install()
        PeriodicTask.objects.update(start_time=None)
        for kind, type_ in (("backup_full", "full"), ("backup_incremental", "incremental")):
            together = threading.Barrier(2)
            with ThreadPoolExecutor(2) as both:
                done = [both.submit(schedule_and_work, kind, together) for _ in range(2)]
                assert [one.result() for one in done] == [None, None]

            assert Job.objects.get(kind=kind).state == State.DONE
            assert services.list_backups(actor=admin, type=type_).total == 1


def schedule_and_work(kind, together):
    """What a scheduler wants at noon, done by a worker."""
    try:
        together.wait()
        schedule.run_due(kind, now=datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
        together.wait()
        running.run(Job.objects.get(kind=kind).pk)
    finally:
        connection.close()
