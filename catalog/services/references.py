"""What a record refers to, and what refers to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection, models
from django.db.models import Exists, OuterRef, QuerySet
from psycopg import sql

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from catalog import registry
from catalog.errors import ForeignKeyViolation
from catalog.services.lookups import among
from catalog.services.rows import Record, Rows, fetch_whole
from catalog.services.wording import counted
from catalog.table import Table

MAX_KEYS_SHOWN = 100


def require_live_parents(
    table: Table, records: Sequence[Mapping[str, Any]], before: Sequence[Record] = ()
) -> None:
    """This function will lock the records that new values refer to, and refuse one that is in the trash.

    A reference that every record `before` has already is no new one.

    :raises ForeignKeyViolation: names the column, the value and the table it points to
    """
    for _, refusal in trashed_parents(table, [new_values(record, before) for record in records]):
        raise refusal


def new_values(record: Mapping[str, Any], before: Sequence[Record]) -> dict[str, Any]:
    """This function will return the values that are to be set on records and that not all of them have before."""
    return {
        name: value
        for name, value in record.items()
        if not before or any(old.get(name) != value for old in before)
    }


def trashed_parents(
    table: Table, records: Sequence[Mapping[str, Any]]
) -> list[tuple[int, ForeignKeyViolation]]:
    """This function will return a refusal for each of the records, by index, that refers to one in the trash.

    All that is referred to is locked (FOR KEY SHARE), which keeps it from being deleted before this
    transaction ends; a deletion takes FOR UPDATE first. Missing records are left to the database's
    own foreign keys.
    """
    wanted = {
        column: sorted({record[column] for record in records if record.get(column) is not None})
        for column, _ in _parents_with_trash(table)
    }
    wanted = {column: keys for column, keys in wanted.items() if keys}
    if not wanted:
        return []
    trashed = _lock_and_find_trashed(table, wanted)
    return [
        (index, _in_the_trash(table, column, record[column]))
        for index, record in enumerate(records)
        for column in wanted
        if (column, record.get(column)) in trashed
    ]


def _lock_and_find_trashed(table: Table, wanted: Mapping[str, Sequence[int]]) -> set[tuple[str, int]]:
    """The (column, key) pairs that point into the trash."""
    with connection.cursor() as cursor:
        cursor.execute(_locking(table, tuple(wanted)), [list(keys) for keys in wanted.values()])
        return set(cursor.fetchall())


@lru_cache(maxsize=512)
def _locking(table: Table, columns: tuple[str, ...]) -> str:
    """The statement that locks what columns refer to and returns those in the trash; a list of keys for each."""
    parts, checks = [], []
    for column in columns:
        name, parent = sql.Identifier(column), sql.Identifier(table.foreign_keys[column])
        parts.append(
            sql.SQL(
                "{} AS (SELECT id, deleted_at FROM public.{} WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE)"
            ).format(name, parent)
        )
        checks.append(
            sql.SQL("SELECT {}, id FROM {} WHERE deleted_at IS NOT NULL").format(sql.Literal(column), name)
        )
    statement = sql.SQL("WITH {} {}").format(sql.SQL(", ").join(parts), sql.SQL(" UNION ALL ").join(checks))
    return statement.as_string()


def are_live(table: Table, columns: Collection[str], row: str) -> sql.Composable:
    """This function will return the condition that what a row refers to, by these columns, is not in the trash.

    Where it is asked what is referred to is locked, as by `trashed_parents`.
    """
    conditions = [
        sql.SQL("(SELECT deleted_at FROM public.{} WHERE id = {} FOR KEY SHARE) IS NULL").format(
            sql.Identifier(parent), sql.Identifier(row, column)
        )
        for column, parent in _parents_with_trash(table)
        if column in columns
    ]
    return sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true")


def _parents_with_trash(table: Table) -> list[tuple[str, str]]:
    """The columns that refer to a table with a trash, each with the table's name."""
    return [
        (column, parent) for column, parent in table.foreign_keys.items() if registry.get(parent).soft_delete
    ]


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
    raise ForeignKeyViolation(
        f"{_counted(dependents)} to {'this record' if len(records) == 1 else 'these records'} of {table.name}.",
        hint=_what_to_do(table, dependents),
        table=table.name,
        dependents=dependents,
    )


def unreferred(table: Table) -> QuerySet[models.Model]:
    """This function will return the rows of a table that no other row stands in the way of deleting."""
    rows = table.model._default_manager.all()
    for referring, column in _referring(table, models.RESTRICT):
        rows = rows.exclude(Exists(referring.model._default_manager.filter(**{column: OuterRef("pk")})))
    return rows


def cascading(table: Table, records: Sequence[Record]) -> list[tuple[Table, Rows]]:
    """This function will lock and return, by table, the records that the database will delete with these."""
    ids = [record["id"] for record in records] if not table.junction else []
    found = []
    for referring, column in _referring(table, models.CASCADE):
        rows = referring.model._default_manager.filter(among(column, ids)).order_by(*referring.key)
        found.append((referring, fetch_whole(referring, rows.select_for_update(of=("self",)))))
    return [(referring, rows) for referring, rows in found if rows]


def _counted(dependents: Sequence[Mapping[str, Any]]) -> str:
    """How many refer, as far as the actor may know."""
    if not all("count" in found for found in dependents):
        return "Other records still refer"
    count = sum(found["count"] for found in dependents)
    return counted(count, "other record still refers", "other records still refer")


def _what_to_do(table: Table, dependents: Sequence[Mapping[str, Any]]) -> str:
    hint = "Delete or change those first"
    if any(found.get("in_trash") for found in dependents):
        hint += ", and purge those that are in the trash"
    return f"{hint}, or delete softly." if table.soft_delete else f"{hint}."


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
    rows = referring.model._default_manager.filter(among(column, ids))
    if referring is table:
        rows = rows.exclude(among("id", ids))  # they go in the same statement
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
