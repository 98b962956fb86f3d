"""What refers to a record: how many records of which tables, counted no further than people count."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection
from psycopg import sql

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from catalog import registry
from catalog.table import Table

MAX_COUNTED = 1_000


@dataclass(frozen=True)
class Related:
    """How many records of a table, those in the trash left out, refer to one record by a column."""

    table: Table
    column: str
    count: int
    is_capped: bool  # there are more than were counted


def referring(actor: Actor, table: Table, key: int) -> list[Related]:
    """This function will count what refers to a record, for each foreign key of a table that the actor may read.

    Junctions are left out: their rows belong to the record itself. One statement counts all.
    """
    keys = tuple(
        (other, column)
        for other in registry.all_tables()
        for column, name in other.foreign_keys.items()
        if name == table.name and not other.junction and policy.decide(actor, Operation.READ, other).allowed
    )
    if not keys:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_counting(keys), [key] * len(keys))
        (counts,) = cursor.fetchone()
    return [
        Related(other, column, min(count, MAX_COUNTED), count > MAX_COUNTED)
        for (other, column), count in zip(keys, counts, strict=True)
    ]


@lru_cache(maxsize=256)
def _counting(keys: tuple[tuple[Table, str], ...]) -> Any:
    """The statement that counts the rows of several foreign keys, each up to the limit."""
    counts = [
        sql.SQL("(SELECT count(*) FROM (SELECT FROM public.{} WHERE {} = %s{} LIMIT {}) q)").format(
            sql.Identifier(table.name),
            sql.Identifier(column),
            sql.SQL(" AND deleted_at IS NULL" if table.soft_delete else ""),
            sql.Literal(MAX_COUNTED + 1),
        )
        for table, column in keys
    ]
    return sql.SQL("SELECT ARRAY[{}]").format(sql.SQL(", ").join(counts)).as_string()
