"""What every write has in common: locking what it changes, keeping versions, and telling what it did."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self
from uuid import UUID

from django.db.models import Q

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, LimitExceeded, NotFound
from audit import changes, history
from audit.operation import DEFAULT_TERMS, MAX_AFFECTED, Terms
from audit.trail import Entry
from catalog import registry
from catalog.services import columns, ordering, references, statements
from catalog.services.integrity import translated
from catalog.services.rows import Rows, members
from catalog.services.selects import Select, Strength
from catalog.services.wording import counted
from catalog.table import Table

Kind = Literal["soft", "hard"]


@dataclass(frozen=True)
class Change:
    """What a write did: the records as they are now (as they were, when deleted for good)."""

    records: Rows
    change_id: UUID
    type: Kind | None = None  # of a deletion
    counts: list[int] = field(default_factory=list)  # of a batch: how many records each part wrote
    table_name: str = ""

    @property
    def count(self) -> int:
        """How many records were written."""
        return len(self.records)

    def dump(self) -> str:
        """This function will return the change as text, to be kept."""
        return json.dumps([self.records.texts, str(self.change_id), self.type, self.counts, self.table_name])

    @classmethod
    def load(cls, text: str) -> Self:
        """This function will return the change that a text was made of."""
        texts, change_id, kind, counts, table_name = json.loads(text)
        return cls(Rows(texts), UUID(change_id), kind, counts, table_name)

    def seen_by(self, actor: Actor) -> Self:
        """This function will return the change with what the actor may see of its records now."""
        return replace(self, records=columns.project(actor, registry.get(self.table_name), self.records))


@dataclass(frozen=True)
class Written:
    """Records of one table before and after, in the same order; None where they were not there."""

    table: Table
    before: Rows | None
    after: Rows | None

    @property
    def records(self) -> Rows:
        """The records as they are now, or as they were when they are gone."""
        return self.after if self.after is not None else self.before or Rows()

    def pairs(self) -> Iterator[tuple[str | None, str | None]]:
        """This function will return each record before and after, as JSON texts."""
        none = [None] * len(self.records)
        return zip(
            self.before.texts if self.before is not None else none,
            self.after.texts if self.after is not None else none,
            strict=True,
        )

    def differences(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """This function will return each record's key and what changed in it, reading one after the other."""
        is_update = self.before is not None and self.after is not None
        besides = {"updated_at"} if is_update else self.table.managed_columns
        for pair in self.pairs():
            old, new = (None if text is None else json.loads(text) for text in pair)
            yield self.table.format_key(new or old or {}), changes.diff(old, new, besides=besides)


def lock(
    table: Table,
    wanted: Q,
    *,
    keeps_key: bool,
    include_deleted: bool = False,
    terms: Terms = DEFAULT_TERMS,
    expect_one: bool = False,
) -> Rows:
    """This function will lock the records that fulfil a condition, in the order of their keys, and return them.

    With `keeps_key` new references to them may still be made meanwhile.

    :raises LimitExceeded: more match than one call, or the caller's terms, allow
    :raises NotFound: one was expected, none matches
    """
    maximum, by_key = maximum_of(terms), ordering.of_rows(table, ())
    strength: Strength = "NO KEY UPDATE" if keeps_key else "UPDATE"
    select = Select(table, members(table), by_key, include_deleted, strength)
    records = select.fetch(wanted, limit=maximum + 1)
    require_within(table, len(records), maximum)
    if expect_one and not records:
        raise NotFound(f"There is no such record in {table.name}.", table=table.name)
    return records


def require_within(table: Table, count: int, maximum: int = MAX_AFFECTED) -> None:
    """This function will do nothing where a write of `count` records is within the limit.

    :raises LimitExceeded: it is not
    """
    if count > maximum:
        raise LimitExceeded(
            f"This would write more than {counted(maximum, 'record', 'records')} of {table.name}.",
            hint="Go on in smaller parts."
            if maximum == MAX_AFFECTED
            else "Write fewer, or raise max_affected.",
            table=table.name,
            maximum=maximum,
        )


def delete(
    entry: Entry, table: Table, before: Rows, *, is_soft: bool, counts: list[int] | None = None
) -> Change:
    """This function will delete locked records, into the trash or for good, with what the database deletes along.

    :raises ForeignKeyViolation: for good, while other records refer to them; `details` lists those
    """
    if is_soft:
        after = statements.trash(entry, table, before, is_deleted=True) if before else Rows()
        return done(entry, [Written(table, before, after)], kind="soft", counts=counts)
    along = delete_for_good(entry, table, before)
    change = done(entry, [Written(table, before, None)], along=along, kind="hard", counts=counts)
    if along:
        entry.changes = {**(entry.changes or {}), "cascaded": _counted(along)}
    return change


def delete_for_good(entry: Entry, table: Table, before: Rows) -> list[Written]:
    """This function will delete locked records, and return those that the database deletes along with them.

    :raises ForeignKeyViolation: other records refer to them; `details` lists those
    """
    if not before:
        return []
    references.require_no_dependents(entry.actor, table, before)
    along = [Written(referring, rows, None) for referring, rows in references.cascading(table, before)]
    with translated(table):
        statements.delete(table, before)
    return along


def done(
    entry: Entry,
    written: Sequence[Written],
    *,
    along: Sequence[Written] = (),
    kind: Kind | None = None,
    counts: list[int] | None = None,
) -> Change:
    """This function will tell the audit entry what was written, and return the change.

    The change shows the records of the first table; what was deleted `along` has versions only. A version of what was
    deleted for good is kept here; of the rest, by the statements that wrote it.
    """
    if entry.change_id is None:
        raise TypeError("done() is for a write")
    for part in (*written, *along):
        if part.after is None:
            history.record(entry, part.table.model, part.table.key, part.pairs())
    entry.record_count = sum(len(part.records) for part in written)
    differences: Iterable[tuple[str, dict[str, Any]]] = _differences(written)
    if entry.record_count == 1:
        differences = list(differences)
        ((entry.record_id, _),) = differences
    entry.changes = changes.listing(differences, entry.record_count)
    first = written[0].table
    records = Rows(text for part in written if part.table is first for text in part.records.texts)
    return Change(
        columns.project(entry.actor, first, records), entry.change_id, kind, counts or [], first.name
    )


def _differences(written: Sequence[Written]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What changed in each record, by its key; of several tables, with the table's name before it."""
    has_several = len({part.table for part in written if part.records}) > 1
    for part in written:
        for key, difference in part.differences():
            yield (f"{part.table.name} {key}" if has_several else key), difference


def _counted(parts: Sequence[Written]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for part in parts:
        counts[part.table.name] = counts.get(part.table.name, 0) + len(part.records)
    return counts


def maximum_of(terms: Terms) -> int:
    """This function will return how many records a caller wants to write at most.

    :raises InvalidInput: that is no number from 1 to 1000
    """
    limit: Any = terms.max_affected
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_AFFECTED:
        raise InvalidInput(f"max_affected must lie between 1 and {MAX_AFFECTED}.", argument="max_affected")
    return limit
