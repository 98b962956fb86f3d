"""How common words are: asked of a thousand rows from all over a table, which takes as long in a table of any size.

The planner's statistics would tell it too, but not of beginnings of words, nor of words that go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F

from catalog.services import counting
from catalog.services import words as conditions
from catalog.table import Table

ROWS = 1_000
MAX_KEYS = 40
MANY = 0.02

# Of when the table was last analysed: what it has had since makes the sample another size, and so it has an end.
_SIZE = "(SELECT reltuples FROM pg_catalog.pg_class WHERE oid = %s::pg_catalog.regclass)"


@dataclass(frozen=True)
class Sample:
    """What was seen of a table: `looked` rows, those that have all words, and those that have each of them."""

    rows: int  # of the table, about
    looked: int
    found: int
    by_word: Sequence[int]
    keys: Sequence[int]  # of some that have all words

    @property
    def expected(self) -> int:
        """How many rows of the table have all words, about."""
        return round(self.rows * self.share)

    @property
    def is_of_many(self) -> bool:
        """Whether so many rows have all words that they are not counted, and that wherever one looks there are some."""
        return self.share >= MANY and self.expected > 2 * counting.CAP

    @property
    def share(self) -> float:
        """The part of the table that has all words, about."""
        return self.found / self.looked if self.looked else 0.0


def look(tables: Sequence[tuple[Table, Sequence[str]]], words: Sequence[str]) -> list[Sample]:
    """This function will return a sample of each table: of the words in the columns that are given with it.

    It is the same each time, until the table changes. Of a table with no more rows than are counted, none is looked at.
    """
    if not tables:
        return []
    parts = [_part(number, table, names, words) for number, (table, names) in enumerate(tables)]
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(sql for sql, _ in parts) + " ORDER BY 1",
            [parameter for _, parameters in parts for parameter in parameters],
        )
        return [Sample(int(rows), *seen) for _, rows, *seen in cursor.fetchall()]


def _part(number: int, table: Table, names: Sequence[str], words: Sequence[str]) -> tuple[str, list[Any]]:
    rows = table.model._default_manager.order_by().values_list(F("pk"), conditions.Vector(*map(F, names)))
    statement, parameters = rows.query.sql_with_params()
    each = [f"has @@ word_{index}" for index in range(len(words))]
    counts = ", ".join(f"count(*) FILTER (WHERE {has})" for has in each)
    asked = ", ".join(f"public.search_prefix(%s) AS word_{index}" for index in range(len(words)))
    all_words = " AND ".join(each)
    per_cent = (
        "(SELECT CASE WHEN size > %s THEN LEAST(100, 100.0 * %s / size) ELSE 0 END"  # noqa: S608
        f" FROM (SELECT {_SIZE}) AS known (size))"
    )
    statement = (
        f"SELECT {number}, {_SIZE}, count(*), count(*) FILTER (WHERE {all_words}), ARRAY[{counts}],"  # noqa: S608
        f" (array_agg(key) FILTER (WHERE {all_words}))[1:{MAX_KEYS}]"
        f" FROM ({statement} TABLESAMPLE SYSTEM ({per_cent}) REPEATABLE (0) LIMIT {2 * ROWS}) AS seen (key, has),"
        f" (SELECT {asked} OFFSET 0) AS asked"
    )
    name = f"public.{table.name}"
    return statement, [name, *parameters, counting.CAP, ROWS, name, *words]
