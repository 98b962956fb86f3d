"""What a record refers to, and what refers to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, models
from psycopg import sql

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from catalog import registry
from catalog.errors import ForeignKeyViolation
from catalog.services.rows import Record
from catalog.table import Table

MAX_KEYS_SHOWN = 100


def require_live_parents(table: Table, values: Mapping[str, Any]) -> None:
    """This function will lock the records that `values` refer to, and refuse one that is in the trash.

    The lock (FOR KEY SHARE) keeps them from being deleted before this transaction ends; a deletion
    takes FOR UPDATE first. Missing records are left to the database's own foreign keys.

    :raises ForeignKeyViolation: names the column, the value and the table it points to
    """
    wanted = {
        column: registry.get(parent)
        for column, parent in table.foreign_keys.items()
        if values.get(column) is not None and registry.get(parent).soft_delete
    }
    if not wanted:
        return
    found = [
        sql.SQL("{} AS (SELECT deleted_at FROM public.{} WHERE id = %s FOR KEY SHARE)").format(
            sql.Identifier(column), sql.Identifier(parent.name)
        )
        for column, parent in wanted.items()
    ]
    checks = [
        sql.SQL("SELECT {} FROM {} WHERE deleted_at IS NOT NULL").format(
            sql.Literal(column), sql.Identifier(column)
        )
        for column in wanted
    ]
    statement = sql.SQL("WITH {} {}").format(sql.SQL(", ").join(found), sql.SQL(" UNION ALL ").join(checks))
    with connection.cursor() as cursor:
        cursor.execute(statement, [values[column] for column in wanted])
        trashed = [column for (column,) in cursor.fetchall()]
    for column in trashed:
        raise _in_the_trash(table, column, values[column])


def require_no_dependents(actor: Actor, table: Table, records: Sequence[Record]) -> None:
    """This function will refuse the deletion of records that others refer to without ON DELETE CASCADE.

    :raises ForeignKeyViolation: `details.dependents` lists them by table and column, with counts, how
        many of them are in the trash, and up to 100 keys; of a table that the actor may not read, only
        that it has some
    """
    dependents = [
        found
        for referring, column in _referring(table, models.RESTRICT)
        if (found := _dependents(actor, table, referring, column, records))
    ]
    if not dependents:
        return
    count = sum(found["count"] for found in dependents if "count" in found)
    raise ForeignKeyViolation(
        f"{count or 'Some'} other records still refer to these records of {table.name}.",
        hint="Delete or change those first, or delete softly."
        if table.soft_delete
        else "Delete or change those first.",
        table=table.name,
        dependents=dependents,
    )


def cascade_counts(table: Table, records: Sequence[Record]) -> dict[str, int]:
    """This function will count, by table, the records that the database will delete with these."""
    counts: dict[str, int] = {}
    for referring, column in _referring(table, models.CASCADE):
        rows = referring.model._default_manager.filter(
            **{f"{column}__in": [record["id"] for record in records]}
        )
        if found := rows.count():
            counts[referring.name] = counts.get(referring.name, 0) + found
    return counts


def _referring(table: Table, on_delete: Any) -> list[tuple[Table, str]]:
    """The (table, column) pairs that refer to `table` under a rule for deletion."""
    return [
        (referring, column)
        for referring in registry.all_tables()
        for column, parent in referring.foreign_keys.items()
        if parent == table.name and referring.columns[column].remote_field.on_delete is on_delete  # type: ignore[union-attr]
    ]


def _dependents(
    actor: Actor, table: Table, referring: Table, column: str, records: Sequence[Record]
) -> dict[str, Any] | None:
    """What of one column refers to the records, or None."""
    ids = [record["id"] for record in records]
    rows = referring.model._default_manager.filter(**{f"{column}__in": ids})
    if referring is table:
        rows = rows.exclude(id__in=ids)  # they go in the same statement
    keys = list(rows.order_by(*referring.key).values(*referring.key)[: MAX_KEYS_SHOWN + 1])
    if not keys:
        return None
    if not policy.decide(actor, Operation.READ, referring).allowed:
        return {"table": "(a table that you may not read)"}
    return {
        "table": referring.name,
        "column": column,
        "count": len(keys) if len(keys) <= MAX_KEYS_SHOWN else rows.count(),
        "in_trash": rows.filter(deleted_at__isnull=False).count() if referring.soft_delete else 0,
        "keys": [referring.format_key(key) for key in keys[:MAX_KEYS_SHOWN]],
    }


def _in_the_trash(table: Table, column: str, value: Any) -> ForeignKeyViolation:
    parent = table.foreign_keys[column]
    return ForeignKeyViolation(
        f"{column}: record {value} of {parent} is in the trash.",
        hint=f"Restore it first (restore_records on {parent}), or refer to another.",
        table=table.name,
        column=column,
        value=value,
        references=parent,
    )
