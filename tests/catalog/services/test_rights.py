"""The rights on a table over all roles: changed at once, by who may, from what they saw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from accesscontrol import roles
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, Forbidden, InvalidInput
from accesscontrol.models import ColumnRule
from audit.models import AuditLog
from catalog import registry
from catalog.services import rights

BOOKS = registry.get("books")


def role(name: str, *grants: tuple[str, str], **rules: str) -> Group:
    group, _ = Group.objects.get_or_create(name=name)
    roles._add(group, set(grants))
    for column, access in rules.items():
        ColumnRule.objects.create(role=group, table_id="books", column_name=column, access=access)
    return group


def rules_of(group: Group) -> dict[str, str]:
    return dict(ColumnRule.objects.filter(role=group).values_list("column_name", "access"))


def change(
    actor: Actor,
    operations: dict[Group, Iterable[str]] | None = None,
    rules: dict[Group, dict[str, str]] | None = None,
    **also: Any,
) -> int:
    seen = also.pop("seen", None) or rights.state_of(rights.on_table(actor=actor, table=BOOKS))
    return rights.change(
        actor=actor,
        table=BOOKS,
        operations={group.pk: set(ticked) for group, ticked in (operations or {}).items()},
        rules={group.pk: given for group, given in (rules or {}).items()},
        seen=seen,
    )


@pytest.fixture
def manager(nobody: Actor) -> Actor:
    """Somebody who manages access and works with books, without the number of words."""
    grants = [("manage_access", ""), *((right, "books") for right in ("read", "insert", "update"))]
    nobody.user.groups.add(role("Bound", *grants, word_count="hidden"))
    return nobody


class TestChange:
    def test_sets_rights_and_rules_of_several_roles_and_leaves_other_tables(self, admin: Actor) -> None:
        first = role("First", ("read", "books"), ("read", "authors"), ("approve", ""))
        second = role("Second", ("read", "books"), status="hidden")

        changed = change(
            admin,
            {first: ["read", "update"], second: []},
            {first: {"word_count": "hidden", "status": "read_only"}, second: {}},
        )

        assert changed == 2
        assert roles.grants_of(first) == {
            ("read", "books"), ("update", "books"), ("read", "authors"), ("approve", ""),
        }  # fmt: skip
        assert roles.grants_of(second) == frozenset()
        assert rules_of(first) == {"word_count": "hidden", "status": "read_only"}
        assert rules_of(second) == {}
        told = AuditLog.objects.filter(operation__in=["GRANT", "REVOKE"]).values_list(
            "operation", "record_id"
        )
        assert set(told) == {
            ("GRANT", "role First"), ("REVOKE", "role First"), ("GRANT", "role Second"), ("REVOKE", "role Second"),
        }  # fmt: skip

    def test_tells_nothing_where_nothing_changes(self, admin: Actor) -> None:
        first = role("First", ("read", "books"), status="hidden")

        assert change(admin, {first: ["read"]}, {first: {"status": "hidden"}}) == 0
        assert not AuditLog.objects.filter(operation__in=["GRANT", "REVOKE"]).exists()

    def test_is_refused_where_somebody_was_faster(self, admin: Actor) -> None:
        first = role("First", ("read", "books"))
        seen = rights.state_of(rights.on_table(actor=admin, table=BOOKS))
        roles.set_grants(actor=admin, group=first, grants=[("delete", "books")])

        with pytest.raises(Conflict, match="Somebody has changed the rights on books"):
            change(admin, {first: ["read", "update"]}, seen=seen)

        assert roles.grants_of(first) == {("delete", "books")}

    def test_happens_whole_or_not_at_all(self, admin: Actor) -> None:
        first, second = role("First"), role("Second", ("read", "books"))

        with pytest.raises(InvalidInput, match="can't be hidden: it is the key"):
            change(admin, {first: ["read"], second: []}, {second: {"id": "hidden"}})

        assert roles.grants_of(first) == frozenset()
        assert roles.grants_of(second) == {("read", "books")}

    @pytest.mark.parametrize(
        ("operations", "rules"),
        [
            ({10**9 - 1: {"read"}}, {}),
            ({}, {10**9 - 1: {}}),
            ({None: {"fly"}}, {}),
            ({}, {None: {"nope": "hidden"}}),
            ({}, {None: {"status": "secret"}}),
        ],
    )
    def test_of_what_there_is_not_is_refused(self, admin: Actor, operations: Any, rules: Any) -> None:
        group = role("First")
        state = rights.state_of(rights.on_table(actor=admin, table=BOOKS))

        with pytest.raises(InvalidInput):
            rights.change(
                actor=admin,
                table=BOOKS,
                operations={number or group.pk: ticked for number, ticked in operations.items()},
                rules={number or group.pk: given for number, given in rules.items()},
                seen=state,
            )

        assert roles.grants_of(group) == frozenset()
        assert rules_of(group) == {}


class TestWhoMay:
    def test_manages_access(self, writer: Actor) -> None:
        with pytest.raises(Forbidden, match="manage_access"):
            rights.on_table(actor=writer, table=BOOKS)
        with pytest.raises(Forbidden, match="manage_access"):
            change(writer, seen="x")

    def test_gives_what_they_hold_and_no_more(self, manager: Actor) -> None:
        first = role("First", word_count="hidden")

        change(manager, {first: ["read", "update"]})
        with pytest.raises(Forbidden, match="do not hold: delete on books"):
            change(manager, {first: ["read", "update", "delete"]})

        assert roles.grants_of(first) == {("read", "books"), ("update", "books")}

    def test_gives_no_right_that_would_open_a_column_kept_from_them(self, manager: Actor) -> None:
        first = role("First")

        with pytest.raises(Forbidden, match="read on every column of books"):
            change(manager, {first: ["read"]})

        assert roles.grants_of(first) == frozenset()

    def test_neither_names_nor_moves_a_column_that_is_hidden_from_them(self, manager: Actor) -> None:
        first = role("First", ("read", "books"), word_count="hidden")

        change(manager, {first: ["read"]}, {first: {"status": "hidden"}})
        with pytest.raises(InvalidInput, match="has no column"):
            change(manager, {}, {first: {"word_count": "read_only"}})

        assert rules_of(first) == {"word_count": "hidden", "status": "hidden"}

    def test_loosens_nothing_that_binds_themselves(self, manager: Actor) -> None:
        bound = Group.objects.get(name="Bound")
        ColumnRule.objects.create(role=bound, table_id="books", column_name="status", access="read_only")

        with pytest.raises(Forbidden, match="nobody lifts a rule that binds them"):
            change(Actor(manager.user, manager.channel), {}, {bound: {}})
