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

from catalog.services.rows import Record, Rows, write
from catalog.table import AnyField, Table

NEAR = 1_000  # a sequence is walked this far, one number at a time, before it is set

Values = Mapping[str, Any]


def insert(table: Table, records: Sequence[Values]) -> Rows:
    """This function will insert records of cleaned values with the same columns, and return them in their order."""
    names = tuple(records[0])
    if names:
        return write(_insert(table, names), [_json(records)], table, by_key=False)
    statement = sql.SQL("INSERT INTO public.{} DEFAULT VALUES").format(sql.Identifier(table.name))
    return Rows(text for _ in records for text in write(statement, [], table).texts)


def update(table: Table, changes: Sequence[Values]) -> Rows:
    """This function will set cleaned values on records: each mapping has the key and the same columns."""
    names = tuple(name for name in changes[0] if name not in table.key)
    return write(_update(table, names), [_json(changes)], table)


def trash(table: Table, records: Iterable[Record], *, is_deleted: bool) -> Rows:
    """This function will put records into the trash, or take them out, and return them by key."""
    statement = sql.SQL("UPDATE public.{} SET deleted_at = {} FROM {} WHERE {}").format(
        sql.Identifier(table.name),
        sql.SQL("now()" if is_deleted else "NULL"),
        _relation(table, table.key),
        _is_same(table),
    )
    return write(statement, [_keys(table, records)], table)


def delete(table: Table, records: Iterable[Record]) -> Rows:
    """This function will delete records for good and return what they were, by key."""
    statement = sql.SQL("DELETE FROM public.{} USING {} WHERE {}").format(
        sql.Identifier(table.name), _relation(table, table.key), _is_same(table)
    )
    return write(statement, [_keys(table, records)], table)


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
def _insert(table: Table, names: tuple[str, ...]) -> sql.SQL:
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    return _kept(
        sql.SQL("INSERT INTO public.{} ({}) SELECT {} FROM {}").format(
            sql.Identifier(table.name), columns, columns, _relation(table, names)
        )
    )


@lru_cache(maxsize=512)
def _update(table: Table, names: tuple[str, ...]) -> sql.SQL:
    assignments = [sql.SQL("{} = v.{}").format(sql.Identifier(name), sql.Identifier(name)) for name in names]
    return _kept(
        sql.SQL("UPDATE public.{} SET {} FROM {} WHERE {}").format(
            sql.Identifier(table.name),
            sql.SQL(", ").join(assignments),
            _relation(table, [*table.key, *names]),
            _is_same(table),
        )
    )


def _kept(statement: sql.Composable) -> sql.SQL:
    text: Any = statement.as_string()  # of our own names alone: every value is a parameter
    return sql.SQL(text)


def _relation(table: Table, names: Sequence[str]) -> sql.Composable:
    """A JSON parameter as the relation `v` of columns with their own types."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_type(table.columns[name]))) for name in names
    )
    return sql.SQL("jsonb_to_recordset(%s::jsonb) AS v ({})").format(columns)


def _type(field: AnyField) -> Any:
    """The SQL type of a column, as its model has it."""
    return field.cast_db_type(connection)


def _is_same(table: Table) -> sql.Composable:
    """The condition that joins the relation `v` to the table by its key."""
    return sql.SQL(" AND ").join(
        sql.SQL("{}.{} = v.{}").format(sql.Identifier(table.name), sql.Identifier(name), sql.Identifier(name))
        for name in table.key
    )


def _keys(table: Table, records: Iterable[Record]) -> str:
    return _json([key_values(table, record) for record in records])


def _json(records: Sequence[Values]) -> str:
    """Cleaned values as JSON; what JSON does not know, PostgreSQL reads as text. Rows are JSON, digit for digit."""
    if isinstance(records, Rows):
        return records.json()
    return json.dumps(list(records), default=str, ensure_ascii=False)
