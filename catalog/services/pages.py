"""One page of a query: by offset, or by a cursor that goes on where a page ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from accesscontrol.actor import Actor
from catalog.services import cursors, rows
from catalog.services.ordering import Term
from catalog.services.rows import Output, Rows
from catalog.table import Table


@dataclass(frozen=True)
class Pages:
    """A query in a total order, and what its records show."""

    actor: Actor
    table: Table
    found: QuerySet[Any, Any]
    outputs: Sequence[Output]
    order: Sequence[Term]
    query: Sequence[object]  # what a cursor belongs to

    def fetch(self, *, limit: int, offset: int, cursor: str | None) -> tuple[Rows, str | None]:
        """This function will return a page and the cursor of the next, None where there is none.

        :raises InvalidInput: the cursor is not one of this query
        """
        if cursor is None:
            records = self._rows(self.found[offset : offset + limit + 1])
        else:
            records = self._after(cursors.unseal(self.actor, self.query, cursor), limit + 1)
        if len(records) <= limit:
            return records, None
        page = Rows(records.texts[:limit], records.marks[:limit])
        return page, self._cursor(page) if cursors.is_possible(self.table, self.order) else None

    def _after(self, last: Sequence[Any], size: int) -> Rows:
        """The next rows after one, from as many ranges of the order as it takes."""
        texts: list[str] = []
        marks: list[str] = []
        for condition in cursors.segments(self.table, self.order, last):
            part = self._rows(self.found.filter(condition)[: size - len(texts)])
            texts += part.texts
            marks += part.marks
            if len(texts) == size:
                break
        return Rows(texts, marks)

    def _rows(self, found: QuerySet[Any, Any]) -> Rows:
        return rows.fetch(found, self.outputs, marks=self._marks())

    def _marks(self) -> list[Output]:
        """What of the order the records do not show themselves."""
        shown = {output.name for output in self.outputs}
        names = [term.name for term in self.order]
        return [] if shown.issuperset(names) else [Output.of(self.table.columns[name]) for name in names]

    def _cursor(self, page: Rows) -> str | None:
        """The cursor of a page, None where what it would have to hold is too long for one."""
        last = json.loads((page.marks or page.texts)[-1])
        cursor = cursors.seal(self.actor, self.query, [last[term.name] for term in self.order])
        return cursor if len(cursor) <= cursors.MAX_CHARS else None
