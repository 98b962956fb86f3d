"""Service users hold a role, cannot log in, and are never a person."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, User
from django.db import ProgrammingError, connection, transaction

from accesscontrol import accounts, service_users
from accesscontrol.actor import Actor
from accesscontrol.errors import AuthenticationRequired, Conflict, Forbidden
from accesscontrol.models import ServiceUser
from audit.models import AuditLog
from mcp_bridge import auth

Trail = Callable[..., list[AuditLog]]
GOOD = "walrus-teapot-91"


@pytest.mark.django_db
class TestServiceUsers:
    def test_are_made_once_with_their_role(self) -> None:
        user = service_users.get("schedule", role="Backup operator")

        assert service_users.get("schedule", role="Backup operator") == user
        assert user.groups.get().name == "Backup operator"
        assert not user.is_staff

    @pytest.mark.parametrize("password", ["", "!", None, "correct horse"])
    def test_cannot_log_in(self, password: str | None) -> None:
        user = service_users.get("schedule", role="Viewer")

        assert not user.has_usable_password()
        assert authenticate(username="schedule", password=password) is None
        assert authenticate(username="schedule", password=user.password) is None

    def test_keep_the_roles_that_an_administrator_left_them(self) -> None:
        service_users.get("schedule", role="Backup operator").groups.clear()

        assert not service_users.get("schedule", role="Backup operator").groups.exists()

    @pytest.mark.parametrize("person", ["viewer", "admin", "personnel"])  # staff, superuser, neither
    def test_are_never_a_person(self, person: str, request: pytest.FixtureRequest) -> None:
        actor: Actor = request.getfixturevalue(person)

        with pytest.raises(Conflict, match=f"The account {actor.username} is a person's"):
            service_users.get(str(actor.username), role="Backup operator")

        assert not actor.user.groups.filter(name="Backup operator").exists()

    def test_are_never_an_administrator_whose_password_is_not_set_yet(self) -> None:
        User.objects.create_superuser("schedule")

        with pytest.raises(Conflict):
            service_users.get("schedule", role="Backup operator")

    def test_are_not_left_half_made(self) -> None:
        with pytest.raises(Group.DoesNotExist):
            service_users.get("schedule", role="Bakcup operator")

        assert not User.objects.filter(username="schedule").exists()

    def test_are_told_by_the_trail_when_they_are_made(self, trail: Trail) -> None:
        for _ in range(2):
            service_users.get("night_shift", role="Viewer")

        (row,) = trail()
        assert (row.operation, row.user_id, row.record_id, row.channel) == (
            "GRANT", "night_shift", "user night_shift", "command",
        )  # fmt: skip
        assert row.changes == {
            "username": {"old": None, "new": "night_shift"},
            "roles": {"new": ["Viewer"]},
        }


@pytest.mark.django_db
class TestTheMark:
    @pytest.mark.parametrize("name", ["load_sample", "night_shift"])
    def test_keeps_everybody_from_logging_in_as_a_program(self, admin: Actor, name: str) -> None:
        user = service_users.get(name, role="Viewer")
        user.is_staff = True

        with pytest.raises(Forbidden, match="account of a program"):
            accounts.save_account(actor=admin, user=user)
        with pytest.raises(Forbidden, match="account of a program"):
            accounts.set_password(actor=admin, user=user, password="a long enough passphrase")
        with pytest.raises(AuthenticationRequired, match="account of a program"):
            auth.by_name(name)
        assert not User.objects.get(username=name).is_staff

    def test_stays_when_the_account_gets_another_name(self, admin: Actor) -> None:
        user = service_users.get("schedule", role="Viewer")
        user.username = "sheila"

        with pytest.raises(Forbidden, match="account of a program"):
            accounts.save_account(actor=admin, user=user)

    def test_is_not_on_a_person_who_has_the_name_of_a_program(self, admin: Actor) -> None:
        person = User(username="schedule")

        accounts.save_account(actor=admin, user=person)
        accounts.set_password(actor=admin, user=person, password=GOOD)

        assert authenticate(username="schedule", password=GOOD) == person
        assert auth.by_name("schedule").read() == person

    def test_is_not_on_a_person_without_a_password(self) -> None:
        User.objects.create_user("schedule")

        with pytest.raises(Conflict):
            service_users.get("schedule", role="Viewer")

    def test_goes_with_the_account(self, admin: Actor) -> None:
        user = service_users.get("schedule", role="Viewer")

        accounts.delete_account(actor=admin, user=user)

        assert not ServiceUser.objects.exists()
        assert service_users.get("schedule", role="Viewer") != user

    @pytest.mark.parametrize(
        "statement",
        ["DELETE FROM app.accesscontrol_serviceuser", "UPDATE app.accesscontrol_serviceuser SET user_id = 0"],
    )
    def test_is_not_taken_back_by_the_application(self, statement: str) -> None:
        service_users.get("schedule", role="Viewer")

        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    def test_was_given_to_the_programs_that_there_were(self) -> None:
        migration = import_module("accesscontrol.migrations.0004_service_users")
        program = User.objects.create_user("load_sample")
        User.objects.create_user("schedule", password=GOOD)
        User.objects.create_user("norah")

        with connection.cursor() as cursor:
            cursor.execute(migration.MARK)

        assert [mark.user for mark in ServiceUser.objects.all()] == [program]
