"""What every write has in common: locking what it changes, and telling what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid4

from django.db.models import Model, QuerySet

from accesscontrol.errors import LimitExceeded, NotFound
from audit import changes
from audit.trail import Entry
from catalog.services.rows import Output, Record, Rows, fetch
from catalog.table import Table

MAX_ROWS = 1_000


@dataclass(frozen=True)
class Change:
    """What a write did: the records as they are now (as they were, when deleted for good)."""

    records: Rows
    change_id: UUID
    type: Literal["soft", "hard"] | None = None  # of a deletion

    @property
    def count(self) -> int:
        """How many records were written."""
        return len(self.records)


def lock(
    table: Table, wanted: QuerySet[Model], *, keeps_key: bool, expect_one: bool = False
) -> Sequence[Record]:
    """This function will lock the records that a query matches, in the order of their keys, and return them.

    With `keeps_key` new references to them may still be made meanwhile.

    :raises LimitExceeded: more than 1,000 match
    :raises NotFound: one was expected, none matches
    """
    order = [table.columns[name].attname for name in table.key]
    found = wanted.order_by(*order).select_for_update(of=("self",), no_key=keeps_key)
    fields = list(table.columns.values())
    records = fetch(
        found.values_list(*(field.attname for field in fields))[: MAX_ROWS + 1],
        [Output.of(field) for field in fields],
    )
    if len(records) > MAX_ROWS:
        raise LimitExceeded(
            f"More than {MAX_ROWS} records of {table.name} match; one call writes at most that many.",
            hint="Narrow where, and go on in parts.",
            table=table.name,
            maximum=MAX_ROWS,
        )
    if expect_one and not records:
        raise NotFound(f"There is no such record in {table.name}.", table=table.name)
    return list(records)


def done(
    entry: Entry,
    table: Table,
    records: Rows,
    difference: Callable[[Record], dict[str, Any]],
    *,
    type_: Literal["soft", "hard"] | None = None,
) -> Change:
    """Tell the audit entry what was done, and the caller too."""
    keys = [table.format_key(record) for record in records]
    entry.change_id = uuid4()
    entry.record_count = len(keys)
    entry.record_id = keys[0] if len(keys) == 1 else None
    entry.changes = changes.listing([(key, difference(r)) for key, r in zip(keys, records, strict=True)])
    return Change(records, entry.change_id, type_)
