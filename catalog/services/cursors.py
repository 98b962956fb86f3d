"""Keyset pages: what comes after the row where a page ended.

It is asked for in disjoint conditions, nearest first, each one range of an index, which is as fast at
the end of a table as at its start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from audit.cursors import MAX_CHARS, opened, seal, unseal
from catalog.services import values
from catalog.services.ordering import Term
from catalog.table import Table

__all__ = ["MAX_CHARS", "is_possible", "opened", "seal", "segments", "unseal"]


def is_possible(table: Table, order: Sequence[Term]) -> bool:
    """This function will say whether pages in this order can be continued by a cursor: by scalar columns alone."""
    return not any(isinstance(table.columns[term.name], ArrayField | models.JSONField) for term in order)


def segments(table: Table, order: Sequence[Term], last: Sequence[Any]) -> list[Q]:
    """This function will return the conditions of the rows after `last` (JSON values), nearest first.

    NULL is the greatest value, as in PostgreSQL's own order.
    """
    equal = Q()
    found: list[Q] = []
    for term, given in zip(order, last, strict=True):
        value = values.clean(table, term.name, given, validate=False)
        found[:0] = [equal & here for here in _beyond(table, term, value)]
        equal &= Q(**{f"{term.name}__isnull": True}) if value is None else Q(**{term.name: value})
    return found


def _beyond(table: Table, term: Term, value: Any) -> list[Q]:
    """The conditions that a column's value comes after another in the order, nearest first."""
    is_null = Q(**{f"{term.name}__isnull": True})
    if value is None:
        return [Q(**{f"{term.name}__isnull": False})] if term.is_descending else []
    comparison = "lt" if term.is_descending else "gt"
    beyond = [Q(**{f"{term.name}__{comparison}": value})]
    may_be_null = table.columns[term.name].null and not term.is_descending
    return [*beyond, is_null] if may_be_null else beyond
