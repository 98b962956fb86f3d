"""What somebody may give to others: no right that they do not hold, and no column that is kept from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Forbidden
from accesscontrol.grants import NOWHERE, Grants
from accesscontrol.policy import ColumnAccess, Operation, Right

Grant = tuple[str, str]  # (right, table), the table NOWHERE for a right on the whole
Opened = tuple[str, str, str]  # (right, table, column): what is read or set by that right

_NOTHING = Grants()
SETTING = frozenset({Operation.INSERT, Operation.UPDATE, Operation.IMPORT, Operation.RESTORE})


def require_held(actor: Actor, given: Grants, *, before: Grants = _NOTHING) -> None:
    """This function will do nothing where the actor holds all of `given` that was not there `before`.

    :raises Forbidden: names the first rights that the actor does not hold
    """
    if missing := not_held(actor, given, before=before)[:5]:
        raise Forbidden(f"You can't give rights that you do not hold: {', '.join(missing)}.", rights=missing)


def not_held(actor: Actor, given: Grants, *, before: Grants = _NOTHING) -> list[str]:
    """This function will return the names of what `given` grants beyond `before`, and the actor does not hold."""
    if policy.is_superuser(actor):
        return []
    new = given.sources.keys() - before.sources.keys()
    rights = names_of(grant for grant in new if not policy.has(actor, *grant))
    columns = _kept_from(actor, given) - _kept_from(actor, before)
    freed = {name for name in given.freed - before.freed if not policy.may_free(actor, name)}
    return [
        *rights,
        *sorted({_name_of(actor, *opened) for opened in columns}),
        *(f"{operation} without a plan" for operation in sorted(freed)),
    ]


def lacking(actor: Actor, role: str, held: Grants, grant: Grant) -> list[str]:
    """This function will return what the actor would have to hold to add a right to a role, which gives `held`."""
    return not_held(actor, replace(held, sources={**held.sources, grant: [role]}), before=held)


def names_of(grants: Iterable[Grant]) -> list[str]:
    """This function will return grants for a person to read: "update on books", "view_audit"."""
    return sorted(" on ".join(part for part in grant if part) for grant in grants)


def _kept_from(actor: Actor, given: Grants) -> set[Opened]:
    """The columns that `given` shows or lets set, and the actor's own roles do not."""
    ruled = policy.tables_with_rules(actor)
    tables = {table for _, table in given.sources}
    if (Right.VIEW_AUDIT, NOWHERE) in given.sources:
        tables |= ruled  # the trail tells of every table
    opened: set[Opened] = set()
    for table in tables & ruled:
        shown = policy.hidden_columns(actor, table) - given.restricted(
            ColumnAccess.HIDDEN, Operation.READ, table
        )
        opened |= {(Operation.READ, table, column) for column in shown}
    for right, table in given.sources:
        if right in SETTING and table in ruled:
            settable = policy.read_only_columns(actor, Operation(right), table) - given.restricted(
                ColumnAccess.READ_ONLY, right, table
            )
            opened |= {(right, table, column) for column in settable}
    return opened


def _name_of(actor: Actor, right: str, table: str, column: str) -> str:
    """What is opened, for a person who may not know of every column."""
    if column in policy.hidden_columns(actor, table):
        return f"{right} on every column of {table}"
    return f"{right} on {column} of {table}"
