"""Logins, failed ones and logouts are in the trail, and an attacker cannot fill it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth import authenticate, login, logout

from accesscontrol.actor import Actor
from audit import listeners
from audit.models import AuditLog
from tests.audit.logins import NUMBER, fail, request_from

Trail = Callable[..., list[AuditLog]]


class TestLogins:
    def test_are_recorded_with_address_browser_and_request(self, viewer: Actor, trail: Trail) -> None:
        request = request_from()
        login(request, viewer.user, backend="django.contrib.auth.backends.ModelBackend")
        logout(request)

        rows = trail()
        assert [(row.operation, row.user_id, row.success, row.channel) for row in rows] == [
            ("LOGIN", "victor", True, "admin"),
            ("LOGOUT", "victor", True, "admin"),
        ]
        for row in rows:
            assert row.client_info == {"ip": "192.0.2.7", "user_agent": "Mozilla/5.0"}
            assert row.request_id == NUMBER

    def test_of_nobody_leave_no_logout(self, trail: Trail, db: None) -> None:
        logout(request_from())

        assert trail() == []

    def test_keep_the_start_of_a_long_browser_name(self, viewer: Actor, trail: Trail) -> None:
        login(
            request_from(user_agent="x" * 5_000),
            viewer.user,
            backend="django.contrib.auth.backends.ModelBackend",
        )

        assert trail()[0].client_info["user_agent"] == "x" * 300

    def test_fail_when_they_cannot_be_recorded(self, viewer: Actor, broken_trail: None) -> None:
        with pytest.raises(Exception, match="audit_logs_operation_check"):
            login(request_from(), viewer.user, backend="django.contrib.auth.backends.ModelBackend")


class TestFailedLogins:
    def test_are_recorded_with_address_browser_and_request(self, trail: Trail, db: None) -> None:
        fail()

        (row,) = trail()
        assert (row.operation, row.success, row.record_count) == ("LOGIN_FAILED", False, 1)
        assert (row.error_code, row.error_message) == ("AUTHENTICATION_REQUIRED", "The login failed.")
        assert row.client_info == {"ip": "192.0.2.7", "user_agent": "Mozilla/5.0"}
        assert row.request_id == NUMBER

    @pytest.mark.parametrize("name", ["victor", "Victor", "hunter2 my password", "", "x" * 100_000])
    def test_keep_a_name_only_where_an_account_has_it(self, viewer: Actor, name: str, trail: Trail) -> None:
        fail(name)

        assert trail()[0].user_id == ("victor" if name == "victor" else None)
        assert name == "" or name == "victor" or name not in repr(vars(trail()[0]))

    @pytest.mark.parametrize("name", ["a\x00b", "\ud800"])
    def test_of_a_name_that_postgresql_cannot_hold_are_recorded(
        self, name: str, trail: Trail, db: None
    ) -> None:
        listeners.record_failed_login(request=request_from(), credentials={"username": name})

        assert trail()[0].user_id is None

    def test_to_a_disabled_account_name_it(self, viewer: Actor, trail: Trail) -> None:
        viewer.user.is_active = False
        viewer.user.save()

        assert authenticate(request_from(), username="victor", password="correct horse") is None

        assert [(row.operation, row.user_id) for row in trail()] == [("LOGIN_FAILED", "victor")]

    def test_by_a_command_have_no_address(self, trail: Trail, db: None) -> None:
        authenticate(username="stranger", password="wrong")

        assert (trail()[0].channel, trail()[0].client_info) == ("command", {})

    def test_never_keep_the_password(self, viewer: Actor, trail: Trail) -> None:
        authenticate(request_from(), username="victor", password="hunter2-hunter2")

        assert "hunter2" not in repr(list(AuditLog.objects.values()))
