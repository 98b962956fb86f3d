"""Rows as JSON, made by PostgreSQL: read as the trail's are, and written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from psycopg import sql

from audit.rows import Member, Output, Record, Rows, fetch, framed, run
from catalog.table import Table

__all__ = ["Member", "Output", "Record", "Rows", "fetch", "fetch_whole", "framed", "members", "run", "write"]


@lru_cache(maxsize=256)
def members(table: Table) -> tuple[Output, ...]:
    """This function will return what a record shows of its table: every column."""
    return tuple(Output.of(field) for field in table.columns.values())


def fetch_whole(table: Table, queryset: QuerySet[Any, Any]) -> Rows:
    """This function will run a query of records of a table and return them with all their columns."""
    return fetch(queryset, members(table))


def write(statement: sql.Composable, params: Sequence[Any], table: Table, *, by_key: bool = True) -> Rows:
    """This function will run an INSERT, UPDATE or DELETE and return the whole rows it wrote as JSON.

    They come in the order of their keys, else as the statement wrote them. `statement` is without its
    RETURNING.
    """
    head, tail = _returning(table, by_key=by_key)
    whole = sql.Composed([sql.SQL(head), statement, sql.SQL(tail)])
    with connection.cursor() as cursor:
        cursor.execute(whole, params)
        return Rows(text for (text,) in cursor.fetchall())


@lru_cache(maxsize=256)
def _returning(table: Table, *, by_key: bool) -> tuple[Any, Any]:
    """What stands before and behind a statement that returns the whole rows it wrote."""
    returned = sql.SQL(", ").join(
        sql.SQL("{}.{}").format(sql.Identifier(table.name), sql.Identifier(name)) for name in table.columns
    )
    order = sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(map(sql.Identifier, table.key)))
    tail = sql.SQL(" RETURNING {}) SELECT row_to_json(r)::text FROM (SELECT {} FROM written q{}) r").format(
        returned,
        sql.SQL(", ").join(member.sql() for member in members(table)),
        order if by_key else sql.SQL(""),
    )
    return "WITH written AS (", tail.as_string()
