"""The SQL that writes: identifiers from the model's metadata, every value a parameter, one statement for all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg import sql

from catalog.services.rows import Record, Rows, write
from catalog.table import Table

NEAR = 1_000  # a sequence is walked this far, one number at a time, before it is set


def insert(table: Table, values: Mapping[str, Any]) -> Rows:
    """This function will insert one record of cleaned values and return it."""
    statement = sql.SQL("INSERT INTO public.{} {}").format(
        sql.Identifier(table.name),
        sql.SQL("({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        if values
        else sql.SQL("DEFAULT VALUES"),
    )
    return write(statement, _parameters(table, values), table)


def update(table: Table, records: Sequence[Record], values: Mapping[str, Any]) -> Rows:
    """This function will set the same cleaned values on every record and return the records as they are now."""
    assignments = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in values]
    return _update(table, records, assignments, _parameters(table, values))


def trash(table: Table, records: Sequence[Record], *, is_deleted: bool) -> Rows:
    """This function will put records into the trash, or take them out, and return them."""
    now = sql.SQL("now()") if is_deleted else sql.SQL("NULL")
    return _update(table, records, [sql.SQL("deleted_at = {}").format(now)], [])


def delete(table: Table, records: Sequence[Record]) -> Rows:
    """This function will delete records for good and return what they were."""
    statement = sql.SQL("DELETE FROM public.{} USING {} WHERE {}").format(
        sql.Identifier(table.name), *_keys(table)
    )
    return write(statement, _key_parameters(table, records), table)


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


def _update(
    table: Table, records: Sequence[Record], assignments: Sequence[sql.Composable], values: Sequence[Any]
) -> Rows:
    keys, is_same = _keys(table)
    statement = sql.SQL("UPDATE public.{} SET {} FROM {} WHERE {}").format(
        sql.Identifier(table.name), sql.SQL(", ").join(assignments), keys, is_same
    )
    return write(statement, [*values, *_key_parameters(table, records)], table)


def _keys(table: Table) -> tuple[sql.Composable, sql.Composable]:
    """The keys of the records as a relation `k`, and the condition that joins it to the table."""
    names = list(map(sql.Identifier, table.key))
    keys = sql.SQL("unnest({}) AS k ({})").format(
        sql.SQL(", ").join(sql.SQL("%s::bigint[]") for _ in names), sql.SQL(", ").join(names)
    )
    is_same = sql.SQL(" AND ").join(
        sql.SQL("{}.{} = k.{}").format(sql.Identifier(table.name), name, name) for name in names
    )
    return keys, is_same


def _key_parameters(table: Table, records: Sequence[Record]) -> list[list[int]]:
    return [[record[name] for record in records] for name in table.key]


def _parameters(table: Table, values: Mapping[str, Any]) -> list[Any]:
    """Values as psycopg takes them, by each column's field."""
    return [
        None if value is None else table.columns[name].get_db_prep_save(value, connection=connection)
        for name, value in values.items()
    ]
