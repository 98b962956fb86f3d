"""What undoing a change would do, and what stands in its way, without doing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from audit.history import Tally, Version
from audit.operation import audited
from audit.trail import Entry
from catalog import registry
from catalog.services.undo import conflicts_of, outline, read_now, work_of
from catalog.services.undo_work import Work
from catalog.table import Table

Deed = Literal["delete", "change", "bring back"]

SAMPLES = 5  # of the records of each table and deed
MAX_LOOKED_AT = 20_000  # records, one by one; of more a preview would take as long as the work


@dataclass(frozen=True)
class Part:
    """What would be done to the records of one table: how many, and the first few, which the actor may read."""

    table: Table
    deed: Deed
    count: int
    samples: list[Version]


@dataclass(frozen=True)
class Preview:
    """What undoing a change would do; `conflicts` are {table, key, reason} of the records that stand in its way.

    Of a large one nothing is known but how many records there are: it was not looked at.
    """

    at: datetime
    parts: list[Part]
    conflicts: list[dict[str, str]]
    is_looked_at: bool = True

    @property
    def count(self) -> int:
        """How many records would be written."""
        return sum(part.count for part in self.parts)


@audited("QUERY")
def preview_undo(entry: Entry, *, actor: Actor, change_id: object) -> Preview:
    """This function will return what undoing a change would do.

    Rules of the database (references, uniqueness) are found out by doing it alone.

    :raises NotFound, Forbidden, InvalidInput: as undo_change
    :raises Conflict: the catalog was restored since
    """
    tallies = outline(actor, change_id)
    if sum(tally.count for tally in tallies) > MAX_LOOKED_AT:
        parts = [_outlined(tally) for tally in tallies]
        entry.table_name, entry.record_count = parts[0].table.name, sum(part.count for part in parts)
        return Preview(tallies[0].at, parts, [], is_looked_at=False)
    work = work_of(actor, change_id)
    entry.table_name = next(iter(work)).name
    current = {table: read_now(table, todo.all(), locks=False) for table, todo in work.items()}
    parts = [part for table, todo in work.items() for part in _parts(actor, table, todo)]
    entry.record_count = sum(part.count for part in parts)
    first = next(version for todo in work.values() for version in todo.all())
    return Preview(first.at, parts, conflicts_of(work, current))


def _outlined(tally: Tally) -> Part:
    deed: Deed = "delete" if not tally.was_there else "change" if tally.is_there else "bring back"
    return Part(registry.get(tally.model._meta.db_table), deed, tally.count, [])


def _parts(actor: Actor, table: Table, todo: Work) -> list[Part]:
    may_read = policy.decide(actor, Operation.READ, table).allowed
    deeds: list[tuple[Deed, list[Version]]] = [
        ("delete", todo.deletes),
        ("change", todo.updates),
        ("bring back", todo.inserts),
    ]
    return [
        Part(table, deed, len(found), found[-1 : -1 - SAMPLES : -1] if may_read else [])
        for deed, found in deeds
        if found
    ]
