"""The first rows of an ordered query that fulfil a condition, read as the planner would not know to."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet


def in_order(rows: QuerySet[Any, Any], condition: Q, size: int, *, start: int, within: int) -> list[Any]:
    """This function will return the keys of the first rows that fulfil a condition, of the first `within` of a query.

    They are read in their order until there are enough, and so by the index that has that order.
    """
    near = rows.annotate(fulfils_=condition).values_list("pk", "fulfils_")[:within]
    return _keys(
        near, "SELECT key FROM ({}) AS near (key, fulfils) WHERE fulfils LIMIT %s OFFSET %s", size, start
    )


def all_at_once(rows: QuerySet[Any, Any], size: int, *, start: int) -> list[Any]:
    """This function will return the keys of the first rows of a query, planned as if all of them were wanted.

    A few rows in the order of an index the planner would look for along that index, however long it may take.
    """
    found = rows.values_list("pk")
    return _keys(found, "WITH found (key) AS MATERIALIZED ({}) TABLE found LIMIT %s OFFSET %s", size, start)


def _keys(rows: QuerySet[Any, Any], around: str, *limits: int) -> list[Any]:
    try:
        statement, parameters = rows.query.sql_with_params()
    except EmptyResultSet:  # no row can be what is asked for
        return []
    with connection.cursor() as cursor:
        cursor.execute(around.format(statement), [*parameters, *limits])
        return [key for (key,) in cursor.fetchall()]
