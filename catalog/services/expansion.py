"""The record that a foreign key points to, as a member of the record that points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from accesscontrol.policy import Operation
from catalog import registry
from catalog.services import columns
from catalog.services.names import listed
from catalog.services.rows import members
from catalog.table import Table


@dataclass(frozen=True)
class Expansion:
    """One member: the record that a column refers to, under the column's name without `_id`."""

    column: str
    parent: Table  # as the actor may know it
    include_deleted: bool

    @property
    def name(self) -> str:
        """The name of the member."""
        return self.column.removesuffix("_id")

    def sql(self) -> sql.Composable:
        """This function will return the member as one item of a SELECT list."""
        shown = [member.sql("p") for member in members(self.parent)]
        if self.parent.soft_delete:
            shown.append(sql.SQL("p.deleted_at IS NOT NULL AS deleted"))
        record = sql.SQL("(SELECT row_to_json(r) FROM (SELECT {}) r)").format(sql.SQL(", ").join(shown))
        if self.parent.soft_delete and not self.include_deleted:
            key = [member.sql("p") for member in members(self.parent) if member.name in self.parent.key]
            record = sql.SQL(
                "CASE WHEN p.deleted_at IS NULL THEN {}"
                " ELSE (SELECT row_to_json(r) FROM (SELECT {}, true AS deleted) r) END"
            ).format(record, sql.SQL(", ").join(key))
        return referred(self.column, self.parent, record, self.name)


def referred(column: str, parent: Table, shown: sql.Composable, name: str) -> sql.Composable:
    """This function will return a member that shows something of the record p that a column refers to; else null."""
    (key,) = parent.key
    return sql.SQL("(SELECT {} FROM public.{} p WHERE {} = {}) AS {}").format(
        shown,
        sql.Identifier(parent.name),
        sql.Identifier("p", key),
        sql.Identifier("q", column),
        sql.Identifier(name),
    )


def build(actor: Actor, table: Table, names: Sequence[str], *, include_deleted: bool) -> list[Expansion]:
    """This function will return the expansions of the foreign keys named (`author_id` or `author`).

    Of a parent in the trash, unless trashed records are asked for, a record shows the key and `deleted: true`
    alone; without a parent the member is null.

    :raises InvalidInput: not a foreign key of the table
    :raises Forbidden: the actor may not read the table it points to
    """
    wanted = dict.fromkeys(_column(table, name) for name in listed(names, "expand", table.foreign_keys))
    return [_expansion(actor, table, column, include_deleted=include_deleted) for column in wanted]


def _column(table: Table, name: str) -> str:
    for column in table.foreign_keys:
        if name in (column, column.removesuffix("_id")):
            return column
    raise InvalidInput(
        f"{table.name} has no foreign key {quoted(name)!r} to expand.{did_you_mean(name, table.foreign_keys)}",
        table=table.name,
        allowed=list(table.foreign_keys),
    )


def _expansion(actor: Actor, table: Table, column: str, *, include_deleted: bool) -> Expansion:
    parent = registry.get(table.foreign_keys[column])
    policy.require(actor, Operation.READ, parent)
    return Expansion(column, columns.shown(actor, parent), include_deleted)
