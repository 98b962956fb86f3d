"""One page of a query: by offset, or by a cursor that goes on where a page ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from accesscontrol.actor import Actor
from catalog.services import cursors
from catalog.services.rows import Asking, Rows
from catalog.services.selects import Select


@dataclass(frozen=True)
class Pages:
    """The rows that fulfil a condition, in a total order."""

    actor: Actor
    select: Select
    condition: Q
    query: Sequence[object]  # what a cursor belongs to

    def fetch(self, *, limit: int, offset: int, cursor: str | None) -> tuple[Rows, str | None]:
        """This function will return a page and the cursor of the next, None where there is none.

        :raises InvalidInput: the cursor is not one of this query
        """
        if cursor is None:
            records = self.select.fetch(self.condition, limit=limit + 1, offset=offset)
        else:
            records = self._after(cursors.unseal(self.actor, self.query, cursor), limit + 1)
        if len(records) <= limit:
            return records, None
        page = Rows(records.texts[:limit], records.marks[:limit])
        return page, self.cursor_behind(page)

    def asking(self, *, limit: int, offset: int, cursor: str | None) -> tuple[Asking | None, datetime | None]:
        """This function will return the one statement that finds a page, one record more, and since when it is good.

        It is None where more than one is needed, or none.

        :raises InvalidInput: the cursor is not one of this query
        """
        if cursor is None:
            return self.select.asking(self.condition, limit=limit + 1, offset=offset), None
        last, sealed_at = cursors.opened(self.actor, self.query, cursor)
        nearest, *further = cursors.segments(self.select.table, self.select.order, last)
        return (None if further else self.select.asking(self.condition & nearest, limit=limit + 1)), sealed_at

    def _after(self, last: Sequence[Any], size: int) -> Rows:
        """The next rows after one, from as many ranges of the order as it takes."""
        texts: list[str] = []
        marks: list[str] = []
        for condition in cursors.segments(self.select.table, self.select.order, last):
            part = self.select.fetch(self.condition & condition, limit=size - len(texts))
            texts += part.texts
            marks += part.marks
            if len(texts) == size:
                break
        return Rows(texts, marks)

    def cursor_behind(self, page: Rows) -> str | None:
        """This function will return the cursor of what follows a page, None where that can't be, or is too long."""
        if not cursors.is_possible(self.select.table, self.select.order):
            return None
        last = json.loads(page.last_mark)
        cursor = cursors.seal(self.actor, self.query, [last[term.name] for term in self.select.order])
        return cursor if len(cursor) <= cursors.MAX_CHARS else None
