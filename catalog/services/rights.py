"""The rights on one table over all roles, and the rules on its columns: seen and changed together."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256

from django.contrib.auth.models import Group
from django.db import transaction

from accesscontrol import policy, roles
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, InvalidInput
from accesscontrol.grants import Grants
from accesscontrol.policy import ColumnAccess, Operation, Right
from catalog.services import columns
from catalog.services.column_rules import set_column_rule
from catalog.table import Table

Rules = Mapping[str, str]  # {column: "hidden" or "read_only"}, or "" for a column that is open


@dataclass(frozen=True)
class RoleOnTable:
    """What one role may do with the table, and what is kept from it there."""

    role: Group
    held: Grants  # all that the role gives
    operations: frozenset[str]
    rules: Rules


def on_table(*, actor: Actor, table: Table) -> list[RoleOnTable]:
    """This function will return the rights of every role on a table, by the role's name.

    :raises Forbidden: the actor may not manage access
    """
    policy.require_right(actor, Right.MANAGE_ACCESS)
    return [
        RoleOnTable(
            role=role,
            held=held,
            operations=frozenset(o for o in Operation if (o, table.name) in held.sources),
            rules=_rules(held, table),
        )
        for role, held in roles.held_by_all().items()
    ]


def state_of(found: Collection[RoleOnTable]) -> str:
    """This function will return a mark that changes whenever something of this does."""
    told = [[one.role.pk, sorted(one.operations), sorted(one.rules.items())] for one in found]
    return sha256(json.dumps(told).encode()).hexdigest()


@transaction.atomic
def change(
    *,
    actor: Actor,
    table: Table,
    operations: Mapping[int, Collection[str]],
    rules: Mapping[int, Rules],
    seen: str,
) -> int:
    """This function will make these the rights on a table, of the roles that are named by number.

    It returns how many roles changed. `rules` are those of columns that the actor may know of; others stay. `seen`
    is the `state_of` what the change was made from.

    :raises Conflict: it is no longer what was seen
    :raises Forbidden: the actor may not manage access, or gives what they do not hold, or loosens a rule that
        binds them
    :raises InvalidInput: there is no such role, operation or column, or a column can't be hidden
    """
    policy.require_right(actor, Right.MANAGE_ACCESS)
    list(Group.objects.select_for_update().order_by("pk"))  # who changes a role waits
    now = {one.role.pk: one for one in on_table(actor=actor, table=table)}
    if state_of(now.values()) != seen:
        raise Conflict(
            f"Somebody has changed the rights on {table.name} since you opened this page.",
            hint="Nothing was saved. Open the page again to see them as they are now.",
        )
    _require_known(actor, table, now, {*operations, *rules}, rules)
    kept = {number: set(one.rules) - set(columns.shown(actor, table).columns) for number, one in now.items()}
    wanted = {
        number: {c: a for c, a in given.items() if a} | {c: now[number].rules[c] for c in kept[number]}
        for number, given in rules.items()
    }
    # First what is kept from a role, then what is given, then what is no longer kept: each is judged as things are by
    # then.
    for number, given in wanted.items():
        _set_rules(
            actor, table, now[number], {c: a for c, a in given.items() if _tightens(now[number], c, a)}
        )
    for number, ticked in operations.items():
        _set_operations(actor, table, now[number], frozenset(ticked))
    for number, given in wanted.items():
        loosened = {
            c: given.get(c)
            for c in {*now[number].rules, *given}
            if not _tightens(now[number], c, given.get(c))
        }
        _set_rules(actor, table, now[number], loosened)
    after = {one.role.pk: one for one in on_table(actor=actor, table=table)}
    return sum((now[n].operations, now[n].rules) != (one.operations, one.rules) for n, one in after.items())


def _rules(held: Grants, table: Table) -> dict[str, str]:
    """The rules of a role for the columns of a table."""
    return {
        column: str(access)
        for access in ColumnAccess
        for column in held.rules.get((str(access), table.name), {})
    }


def _require_known(
    actor: Actor,
    table: Table,
    now: Mapping[int, object],
    numbers: Collection[int],
    rules: Mapping[int, Rules],
) -> None:
    if unknown := sorted(set(numbers) - set(now)):
        raise InvalidInput("There is no such role.", roles=unknown[:5])
    seen = columns.shown(actor, table)
    for name in {name for given in rules.values() for name in given}:
        seen.column(name)


def _tightens(one: RoleOnTable, column: str, access: str | None) -> bool:
    """Whether a rule keeps more from a role than it has kept so far."""
    order = [None, str(ColumnAccess.READ_ONLY), str(ColumnAccess.HIDDEN)]
    before = one.rules.get(column)
    return access not in order or order.index(access) > order.index(before)


def _set_rules(actor: Actor, table: Table, one: RoleOnTable, rules: Mapping[str, str | None]) -> None:
    for column, access in sorted(rules.items()):
        if one.rules.get(column) != access:
            set_column_rule(actor=actor, role=one.role, table=table, column=column, access=access)


def _set_operations(actor: Actor, table: Table, one: RoleOnTable, ticked: frozenset[str]) -> None:
    if ticked != one.operations:
        others = {grant for grant in one.held.sources if grant[1] != table.name}
        grants = others | {(operation, table.name) for operation in ticked}
        roles.set_grants(actor=actor, group=one.role, grants=grants)
