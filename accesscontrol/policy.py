"""What an actor may do: the one place that decides. Tables are known by name only.

Rights per table are django-guardian object permissions on CatalogTable rows; rights on the whole are
permissions of the same model without a row. What is not granted is denied.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from accesscontrol.actor import Actor
from accesscontrol.errors import AuthenticationRequired, Forbidden, ReadOnlyTable
from accesscontrol.grants import NOWHERE
from accesscontrol.models import CatalogTable


class Operation(StrEnum):
    """A right on one table, by the codename of its permission."""

    READ = "read"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    PURGE = "purge"
    EXPORT = "export"
    IMPORT = "import"
    BACKUP = "backup"
    RESTORE = "restore"


class Right(StrEnum):
    """A right on the whole, by the codename of its permission."""

    VIEW_AUDIT = "view_audit"
    MANAGE_BACKUPS = "manage_backups"
    APPROVE = "approve"
    MANAGE_ACCESS = "manage_access"


class Planned(StrEnum):
    """An operation that destroys much, as the trail names it: it answers with a plan first, but to freed roles."""

    RESTORE_FULL = "RESTORE_FULL"
    RESTORE_TABLE = "RESTORE_TABLE"
    DELETE_BACKUP = "DELETE_BACKUP"
    IMPORT_JSON = "IMPORT_JSON"
    IMPORT_CSV = "IMPORT_CSV"
    IMPORT_XLSX = "IMPORT_XLSX"


class ColumnAccess(StrEnum):
    """What a rule makes of a column for a role."""

    HIDDEN = "hidden"
    READ_ONLY = "read_only"


_DOES = {  # the right that it takes
    Planned.RESTORE_FULL: Operation.RESTORE,
    Planned.RESTORE_TABLE: Operation.RESTORE,
    Planned.DELETE_BACKUP: Right.MANAGE_BACKUPS,
    Planned.IMPORT_JSON: Operation.IMPORT,
    Planned.IMPORT_CSV: Operation.IMPORT,
    Planned.IMPORT_XLSX: Operation.IMPORT,
}
WRITES = frozenset({Operation.INSERT, Operation.UPDATE, Operation.DELETE, Operation.PURGE, Operation.IMPORT})


class Resource(Protocol):
    """What the policy needs to know of a table."""

    @property
    def name(self) -> str: ...
    @property
    def read_only(self) -> bool: ...


@dataclass(frozen=True)
class Decision:
    """A verdict with its reason, for a person to read."""

    allowed: bool
    reason: str


def decide(actor: Actor, operation: Operation, table: Resource) -> Decision:
    """This function will say whether the actor may do `operation` on `table`, and why."""
    if table.read_only and operation in WRITES:
        return Decision(False, f"{table.name} is read only for everyone")
    return _verdict(actor, operation, table.name)


def holds(actor: Actor, right: Right) -> Decision:
    """This function will say whether the actor holds a right on the whole, and why."""
    return _verdict(actor, right)


def has(actor: Actor, right: str, table: str = NOWHERE) -> bool:
    """This function will say whether the actor holds a right, by its name, on a table or on the whole."""
    return _verdict(actor, right, table).allowed


def require(actor: Actor, operation: Operation, table: Resource) -> None:
    """This function will do nothing where the actor may do `operation` on `table`.

    :raises AuthenticationRequired: nobody is logged in, or the account is disabled
    :raises ReadOnlyTable: the table is read only
    :raises Forbidden: nothing grants it
    """
    require_account(actor)
    decision = decide(actor, operation, table)
    if decision.allowed:
        return
    if table.read_only and operation in WRITES:
        raise ReadOnlyTable(f"{decision.reason}.", table=table.name)
    raise Forbidden(
        f"You may not {operation} in {table.name}: {decision.reason}.",
        hint="Use a key whose scope includes it."
        if _is_beyond_scope(actor, operation, table.name)
        else "Ask an administrator for a role that grants it.",
        table=table.name,
        operation=str(operation),
    )


def require_right(actor: Actor, right: Right) -> None:
    """This function will do nothing where the actor holds a right on the whole.

    :raises AuthenticationRequired: nobody is logged in, or the account is disabled
    :raises Forbidden: nothing grants it
    """
    require_account(actor)
    decision = holds(actor, right)
    if not decision.allowed:
        raise Forbidden(f"This needs the right {right}: {decision.reason}.", right=str(right))


def require_account(actor: Actor) -> None:
    """This function will do nothing where somebody with a working account acts.

    :raises AuthenticationRequired: nobody is logged in, or the account is disabled
    """
    if actor.user is None:
        raise AuthenticationRequired
    if not actor.grants.is_active:
        raise AuthenticationRequired("This account is disabled.")


def require_whole_account(actor: Actor) -> None:
    """This function will do nothing where somebody acts with all that their account may.

    What concerns an account itself needs that: nobody gets beyond the scope of a key through it.

    :raises AuthenticationRequired: nobody is logged in, or the account is disabled
    :raises Forbidden: the actor's key or token may less than their account
    """
    require_account(actor)
    if actor.scope is not None:
        raise Forbidden(
            "A key or token with a scope can't change the account that it acts for.",
            hint="Log in to do this.",
        )


def is_superuser(actor: Actor) -> bool:
    """This function will say whether a superuser acts, and not with a key or token that may less."""
    return actor.grants.is_superuser and actor.scope is None


def granted_tables(actor: Actor, operation: Operation) -> frozenset[str]:
    """This function will return the names of the tables on which roles grant `operation`, within the scope.

    A superuser needs no role; for one whose key has a scope, these are the tables of the scope.
    """
    if actor.scope is None:
        return actor.grants.tables(operation)
    granted = actor.grants.tables(operation)
    if actor.grants.is_superuser:
        granted = frozenset(CatalogTable.objects.values_list("name", flat=True))
    return frozenset(table for table in granted if actor.scope.includes(operation, table))


def hidden_columns(actor: Actor, table: str) -> frozenset[str]:
    """This function will return the columns of a table that the actor may not even know of."""
    grants = actor.grants
    return (
        frozenset() if grants.is_superuser else grants.restricted(ColumnAccess.HIDDEN, Operation.READ, table)
    )


def has_hidden_columns(actor: Actor) -> bool:
    """This function will say whether some column of some table is hidden from the actor."""
    return any(hidden_columns(actor, table) for table in tables_with_rules(actor))


def tables_with_rules(actor: Actor) -> frozenset[str]:
    """This function will return the names of the tables that have rules for columns in a role of the actor."""
    return frozenset(table for _, table in actor.grants.rules)


def read_only_columns(actor: Actor, operation: Operation, table: str) -> frozenset[str]:
    """This function will return the columns of a table that the actor may see and not set."""
    grants = actor.grants
    return frozenset() if grants.is_superuser else grants.restricted(ColumnAccess.READ_ONLY, operation, table)


def is_free_of_plans(actor: Actor, operation: Planned) -> bool:
    """This function will say whether a role of the actor lets them do `operation` without a plan."""
    grants = actor.grants
    return grants.is_active and operation in grants.freed and _is_in_scope_somewhere(actor, operation)


def may_free(actor: Actor, operation: str) -> bool:
    """This function will say whether the actor may let roles do `operation` without a plan."""
    if not actor.grants.is_superuser:
        return is_free_of_plans(actor, Planned(operation))
    return _is_in_scope_somewhere(actor, Planned(operation))


def _is_in_scope_somewhere(actor: Actor, operation: Planned) -> bool:
    return actor.scope is None or actor.scope.touches(_DOES[operation])


def _is_beyond_scope(actor: Actor, right: str, table: str) -> bool:
    return actor.scope is not None and not actor.scope.includes(right, table)


def _verdict(actor: Actor, right: str, table: str = NOWHERE) -> Decision:
    """The verdict on a right, by the grants and the scope."""
    grants = actor.grants
    what = f"{right} on {table}" if table else right
    if not grants.is_active:
        return Decision(False, "nobody is logged in" if actor.user is None else "the account is disabled")
    if _is_beyond_scope(actor, right, table):
        return Decision(False, f"the key's scope does not include {what}")
    if grants.is_superuser:
        return Decision(True, "a superuser may")
    source = grants.source(right, table)
    if source is None:
        return Decision(False, f"no role of {actor.username} grants {what}")
    return Decision(True, f"{source} grants {what}")
