"""Pages of a large table: what comes before and after a record, found by an index, without a count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.db.models import Model, QuerySet

from accesscontrol.actor import Actor
from catalog.admin.addresses import AFTER, BEFORE, can_order
from catalog.services import cursors
from catalog.services.ordering import Term
from catalog.table import Table

END = "end"  # in the place of a cursor: the last page


@dataclass(frozen=True)
class Window:
    """A page of records, and the parameters that lead to the pages beside it; None where there is none."""

    rows: list[Any]
    previous: dict[str, str] | None
    next: dict[str, str] | None


@dataclass(frozen=True)
class Windows:
    """The pages of those rows that are found, in a total order.

    `first` finds the keys of the first few of some rows; `load` makes them records, in the same order.
    """

    actor: Actor
    table: Table
    rows: QuerySet[Any]
    first: Callable[[QuerySet[Any], int], list[Any]]
    load: Callable[[Iterable[int]], list[Any]]
    order: Sequence[Term]
    size: int
    query: Sequence[object]  # what a cursor belongs to

    def page(self, *, after: str | None, before: str | None) -> Window:
        """This function will return the first page, or the one after or before a cursor; before END it is the last.

        :raises InvalidInput: the cursor is not one of this query, or has expired
        :raises Conflict: the catalog was restored since
        """
        if before:
            return self._backwards(before)
        rows = self._rows(self.order, after)
        shown = rows[: self.size]
        return Window(
            shown,
            self._to(BEFORE, shown[0]) if after and shown else None,
            self._to(AFTER, shown[-1]) if len(rows) > self.size else None,
        )

    def _backwards(self, before: str) -> Window:
        reverse = [replace(term, is_descending=not term.is_descending) for term in self.order]
        rows = self._rows(reverse, None if before == END else before)
        if len(rows) <= self.size:  # the first page, which is shown as such
            return self.page(after=None, before=None)
        shown = rows[: self.size][::-1]
        return Window(
            shown, self._to(BEFORE, shown[0]), None if before == END else self._to(AFTER, shown[-1])
        )

    def _rows(self, order: Sequence[Term], cursor: str | None) -> list[Any]:
        """The rows of a page and one more, from as many ranges of the order as it takes."""
        rows = self.rows.order_by(*(term.sql() for term in order))
        wanted = self.size + 1
        if cursor is None:
            return self.load(self.first(rows, wanted))
        keys: list[int] = []
        last = cursors.unseal(self.actor, self.query, cursor)
        for condition in cursors.segments(self.table, order, last):
            keys += self.first(rows.filter(condition), wanted - len(keys))
            if len(keys) == wanted:
                break
        return self.load(keys)

    def _to(self, parameter: str, row: Model) -> dict[str, str]:
        last = [_json(getattr(row, term.name)) for term in self.order]
        return {parameter: cursors.seal(self.actor, self.query, last)}


def is_possible(table: Table, order: Sequence[Term]) -> bool:
    """This function will say whether a list in this order can be paged by cursors: by its own short columns."""
    return all(term.name in table.columns and can_order(table.columns[term.name]) for term in order)


def _json(value: Any) -> Any:
    """A column's value as a cursor keeps it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
