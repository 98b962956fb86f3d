"""Service users hold a role, cannot log in, and are never a person."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, User

from accesscontrol import accounts, service_users
from accesscontrol.actor import Actor
from accesscontrol.errors import AuthenticationRequired, Conflict, Forbidden
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


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(service_users.NAMES))
def test_nobody_makes_a_program_log_in(admin: Actor, name: str) -> None:
    user = service_users.get(name, role="Viewer")
    user.is_staff = True

    with pytest.raises(Forbidden, match="account of a program"):
        accounts.save_account(actor=admin, user=user)
    with pytest.raises(Forbidden, match="account of a program"):
        accounts.set_password(actor=admin, user=user, password="a long enough passphrase")
    with pytest.raises(AuthenticationRequired, match="account of a program"):
        auth.by_name(name)
    assert not User.objects.get(username=name).is_staff
