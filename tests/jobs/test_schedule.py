"""What is done at fixed times: each slot once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery.schedules import crontab
from celery.schedules import schedule as interval
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse
from django_celery_beat.models import PeriodicTask
from django_celery_beat.tzcrontab import TzAwareCrontab

from accesscontrol import accounts
from accesscontrol.errors import Conflict, Forbidden, InvalidInput, NotFound
from audit.models import AuditLog
from jobs import kinds, schedule, sweep, tasks
from jobs.models import Job
from jobs.slots import latest
from tests.jobs import samples  # noqa: F401 - its kinds

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SWEEP = "Sweep of jobs"
TODAY = "2026-11-22T02:00:00Z"


class TestLatest:
    @pytest.mark.parametrize(
        ("plan", "moment"),
        [
            (crontab("0", "2"), "2026-11-22T02:00"),
            (crontab("0", "12"), "2026-11-22T12:00"),
            (crontab("1", "12"), "2026-11-21T12:01"),
            (crontab("*/15", "*/4"), "2026-11-22T12:00"),
            (crontab("30", "1", day_of_week="0"), "2026-11-22T01:30"),  # the day is a Sunday
            (crontab("30", "1", day_of_week="mon-fri"), "2026-11-20T01:30"),
            (crontab("0", "0", day_of_month="1", month_of_year="*/3"), "2026-10-01T00:00"),
            (crontab("0", "0", day_of_month="29", month_of_year="2"), "2024-02-29T00:00"),
            (crontab("0", "0", "1", day_of_month="29", month_of_year="2"), "2016-02-29T00:00"),  # a Monday
            (TzAwareCrontab("30", "2", tz=ZoneInfo("Europe/Paris")), "2026-11-22T01:30"),
            (interval(timedelta(hours=5)), "2026-11-22T09:00"),
        ],
    )
    def test_is_the_last_moment_that_the_plan_names(self, plan, moment):
        found = latest(plan, NOON)

        assert found == datetime.fromisoformat(f"{moment}+00:00")


@pytest.fixture
def nightly(db, monkeypatch):
    """A schedule that was installed some days ago, and has one entry beside the sweep."""
    kinds.load()  # what apps declare stays theirs
    sweeping = {"Sweep of jobs": schedule._declared["Sweep of jobs"]}
    monkeypatch.setattr(schedule, "_declared", sweeping)
    schedule.declare("Nightly", kind="sample_echo", crontab="0 2 * * *", arguments={"say": "night"})
    schedule.install()
    PeriodicTask.objects.update(start_time=NOON - timedelta(days=3))
    return PeriodicTask.objects.get(name="Nightly")


class TestSlots:
    def test_a_slot_is_run_once_however_often_beat_and_sweeps_ask(self, nightly):
        for _ in range(3):
            schedule.run_due("sample_echo", now=NOON)
            schedule.run_due(now=NOON + timedelta(hours=1))
            schedule.run_due(now=NOON - timedelta(hours=2))  # the clock was set back

        job = Job.objects.get()
        assert (job.kind, job.username, job.channel) == ("sample_echo", "schedule", "task")
        assert (job.slot, job.arguments) == (f'{TODAY} {{"say": "night"}}', {"say": "night"})

    def test_what_was_missed_for_days_is_caught_up_with_once(self, nightly):
        schedule.run_due(now=NOON - timedelta(days=2))
        schedule.run_due(now=NOON)

        assert Job.objects.count() == 2

    def test_tasks_and_sweeps_find_what_is_due(self, nightly):
        tasks.run_scheduled("another")
        assert not Job.objects.exists()
        sweep.sweep()
        tasks.run_scheduled("sample_echo", say="night")
        assert Job.objects.count() == 1

    def test_nothing_is_due_that_is_disabled_or_was_installed_later(self, nightly):
        PeriodicTask.objects.update(enabled=False)
        assert schedule.run_due(now=NOON) == []
        PeriodicTask.objects.update(enabled=True, start_time=NOON)
        assert schedule.run_due(now=NOON) == []
        assert not User.objects.filter(username="schedule").exists()

    def test_two_entries_of_a_kind_with_other_arguments_are_two(self, nightly):
        schedule.declare("Other", kind="sample_echo", crontab="0 2 * * *")
        schedule.install()
        PeriodicTask.objects.update(start_time=None)

        assert {job.slot for job in schedule.run_due(now=NOON)} == {TODAY, f'{TODAY} {{"say": "night"}}'}


class TestServiceUser:
    def test_nobody_logs_in_as_the_schedule(self, nightly, admin, client):
        schedule.run_due(now=NOON)
        program = User.objects.get(username="schedule")

        with pytest.raises(Forbidden):
            accounts.set_password(actor=admin, user=program, password="correct horse battery")

        assert authenticate(username="schedule", password="") is None
        client.post(reverse("admin:login"), {"username": "schedule", "password": "correct horse battery"})
        assert "_auth_user_id" not in client.session
        assert list(program.groups.values_list("name", flat=True)) == ["Backup operator"]

    def test_a_persons_account_of_that_name_works_for_nobody(self, nightly):
        User.objects.create_user("schedule", password="correct horse")

        with pytest.raises(Conflict, match="a person's"):
            schedule.run_due(now=NOON)

        assert not Job.objects.exists()


class TestInstall:
    def test_adds_what_is_missing_and_keeps_what_was_changed(self, nightly, admin, capsys):
        schedule.change(actor=admin, name="Nightly", crontab="30 4 * * 0", enabled=False)
        PeriodicTask.objects.filter(name=SWEEP).delete()

        call_command("setup_schedule")
        call_command("setup_schedule")

        assert capsys.readouterr().out == "Scheduled: Sweep of jobs\n"
        nightly.refresh_from_db()
        assert (schedule.text_of(nightly.crontab), nightly.enabled) == ("30 4 * * 0", False)
        sweep_entry = PeriodicTask.objects.get(name=SWEEP)
        assert (sweep_entry.task, sweep_entry.interval.every, sweep_entry.enabled) == (
            "jobs.tasks.sweep",
            15,
            True,
        )

    def test_follows_the_code_in_what_is_done(self, nightly):
        schedule.declare("Nightly", kind="sample_wait", crontab="0 3 * * *")

        assert schedule.install() == []

        nightly.refresh_from_db()
        assert json.loads(nightly.args) == ["sample_wait"]
        assert schedule.text_of(nightly.crontab) == "0 2 * * *"


class TestChange:
    def test_tells_the_trail_and_makes_nothing_due_that_was_not(self, nightly, admin):
        schedule.change(actor=admin, name="Nightly", crontab="0 11 * * *", enabled=True)
        schedule.change(actor=admin, name="Nightly", crontab="0  11 * * *", enabled=True)

        row = AuditLog.objects.get(operation="USER_CHANGED", user_id="ada")
        assert row.record_id == "user schedule"
        assert row.changes == {"Nightly": {"old": "0 2 * * * UTC, on", "new": "0 11 * * * UTC, on"}}
        assert schedule.run_due(now=datetime.now(UTC)) == []

    @pytest.mark.parametrize(
        "text", ["", "0 2 * *", "61 2 * * *", "a b c d e", "0 2 * * * *", "*/0 * * * *", "\0 2 * * *"]
    )
    def test_refuses_what_is_no_crontab(self, nightly, admin, text):
        with pytest.raises(InvalidInput, match="no crontab"):
            schedule.change(actor=admin, name="Nightly", crontab=text, enabled=True)

    def test_is_for_those_who_manage_backups(self, nightly, editor, admin):
        with pytest.raises(Forbidden):
            schedule.change(actor=editor, name="Nightly", crontab="0 3 * * *", enabled=True)
        with pytest.raises(NotFound):
            schedule.change(actor=admin, name=SWEEP, crontab="0 3 * * *", enabled=True)
