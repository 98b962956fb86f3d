"""The SQL that writes: identifiers from the model's metadata, every value a parameter, one statement for all rows.

Values travel as one JSON text, which PostgreSQL unfolds into a relation of the columns' own types.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection
from psycopg import sql

from audit import bulk_history, history
from audit.trail import Entry
from catalog.services import references
from catalog.services.rows import Record, Rows, members, run
from catalog.table import AnyField, Table

NEAR = 1_000  # a sequence is walked this far, one number at a time, before it is set

_encode = json.JSONEncoder(
    default=str, ensure_ascii=False
).encode  # made once: json.dumps makes one for each text

Values = Mapping[str, Any]


def insert(entry: Entry, table: Table, records: Sequence[Values]) -> Rows:
    """This function will insert records of cleaned values with the same columns, and return them in their order."""
    names = tuple(records[0])
    if names:
        return _write(entry, table, _insert(table, names), _json(records))
    return Rows(text for _ in records for text in _write(entry, table, _insert(table, ()), "").texts)


def insert_live(entry: Entry, table: Table, record: Values) -> Rows:
    """This function will insert a record of cleaned values and return it; none where it refers to one in the trash."""
    return _write(entry, table, _insert(table, tuple(record), is_live=True), _json([record]))


def update(entry: Entry, table: Table, changes: Sequence[Values]) -> Rows:
    """This function will set cleaned values on records: each mapping has the key and the same columns."""
    names = tuple(name for name in changes[0] if name not in table.key)
    return _write(entry, table, _update(table, names), _json(changes))


def trash(entry: Entry, table: Table, records: Iterable[Record], *, is_deleted: bool) -> Rows:
    """This function will put records into the trash, or take them out, and return them by key."""
    return _write(entry, table, _trash(table, is_deleted=is_deleted), _keys(table, records))


def delete(table: Table, records: Iterable[Record]) -> None:
    """This function will delete records for good."""
    with connection.cursor() as cursor:
        cursor.execute(_delete(table), {"records": _keys(table, records)})


def key_values(table: Table, record: Record) -> dict[str, Any]:
    """This function will return the key of a record as {column: value}."""
    return {name: record[name] for name in table.key}


def move_sequence(table: Table, key: int) -> None:
    """This function will move a table's sequence past a key that a caller chose.

    Short of NEAR numbers it is walked, which no other insert can disturb; further it is set, under a
    lock that others who set it wait for.
    """
    sequence = f"public.{table.name}_id_seq"
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT %s - CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {}").format(
                sql.Identifier("public", f"{table.name}_id_seq")
            ),
            [key],
        )
        (gap,) = cursor.fetchone()
        if gap > NEAR:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [sequence])
            cursor.execute(
                "SELECT setval(%(sequence)s::regclass, %(key)s)"
                " WHERE %(key)s > coalesce(pg_sequence_last_value(%(sequence)s::regclass), 0)",
                {"sequence": sequence, "key": key},
            )
        elif gap > 0:
            cursor.execute("SELECT max(nextval(%s::regclass)) FROM generate_series(1, %s)", [sequence, gap])


# Composing a statement takes longer than sending it: each is kept, by its table and columns, as text.
@lru_cache(maxsize=512)
def _insert(table: Table, names: tuple[str, ...], *, is_live: bool = False) -> str:
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    condition = references.are_live(table, names, "v") if is_live else sql.SQL("true")
    values = sql.SQL("({}) SELECT {} FROM {} WHERE {}").format(
        columns, columns, _relation(table, names), condition
    )
    statement = sql.SQL("INSERT INTO public.{} AS x {} RETURNING x AS new_row").format(
        sql.Identifier(table.name), values if names else sql.SQL("DEFAULT VALUES")
    )
    return bulk_history.keeping(table.key, members(table), statement, has_before=False, by_key=False)


@lru_cache(maxsize=512)
def _update(table: Table, names: tuple[str, ...]) -> str:
    assignments = [sql.SQL("{} = v.{}").format(sql.Identifier(name), sql.Identifier(name)) for name in names]
    return _updating(table, sql.SQL(", ").join(assignments), names)


@lru_cache(maxsize=64)
def _trash(table: Table, *, is_deleted: bool) -> str:
    return _updating(table, sql.SQL("deleted_at = {}").format(sql.SQL("now()" if is_deleted else "NULL")))


def _updating(table: Table, assignments: sql.Composable, names: Sequence[str] = ()) -> str:
    """An UPDATE of the records whose keys, and other columns, are in the relation `v`; `o` is what they were."""
    statement = sql.SQL(
        "UPDATE public.{table} x SET {assignments} FROM {values} JOIN public.{table} o ON {known} WHERE {same}"
        " RETURNING o AS old_row, x AS new_row"
    ).format(
        table=sql.Identifier(table.name),
        assignments=assignments,
        values=_relation(table, [*table.key, *names]),
        known=_is_same(table, "o", "v"),
        same=_is_same(table, "x", "o"),
    )
    return bulk_history.keeping(table.key, members(table), statement, has_before=True, by_key=True)


@lru_cache(maxsize=64)
def _delete(table: Table) -> str:
    return (
        sql.SQL("DELETE FROM public.{} x USING {} WHERE {}")
        .format(sql.Identifier(table.name), _relation(table, table.key), _is_same(table, "x", "v"))
        .as_string()
    )


def _write(entry: Entry, table: Table, statement: str, records: str) -> Rows:
    return run(statement, {**history.circumstances(entry, table.model), "records": records})


def _relation(table: Table, names: Sequence[str]) -> sql.Composable:
    """A JSON parameter as the relation `v` of columns with their own types."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_type(table.columns[name]))) for name in names
    )
    return sql.SQL("jsonb_to_recordset(%(records)s::jsonb) AS v ({})").format(columns)


def _type(field: AnyField) -> Any:
    """The SQL type of a column, as its model has it."""
    return field.cast_db_type(connection)


def _is_same(table: Table, one: str, other: str) -> sql.Composable:
    """The condition that rows of two relations, by their aliases, have the same key."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(one, name), sql.Identifier(other, name))
        for name in table.key
    )


def _keys(table: Table, records: Iterable[Record]) -> str:
    return _json([key_values(table, record) for record in records])


def _json(records: Sequence[Values]) -> str:
    """Cleaned values as JSON; what JSON does not know, PostgreSQL reads as text. Rows are JSON, digit for digit."""
    if isinstance(records, Rows):
        return records.json()
    return _encode(list(records))
