"""How many rows have each value of a column: for the filters of a list, where its table is small enough for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models
from django.db.models import ExpressionWrapper, QuerySet

from catalog.services import conditions
from catalog.services.counting import CAP
from catalog.table import Table

SMALL = MAX_ROWS = CAP  # about so many rows are few; and no more are counted, whatever the statistics say

_IS_SMALL = """
(SELECT greatest(reltuples, pg_stat_get_live_tuples(oid)) <= %s
   FROM pg_catalog.pg_class WHERE oid = %s::pg_catalog.regclass)"""


@dataclass(frozen=True)
class ValueCounts:
    """How many rows have each value, by column; the values are texts as PostgreSQL writes them, None is NULL."""

    by_column: Mapping[str, Mapping[str | None, int]]
    is_capped: bool  # there are more rows than were counted

    def of(self, column: str, value: str | None) -> int | None:
        """This function will return the number of rows with a value; None where the column was not counted."""
        counts = self.by_column.get(column)
        return None if counts is None else counts.get(value, 0)


NOTHING = ValueCounts({}, is_capped=False)


def count(
    table: Table, rows: QuerySet[Any, Any], where: Mapping[str, Any], names: Sequence[str]
) -> ValueCounts:
    """This function will count the values of columns among those of `rows` that match `where`, a condition by column.

    What a column itself is narrowed to is left out of its own counts: they say what another choice would find. One
    statement counts all; it counts nothing in a table of more than about 10,000 rows, and no more rows than that.
    """
    if not names:
        return NOTHING
    fits = {name: f"fits_{place}" for place, name in enumerate(names) if name in where}
    elsewhere = {name: condition for name, condition in where.items() if name not in names}
    found = rows.filter(conditions.parse(table, elsewhere)).order_by()
    found = found.annotate(**{fit: _fits(table, name, where[name]) for name, fit in fits.items()})
    found = found.values_list(*(table.columns[name].attname for name in names), *fits.values())[
        : MAX_ROWS + 1
    ]
    text, parameters = found.query.get_compiler(connection=connection, elide_empty=False).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(_statement(text, names, fits), [*parameters, SMALL, f"public.{table.name}"])
        counted = {(place, value): number for place, value, number in cursor.fetchall()}
    total = counted.get((len(names), None))
    if total is None:
        return NOTHING
    by_column = {
        name: {value: number for (at, value), number in counted.items() if at == place}
        for place, name in enumerate(names)
    }
    return ValueCounts(by_column, is_capped=total > MAX_ROWS)


def _fits(table: Table, name: str, condition: Any) -> Any:
    return ExpressionWrapper(conditions.parse(table, {name: condition}), models.BooleanField())


def _statement(rows: str, names: Sequence[str], fits: Mapping[str, str]) -> str:
    """How often each value is there, by the place of its column, and at the last place all rows."""
    members = [*(f"value_{place}" for place in range(len(names))), *fits.values()]
    values = [
        f"({place}, value_{place}::text, {' AND '.join(fit for n, fit in fits.items() if n != name) or 'true'})"
        for place, name in enumerate(names)
    ]
    return (
        f"SELECT place, value, count(*) FROM ({rows}) AS q ({', '.join(members)})"  # noqa: S608 - the ORM's own
        f" CROSS JOIN LATERAL (VALUES {', '.join(values)}, ({len(names)}, NULL, true)) AS v (place, value, fits)"
        f" WHERE fits AND {_IS_SMALL} GROUP BY place, value"
    )
