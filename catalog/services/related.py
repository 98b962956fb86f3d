"""What refers to a record: how many records of which tables, counted as far as people count, and the first few."""

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
from catalog.services import columns
from catalog.services.parents import MAX_NAME_CHARS
from catalog.services.texts import label
from catalog.table import Table

MAX_COUNTED = 1_000
SAMPLES = 3


@dataclass(frozen=True)
class Related:
    """How many records of a table, not in the trash, refer to one record by a column, and the first of them."""

    table: Table
    column: str
    count: int
    is_capped: bool  # there are more than were counted
    samples: list[tuple[int, str | None]]  # number and name, as far as the actor may know it


def referring(actor: Actor, table: Table, key: int) -> list[Related]:
    """This function will count what refers to a record, for each foreign key of a table that the actor may read.

    Junctions are left out: their rows belong to the record itself. One statement counts all, and reads the names of
    the first few of those that were counted.
    """
    keys = tuple(
        (other, column, label(columns.shown(actor, other)))
        for other in registry.all_tables()
        for column, name in other.foreign_keys.items()
        if name == table.name and not other.junction and policy.decide(actor, Operation.READ, other).allowed
    )
    if not keys:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_statement(keys), [key] * len(keys))
        found = {place: (count, samples) for place, count, samples in cursor.fetchall()}
    return [
        Related(
            other, column, min(count, MAX_COUNTED), count > MAX_COUNTED, [(k, n) for k, n in samples or ()]
        )
        for place, (other, column, _) in enumerate(keys)
        for count, samples in [found[place]]
    ]


@lru_cache(maxsize=256)
def _statement(keys: tuple[tuple[Table, str, str | None], ...]) -> Any:
    """The statement that counts the rows of several foreign keys up to the limit, and reads the first of each."""
    parts = [
        sql.SQL(
            "SELECT {place}, q.number, (SELECT json_agg(json_build_array(r.id, {name}) ORDER BY r.id)"
            " FROM public.{table} r WHERE r.id = ANY (q.first))"
            " FROM (SELECT count(*) AS number, (array_agg(id ORDER BY id))[:{samples}] AS first"
            " FROM (SELECT id FROM public.{table} WHERE {column} = %s{in_use} LIMIT {limit}) f) q"
        ).format(
            place=sql.Literal(place),
            name=sql.SQL("NULL")
            if name is None
            else sql.SQL("left(r.{}, {})").format(sql.Identifier(name), sql.Literal(MAX_NAME_CHARS)),
            table=sql.Identifier(table.name),
            column=sql.Identifier(column),
            in_use=sql.SQL(" AND deleted_at IS NULL" if table.soft_delete else ""),
            samples=sql.Literal(SAMPLES),
            limit=sql.Literal(MAX_COUNTED + 1),
        )
        for place, (table, column, name) in enumerate(keys)
    ]
    return sql.SQL(" UNION ALL ").join(parts).as_string()
