"""Copies are made by themselves, after each backup and by the schedule; somebody is told where one is missing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit import alerts
from audit.models import AuditLog
from backups import catalogue, services
from backups import watching as backup_watching
from backups.errors import OffsiteFailed
from backups.models import OffsiteCopy
from backups.offsite import lock, starting, tasks, watching
from jobs import kinds, running, schedule
from jobs.models import Job, State
from jobs.progress import SILENT
from tests.backups.offsite import s3

pytestmark = pytest.mark.django_db
COMMITTED = pytest.mark.django_db(transaction=True)  # others see it: pg_dump, or another thread


def run(actor) -> dict:
    return dict(kinds.get(starting.KIND).run(actor, {}, SILENT))


class TestAfterABackup:
    @COMMITTED
    def test_a_job_is_there_that_copies_it(self, remote, admin, place):
        made = services.create_table(actor=admin, table="books")
        job = Job.objects.get(kind=starting.KIND)
        assert (job.state, job.username) == (State.QUEUED, schedule.USER)

        running.run(job.pk)

        job.refresh_from_db()
        assert (job.state, job.result) == (State.DONE, {"copied": [made.backup_file]})
        (found,), _ = catalogue.read(place)
        assert (found.offsite, found.offsite_state, found.offsite_reason) == (True, "verified", None)

    def test_one_that_waits_is_enough(self, remote, admin):
        starting.soon()
        starting.soon()

        assert Job.objects.filter(kind=starting.KIND).count() == 1

    @COMMITTED
    def test_that_no_job_can_be_queued_takes_nothing_from_the_backup(self, remote, admin, monkeypatch):
        def fail(**arguments):
            raise OffsiteFailed("no")

        monkeypatch.setattr("jobs.services.enqueue", fail)

        assert services.create_table(actor=admin, table="books").table == "books"

    @COMMITTED
    def test_without_a_bucket_there_is_none(self, admin, place):
        services.create_table(actor=admin, table="books")

        assert not Job.objects.exists()
        assert run(admin) == {"copied": []}
        (found,), _ = catalogue.read(place)
        assert (found.offsite, found.offsite_state) == (False, None)


class TestSchedule:
    def test_has_them_where_there_is_a_bucket(self, monkeypatch):
        monkeypatch.setattr(schedule, "_declared", {})
        tasks.declare()

        assert {"Copies offsite", "Retention of copies offsite"} <= set(schedule.install())

    def test_leaves_them_to_another_that_is_at_it(self, remote, admin, planted):
        planted("backup_20261121T020000Z")

        with lock.held():
            assert run(admin) == {"copied": []}
        assert not OffsiteCopy.objects.exists()

    @COMMITTED
    def test_a_job_that_fails_is_in_the_trail_once_and_done_by_the_next(self, remote, admin, planted, server):
        planted("backup_20261121T020000Z")
        starting.soon()
        first = Job.objects.get()
        with server.failing(s3.refusing(), method="PUT"):
            running.run(first.pk)
        first.refresh_from_db()
        assert first.error["message"] == "The bucket refuses: SlowDown."
        assert AuditLog.objects.get(operation="COPY_BACKUP").success is False

        starting.soon()
        running.run(Job.objects.exclude(pk=first.pk).get().pk)

        assert OffsiteCopy.objects.get().state == "verified"


class TestAlert:
    def test_is_open_from_a_failure_until_there_is_a_copy(self, remote, admin, planted, server):
        one = planted("backup_20261121T020000Z")
        with server.failing(s3.refusing(), method="PUT"), pytest.raises(OffsiteFailed):
            run(admin)
        (alert,) = alerts.open_now()
        assert alert.kind == watching.NOT_COPIED
        assert alert.message == f"Not copied offsite: {one.file}. The bucket refuses: SlowDown."

        run(admin)

        assert alerts.open_now() == []

    @pytest.mark.parametrize(("late", "is_told"), [(timedelta(0), False), (timedelta(seconds=1), True)])
    def test_tells_of_what_nobody_copies(self, remote, planted, late, is_told):
        one = planted("backup_20261121T020000Z")

        told = watching.watch(one.created + watching.COPIED_WITHIN + late)

        assert bool(told) is is_told

    def test_is_looked_after_by_the_watch_over_backups(self, remote, planted):
        planted("backup_20261121T020000Z")

        assert any("Not copied offsite" in told for told in backup_watching.watch(timezone.now()))

    def test_there_is_none_without_a_bucket(self, planted):
        planted("backup_20261121T020000Z")

        assert watching.watch(timezone.now()) is None
