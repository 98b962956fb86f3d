"""How many rows a query has, without reading a million to say so."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection
from django.db.models import QuerySet

CAP = 10_000


def count(queryset: QuerySet[Any, Any], *, exact: bool) -> tuple[int, bool]:
    """This function will return (number of rows, whether it is an estimate).

    Up to 10,000 the number is exact, above it the planner's estimate, unless `exact` asks for all.
    """
    queryset = queryset.order_by()
    if exact:
        return queryset.count(), False
    counted = queryset[: CAP + 1].count()
    if counted <= CAP:
        return counted, False
    return max(_estimate(queryset), counted), True


def _estimate(queryset: QuerySet[Any, Any]) -> int:
    """The rows that PostgreSQL's planner expects."""
    statement, params = queryset.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", params)
        (plan,) = cursor.fetchone()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return int(plan[0]["Plan"]["Plan Rows"])
