"""The schedule in the admin: who may change it, how, and what the trail tells of it."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from jobs import kinds, schedule
from tests.jobs import samples  # noqa: F401 - its kinds

pytestmark = pytest.mark.django_db

SWEEP = "Sweep of jobs"
LIST = "admin:django_celery_beat_periodictask_changelist"


@pytest.fixture
def entry(monkeypatch):
    kinds.load()  # what apps declare stays theirs
    sweeping = {"Sweep of jobs": schedule._declared["Sweep of jobs"]}
    monkeypatch.setattr(schedule, "_declared", sweeping)
    schedule.declare("Nightly", kind="sample_echo", crontab="0 2 * * *", description="An echo.")
    schedule.install()
    return PeriodicTask.objects.get(name="Nightly")


def change_page(entry: PeriodicTask) -> str:
    return reverse("admin:django_celery_beat_periodictask_change", args=[entry.pk])


class TestSchedule:
    def test_shows_what_is_run_at_times_to_who_manages_backups(self, entry, browser, person):
        page = browser(person("Backup operator")).get(reverse(LIST))

        text = page.content.decode()
        assert page.status_code == 200
        assert "Nightly" in text
        assert "0 2 * * *" in text
        assert "Sweep" not in text
        assert "Add periodic task" not in text

    def test_changes_times_and_tells_the_trail(self, entry, browser, person, news):
        operator = browser(person("Backup operator", name="olga"))
        assert 'value="0 2 * * *"' in operator.get(change_page(entry)).content.decode()

        answer = operator.post(change_page(entry), {"times": "30 3 * * 1-5"})

        assert answer.status_code == 302
        entry.refresh_from_db()
        assert (schedule.text_of(entry.crontab), entry.enabled) == ("30 3 * * 1-5", False)
        (row,) = news(operation="USER_CHANGED")
        assert (row.user_id, row.channel) == ("olga", "admin")
        assert row.changes == {"Nightly": {"old": "0 2 * * * UTC, on", "new": "30 3 * * 1-5 UTC, off"}}

    def test_shows_what_is_wrong_with_a_crontab(self, entry, browser, admin):
        page = browser(admin).post(change_page(entry), {"times": "0 25 * * *", "enabled": "on"})

        assert page.status_code == 200
        assert "is no crontab" in page.content.decode()
        entry.refresh_from_db()
        assert schedule.text_of(entry.crontab) == "0 2 * * *"

    def test_takes_no_forged_task(self, entry, browser, admin):
        form = {
            "crontab": "0 2 * * *",
            "enabled": "on",
            "task": "jobs.tasks.sweep",
            "args": '["restore_full"]',
        }

        browser(admin).post(change_page(entry), form)

        entry.refresh_from_db()
        assert (entry.task, entry.args) == ("jobs.tasks.run_scheduled", '["sample_echo"]')

    def test_turns_others_away_and_tells_the_trail(self, entry, browser, person, news):
        editor = browser(person("Editor"))

        answers = [editor.get(reverse(LIST)), editor.post(change_page(entry), {"times": "0 3 * * *"})]

        assert [answer.status_code for answer in answers] == [403, 403]
        assert [row.error_code for row in news(operation="USER_CHANGED")] == ["PERMISSION_DENIED"] * 2

    def test_nobody_adds_or_deletes_an_entry_or_finds_another_way_in(self, entry, browser, admin):
        superuser = browser(admin)

        assert superuser.get(reverse("admin:django_celery_beat_periodictask_add")).status_code == 403
        delete = reverse("admin:django_celery_beat_periodictask_delete", args=[entry.pk])
        assert superuser.post(delete, {"post": "yes"}).status_code == 403
        assert PeriodicTask.objects.filter(pk=entry.pk).exists()
        assert CrontabSchedule.objects.count() == 1
        assert superuser.get("/admin/django_celery_beat/crontabschedule/").status_code == 404
