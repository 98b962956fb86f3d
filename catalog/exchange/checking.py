"""Everything that is wrong with the rows of a file, found by PostgreSQL in one statement for all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import connection
from psycopg import sql

from catalog.exchange import row_checks, unique_checks
from catalog.exchange.relation import KEPT, Relation, once
from catalog.table import Table

MAX_ERRORS: Final = 100  # that are listed


@dataclass(frozen=True)
class Faults:
    """What is wrong: how much, and the first of it."""

    total: int
    listed: list[dict[str, Any]]
    rows: int = 0  # that something is wrong with


def find(relation: Relation, seen: Table, *, skips: bool, most: int = MAX_ERRORS) -> Faults:
    """This function will look for what is wrong with each row; `skips` says that rows which exist are no fault.

    `seen` is the table as the actor may know it: of other columns no message tells. The first `most` faults are listed.
    """
    kept = replace(relation, is_kept=True)
    parts = [row_checks.of_rows(kept, seen)]
    for unique in unique_checks.decided(kept):
        parts.append(unique_checks.within(kept, unique, seen))
        if not skips:
            parts.append(unique_checks.beside(kept, unique, seen))
    statement = sql.SQL(
        "WITH {} AS MATERIALIZED (SELECT * FROM {} r) SELECT _row, _column, _message, count(*) OVER (),"
        " sum(_first) OVER () FROM (SELECT *, (row_number() OVER (PARTITION BY _row) = 1)::int AS _first FROM ({}) f"
        ") f ORDER BY _row, _column LIMIT {}"
    ).format(sql.Identifier(KEPT), relation.rows(), sql.SQL(" UNION ALL ").join(parts), sql.Literal(most))
    with connection.cursor() as cursor:
        cursor.execute(statement)
        found = cursor.fetchall()
    listed = [{"row": row, "column": column, "message": message} for row, column, message, *_ in found]
    return Faults(found[0][3], listed, found[0][4]) if found else Faults(0, [])


def looks_unreadable(relation: Relation) -> bool:
    """This function will say whether a row holds what the table itself would not refuse.

    That is what could not be read, and ids that nobody could name: for the rest, to try is the cheapest test.
    """
    conditions: list[sql.Composable] = [sql.SQL("t._faults IS NOT NULL")]
    for name in relation.staged.columns:
        field = relation.table.columns[name]
        conditions += [condition for condition, _ in row_checks.unheld(name, field)]
    return _exists(once(relation.rows()), conditions)


def lacks_a_record(relation: Relation) -> bool:
    """This function will say whether a row changes no record that has to."""
    return relation.must_match and _exists(relation.rows(), [row_checks.matches_none(relation)])


def _exists(rows: sql.Composable, conditions: list[sql.Composable]) -> bool:
    """Say whether one of these holds for a row `t`."""
    statement = sql.SQL("SELECT EXISTS (SELECT FROM {} t WHERE {})").format(
        rows, sql.SQL(" OR ").join(sql.SQL("({})").format(condition) for condition in conditions)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        (found,) = cursor.fetchone()
    return bool(found)
