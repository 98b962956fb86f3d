"""There is always a superuser who can log in: nobody disables, demotes or deletes the last one."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from accesscontrol import accounts
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Conflict, Refused
from audit.models import AuditLog

Trail = Callable[..., list[AuditLog]]
TURN_OFF = {
    "disable": {"is_active": False},
    "demote": {"is_superuser": False},
    "keep out": {"is_staff": False},
    "take the password": {"password": "!"},
}


def save(actor: Actor, user: User, **values: object) -> None:
    for name, value in values.items():
        setattr(user, name, value)
    accounts.save_account(actor=actor, user=user)


def other(**flags: bool | str | None) -> User:
    password = flags.pop("password", "correct horse")
    return User.objects.create_user(
        "eve", password=password, **{"is_superuser": True, "is_staff": True, **flags}
    )


@pytest.mark.parametrize("values", TURN_OFF.values(), ids=TURN_OFF.keys())
class TestTheLast:
    def test_is_not_turned_off(self, admin: Actor, trail: Trail, values: dict[str, object]) -> None:
        with pytest.raises(Conflict, match="ada is the last superuser who can log in"):
            save(admin, admin.user, **values)

        assert accounts.is_administrator(User.objects.get(username="ada"))
        assert trail() == []

    def test_is_not_turned_off_by_another_who_cannot_log_in(
        self, admin: Actor, values: dict[str, object]
    ) -> None:
        actor = Actor(other(password=None), Channel.MCP)

        with pytest.raises(Conflict):
            save(actor, admin.user, **values)

    def test_of_two_is_the_other(self, admin: Actor, values: dict[str, object]) -> None:
        eve = other()

        save(admin, eve, **values)
        with pytest.raises(Conflict):
            save(admin, admin.user, **values)


class TestDeletion:
    def test_spares_the_last(self, admin: Actor) -> None:
        with pytest.raises(Conflict):
            accounts.delete_account(actor=admin, user=admin.user)

        assert User.objects.filter(username="ada").exists()

    @pytest.mark.parametrize("flag", ["is_active", "is_staff", "is_superuser"])
    def test_counts_only_who_can_log_in(self, admin: Actor, flag: str) -> None:
        eve = other(**{flag: False})

        with pytest.raises(Conflict):
            accounts.delete_account(actor=admin, user=admin.user)
        accounts.delete_account(actor=admin, user=eve)

        assert list(User.objects.all()) == [admin.user]


@pytest.mark.django_db(transaction=True)
def test_two_who_demote_each_other_at_once_leave_one(admin: Actor) -> None:
    eve = other()
    refusals: list[Refused] = []

    def demote_ada() -> None:
        try:
            save(Actor(eve, Channel.ADMIN), User.objects.get(username="ada"), is_superuser=False)
        except Refused as refusal:
            refusals.append(refusal)
        finally:
            connection.close()

    second = threading.Thread(target=demote_ada)
    with transaction.atomic():
        save(admin, User.objects.get(username="eve"), is_superuser=False)
        second.start()
        while second.is_alive() and not _somebody_waits():
            pass
    second.join()

    assert [refusal.code for refusal in refusals] == ["CONFLICT"]
    assert list(User.objects.filter(is_superuser=True)) == [admin.user]


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return bool(cursor.fetchone()[0])
