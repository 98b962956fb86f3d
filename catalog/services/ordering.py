"""order_by: [{"column": "title", "direction": "desc"}, …]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, OrderBy

from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from catalog.table import Table

DIRECTIONS = ("asc", "desc")
FORM = '{"column": …, "direction": "asc" or "desc"}'

OrderTerms = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Term:
    """One term of an order: what it orders by, by its name in the query."""

    name: str
    is_descending: bool

    def sql(self) -> OrderBy:
        """This function will return the term as the ORM takes it."""
        return OrderBy(F(self.name), descending=self.is_descending)


def of_rows(table: Table, order_by: OrderTerms) -> tuple[Term, ...]:
    """This function will return the terms of an order of rows, ending with the key, so that the order is total.

    :raises InvalidInput: not a list of {"column", "direction"}, or an unknown column
    """
    terms = {table.column(name).attname: is_descending for name, is_descending in _parse(order_by)}
    for name in table.key:
        terms.setdefault(table.columns[name].attname, False)
    return tuple(Term(name, is_descending) for name, is_descending in terms.items())


def of_groups(sources: Mapping[str, str], order_by: OrderTerms, *, default: Sequence[str]) -> list[Term]:
    """This function will return the terms of an order of groups, ending with `default`.

    `sources` has what may be named, columns and aggregates, with its name in the query.

    :raises InvalidInput: not a list of {"column", "direction"}, or a name that is none of them
    """
    terms = {}
    for name, is_descending in _parse(order_by):
        if name not in sources:
            raise InvalidInput(
                f"Groups can't be ordered by {quoted(name)!r}.{did_you_mean(name, sources)}",
                allowed=list(sources),
            )
        terms[sources[name]] = is_descending
    for name in default:
        terms.setdefault(name, False)
    return [Term(name, is_descending) for name, is_descending in terms.items()]


def _parse(order_by: OrderTerms) -> list[tuple[str, bool]]:
    """(name, is descending) of each term."""
    if not isinstance(order_by, list | tuple):
        raise InvalidInput(f"order_by must be a list of {FORM}.")
    return [_term(term) for term in order_by]


def _term(term: object) -> tuple[str, bool]:
    if not isinstance(term, Mapping) or not isinstance(term.get("column"), str):
        raise InvalidInput(f"Each term of order_by is {FORM}.")
    if unknown := sorted(quoted(name) for name in term if name not in {"column", "direction"}):
        raise InvalidInput(f"A term of order_by has no member {unknown[0]!r}: it is {FORM}.")
    direction = str(term.get("direction", "asc")).lower()
    if direction not in DIRECTIONS:
        raise InvalidInput(f"A direction is asc or desc, not {direction[:40]!r}.", allowed=list(DIRECTIONS))
    return term["column"], direction == "desc"
