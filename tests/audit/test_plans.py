"""Plans: agreed to once, by whom they were shown, for what they showed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.utils import timezone

from accesscontrol import accounts, freeing, own_roles, roles
from accesscontrol.actor import Actor, Channel, on_this_machine
from accesscontrol.errors import ConfirmationRequired, Forbidden, InvalidInput
from accesscontrol.policy import Planned
from audit import plans
from audit.models import AuditLog, Epoch, Plan

ASKED = {"backup_file": "backup_20261122T020000Z.sql.gz"}
STATE = {"sha256": "a" * 64}
PLAN = {"deletes": 3}
DELETE = "DELETE_BACKUP"

pytestmark = pytest.mark.django_db(transaction=True)


def ask(actor: Actor, token: str | None = None, **other: Any) -> None:
    """Ask for what a plan is needed for."""
    asked = {"operation": DELETE, "arguments": ASKED, "state": STATE, "plan": PLAN} | other
    plans.require(actor, **asked, token=token)


def shown(actor: Actor, token: str | None = None, **other: Any) -> ConfirmationRequired:
    """Ask, and return the refusal with the plan."""
    with pytest.raises(ConfirmationRequired) as refused:
        ask(actor, token, **other)
    return refused.value


def token_of(actor: Actor, **other: Any) -> str:
    return str(shown(actor, **other).details["plan_token"])


def again(actor: Actor) -> Actor:
    """The same person at their next call."""
    return Actor(actor.user, actor.channel)


class TestRequire:
    def test_shows_the_plan_first(self, admin: Actor) -> None:
        refusal = shown(admin)

        assert (refusal.code, refusal.status) == ("CONFIRMATION_REQUIRED", 409)
        assert refusal.details["plan"] == PLAN
        assert refusal.details["expires_at"] > timezone.now().isoformat()
        assert "plan_token" in str(refusal.hint)

    def test_a_token_is_good_once(self, admin: Actor) -> None:
        token = token_of(admin)

        ask(again(admin), token)

        assert "was used" in shown(again(admin), token).message

    def test_a_plan_outlives_the_transaction_that_its_refusal_rolls_back(self, admin: Actor) -> None:
        with pytest.raises(ConfirmationRequired) as refused, transaction.atomic():
            ask(admin)

        ask(admin, refused.value.details["plan_token"])

    def test_a_token_is_not_used_where_the_operation_is_rolled_back(self, admin: Actor) -> None:
        token = token_of(admin)

        with transaction.atomic():
            ask(admin, token)
            transaction.set_rollback(True)

        ask(admin, token)

    @pytest.mark.parametrize(
        ("other", "reason"),
        [
            ({"arguments": {"backup_file": "another"}}, "something else"),
            ({"operation": "RESTORE_FULL"}, "something else"),
            ({"state": {"sha256": "b" * 64}}, "changed since"),
        ],
    )
    def test_a_token_is_good_for_what_its_plan_showed_alone(
        self, admin: Actor, other: dict[str, Any], reason: str
    ) -> None:
        token = token_of(admin)

        refusal = shown(admin, token, **other)

        assert reason in refusal.message
        ask(admin, refusal.details["plan_token"], **other)
        ask(admin, token)

    def test_a_token_is_good_for_its_caller_alone(self, admin: Actor, editor: Actor) -> None:
        token = token_of(admin)

        for other in (editor, on_this_machine()):
            assert "none that you were given" in shown(other, token).message
        ask(admin, token)

    def test_whoever_runs_commands_on_the_machine_has_plans_too(self, admin: Actor) -> None:
        token = token_of(on_this_machine())

        shown(admin, token)
        ask(on_this_machine(), token)

    def test_a_token_expires(self, admin: Actor) -> None:
        token = token_of(admin)
        Plan.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

        assert "has expired" in shown(admin, token).message
        assert Plan.objects.count() == 1  # the new one: what has expired is forgotten

    def test_a_restore_of_the_catalog_makes_plans_void(self, admin: Actor) -> None:
        token = token_of(admin)
        Epoch.objects.create(started_at=timezone.now(), backup_file="b", sha256="c")

        assert "changed since" in shown(admin, token).message

    @pytest.mark.parametrize("token", ["", "x" * 100_000, "\0", "\ud800", 5])
    def test_what_is_no_token_is_none(self, admin: Actor, token: Any) -> None:
        token_of(admin)

        shown(admin, token)

    def test_keeps_no_token(self, admin: Actor) -> None:
        token = token_of(admin)

        with connection.cursor() as cursor:
            cursor.execute("SELECT audit_plan::text FROM app.audit_plan")
            (kept,) = cursor.fetchone()
        assert token not in kept

    def test_of_many_who_come_at_once_one_is_let_in(self, admin: Actor) -> None:
        token, together = token_of(admin), Barrier(4)

        def come(_: int) -> bool:
            try:
                together.wait()
                ask(again(admin), token)
            except ConfirmationRequired:
                return False
            else:
                return True
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(come, range(4))) == 1


Trail = Callable[..., list[AuditLog]]


def petra() -> Actor:
    """Somebody who manages access, and is not freed of anything."""
    user = User.objects.create_user("petra", password="correct horse")
    group = Group.objects.create(name="Personnel")
    roles._add(group, {("manage_access", "")})
    user.groups.add(group)
    return Actor(user, Channel.ADMIN)


class TestFreedRoles:
    def test_do_it_at_once(self, admin: Actor, editor: Actor, trail: Trail) -> None:
        group = Group.objects.get(name="Editor")

        freeing.set_freed(actor=admin, group=group, operations=[Planned.DELETE_BACKUP])

        ask(again(editor))
        shown(again(editor), operation="RESTORE_FULL")
        shown(again(admin))  # not even a superuser, but by a role
        (told,) = trail(operation="GRANT", record_id="role Editor")
        assert told.changes == {"without_plan": {"new": ["DELETE_BACKUP"]}}

    def test_are_bound_again_at_the_next_call(self, admin: Actor, editor: Actor, trail: Trail) -> None:
        group = Group.objects.get(name="Editor")
        freeing.set_freed(actor=admin, group=group, operations=["DELETE_BACKUP", "IMPORT_CSV"])

        freeing.set_freed(actor=admin, group=group, operations=["IMPORT_CSV"])

        shown(again(editor))
        ask(again(editor), operation="IMPORT_CSV")
        (told,) = trail(operation="REVOKE", record_id="role Editor")
        assert told.changes == {"without_plan": {"old": ["DELETE_BACKUP"]}}

    def test_are_no_longer_freed_when_the_account_is_disabled(self, admin: Actor, editor: Actor) -> None:
        group = Group.objects.get(name="Editor")
        freeing.set_freed(actor=admin, group=group, operations=["DELETE_BACKUP"])

        User.objects.filter(pk=editor.user.pk).update(is_active=False)

        shown(again(editor))

    def test_nobody_frees_a_role_of_what_they_are_not_freed_of(self, admin: Actor) -> None:
        personnel = petra()
        group = Group.objects.get(name="Personnel")
        with pytest.raises(Forbidden, match="DELETE_BACKUP without a plan"):
            freeing.set_freed(actor=personnel, group=group, operations=["DELETE_BACKUP"])

        freeing.set_freed(actor=admin, group=group, operations=["DELETE_BACKUP"])

        own_roles.save_role(
            actor=again(personnel), group=Group(name="Helpers"), grants=(), freed=["DELETE_BACKUP"]
        )
        assert roles.freed_of(Group.objects.get(name="Helpers")) == {"DELETE_BACKUP"}

    def test_nobody_gives_a_freed_role_who_is_not_freed(self, admin: Actor, nobody: Actor) -> None:
        personnel = petra()
        group = Group.objects.create(name="Freed")
        freeing.set_freed(actor=admin, group=group, operations=["DELETE_BACKUP"])

        with pytest.raises(Forbidden, match="DELETE_BACKUP without a plan"):
            accounts.save_account(actor=personnel, user=nobody.user, roles_=[group])

    def test_who_may_not_manage_access_frees_nothing(self, editor: Actor) -> None:
        with pytest.raises(Forbidden, match="manage_access"):
            freeing.set_freed(actor=editor, group=Group.objects.get(name="Editor"), operations=[])

    def test_what_has_no_plan_needs_no_freeing(self, admin: Actor) -> None:
        with pytest.raises(InvalidInput, match="no plan: QUERY"):
            freeing.set_freed(actor=admin, group=Group.objects.get(name="Editor"), operations=["QUERY"])

    def test_a_deleted_role_takes_its_freedom_along(self, admin: Actor, nobody: Actor, trail: Trail) -> None:
        group = Group.objects.create(name="Freed")
        nobody.user.groups.add(group)
        freeing.set_freed(actor=admin, group=group, operations=["DELETE_BACKUP"])

        own_roles.delete_role(actor=admin, group=group)

        shown(again(nobody))
        assert trail(operation="REVOKE")[0].changes == {"without_plan": {"old": ["DELETE_BACKUP"]}}
