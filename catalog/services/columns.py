"""Which columns of a table an actor may know of, and which they may set."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Forbidden
from accesscontrol.policy import Operation
from catalog import registry
from catalog.services.rows import Rows
from catalog.table import Table

_TELLING = frozenset({"changes", "error_message"})


def shown(actor: Actor, table: Table) -> Table:
    """This function will return a table with the columns that the actor may know of.

    All that is derived from it (results, filters, orders, aggregates, messages) says nothing of others.
    """
    hidden = policy.hidden_columns(actor, table.name)
    if table.append_only and policy.has_hidden_columns(actor):
        hidden |= _TELLING  # the audit trail tells of all tables; a search of it masks row by row
    return _without(table.name, hidden)


def require_writable(actor: Actor, operation: Operation, table: Table, names: Iterable[str]) -> None:
    """This function will do nothing where the actor may set the columns named.

    :raises Forbidden: one is read only for them
    """
    kept = sorted(policy.read_only_columns(actor, operation, table.name).intersection(names))
    if kept:
        raise Forbidden(
            f"You may not set {', '.join(kept)} in {table.name}: read only for your role.",
            table=table.name,
            columns=kept,
        )


def project(actor: Actor, table: Table, records: Rows) -> Rows:
    """This function will return whole records with only what the actor may see of them."""
    seen = shown(actor, table)
    return records if seen is table else records.only(seen.columns)


@lru_cache(maxsize=256)
def _without(name: str, hidden: frozenset[str]) -> Table:
    return registry.get(name).without(hidden)
