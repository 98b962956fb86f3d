"""Rows as JSON, made by PostgreSQL: read as the trail's are."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db.models import QuerySet

from audit.rows import Asking, Member, Output, Record, Rows, ask, fetch, framed, run
from catalog.table import Table

__all__ = [
    "Asking", "Member", "Output", "Record", "Rows", "ask", "fetch", "fetch_whole", "framed", "members", "run",
]  # fmt: skip


@lru_cache(maxsize=256)
def members(table: Table) -> tuple[Output, ...]:
    """This function will return what a record shows of its table: every column."""
    return tuple(Output.of(field) for field in table.columns.values())


def fetch_whole(table: Table, queryset: QuerySet[Any, Any]) -> Rows:
    """This function will run a query of records of a table and return them with all their columns."""
    return fetch(queryset, members(table))
