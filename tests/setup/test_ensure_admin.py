"""The first administrator."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from audit.models import AuditLog

pytestmark = pytest.mark.django_db


def ensure_admin(**options: object) -> str:
    said = io.StringIO()
    call_command("ensure_admin", stdout=said, **options)
    return said.getvalue()


class TestEnsureAdmin:
    def test_makes_an_administrator_with_a_random_password_and_tells_it_once(self):
        told = ensure_admin().split("password: ")[1].split()[0]

        admin = User.objects.get(username="admin")
        assert (admin.is_superuser, admin.is_staff, admin.check_password(told)) == (True, True, True)
        assert len(told) >= 16
        assert told not in ensure_admin()

    def test_is_told_by_the_audit_trail(self):
        ensure_admin()

        row = AuditLog.objects.get(operation="GRANT")
        assert (row.user_id, row.record_id, row.channel) == ("admin", "user admin", "command")
        assert row.changes == {"is_superuser": {"old": None, "new": True}}

    def test_takes_name_and_password_from_the_settings_and_does_not_tell_it(self, settings):
        settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD = "ada", "correct horse battery"

        assert "correct horse" not in ensure_admin()

        assert User.objects.get(username="ada").check_password("correct horse battery")

    @pytest.mark.parametrize(
        ("password", "why"),
        [
            ("Zz9-brief", "too short"),
            ("password1234", "too common"),
            ("ada.lovelace", "similar to the username"),
        ],
    )
    def test_refuses_a_password_that_no_account_may_have(self, settings, password, why):
        settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD = "ada.lovelace", password

        with pytest.raises(CommandError, match=f"ADMIN_PASSWORD can't be used:\n.*{why}") as refused:
            ensure_admin()

        assert password not in str(refused.value)
        assert not User.objects.exists()

    def test_leaves_the_password_for_later_when_nobody_watches(self):
        assert ensure_admin(without_password=True) == ""
        assert not User.objects.get(username="admin").has_usable_password()

        told = ensure_admin().split("password: ")[1].split()[0]

        assert User.objects.get(username="admin").check_password(told)

    def test_touches_nothing_when_another_administrator_can_log_in(self):
        User.objects.create_superuser("grace", password="correct horse battery")

        ensure_admin()

        assert list(User.objects.filter(is_superuser=True).values_list("username", flat=True)) == ["grace"]

    def test_does_not_promote_somebody_who_has_the_name(self):
        User.objects.create_user("admin", password="correct horse battery")

        with pytest.raises(CommandError, match="admin exists and is no administrator"):
            ensure_admin()

        assert not User.objects.get(username="admin").is_superuser
