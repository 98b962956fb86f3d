"""When somebody is told that there is no backup to rely on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from audit import alerts
from audit.models import Alert
from backups import watching
from backups.models import Verification
from tests.backups import test_services

pytestmark = pytest.mark.django_db

AT = test_services.AT
put = test_services.put


def look(told, *, deep: bool = True, valid: bool = True) -> None:
    Verification.objects.create(sha256=told.sha256, file=told.file, deep=deep, valid=valid)


class TestWatch:
    def test_tells_where_there_is_none_or_none_is_proven(self, put):
        assert "No full backup has been proven" in watching.watch(AT)[0]
        look(put(), deep=False)
        look(put(AT + timedelta(hours=1), table="books"))

        assert "No full backup has been proven" in watching.watch(AT)[0]
        assert Alert.objects.get().kind == watching.NONE_PROVEN

    @pytest.mark.parametrize(("late", "count"), [(timedelta(0), 0), (timedelta(seconds=1), 1)])
    def test_tells_where_the_last_one_is_older_than_the_policy(self, put, late, count):
        look(put())
        put(AT + timedelta(hours=24))  # newer, and not proven

        said = watching.watch(AT + watching.PROVEN_WITHIN + late)

        assert len(said) == count
        assert all("2026-11-22 02:00 UTC" in message for message in said)

    def test_opens_one_alert_says_what_is_new_in_it_and_closes_it(self, put):
        watching.watch(AT)
        look(put())
        watching.watch(AT + timedelta(days=9))
        (alert,) = alerts.open_now()
        assert "over 26 hours old" in alert.message

        look(put(AT + timedelta(days=9)))
        assert watching.watch(AT + timedelta(days=9)) == []

        assert alerts.open_now() == []
        assert Alert.objects.get().closed_at > datetime(2026, 1, 1, tzinfo=UTC)

    def test_names_those_that_were_found_not_valid(self, put):
        look(put())
        bad = put(AT - timedelta(days=1))
        look(bad, deep=False, valid=False)

        (message,) = watching.watch(AT)

        assert bad.file in message
        look(bad, deep=False)
        assert watching.watch(AT) == []

    def test_the_last_look_counts_though_the_clock_was_set_back_before_it(self, put):
        told = put()
        look(told)
        look(told, valid=False)
        Verification.objects.filter(valid=False).update(verified_at=timezone.now() - timedelta(hours=2))

        assert any(told.file in message for message in watching.watch(AT))
