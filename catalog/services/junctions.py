"""Reading junction tables as people read them: each row with the names of the records that it ties together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q
from psycopg import sql

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from audit.operation import audited
from audit.trail import Entry
from catalog import registry
from catalog.services import columns, conditions, counting, cursors, fingerprint, ordering, queries, search
from catalog.services.expansion import referred
from catalog.services.lookups import among
from catalog.services.ordering import Term
from catalog.services.pages import Pages
from catalog.services.rows import Member, Rows, members
from catalog.services.selects import Select
from catalog.services.texts import SHORT_CHARS, label
from catalog.table import Table

MAX_KEYS = 1_000


@dataclass(frozen=True)
class End:
    """One of the tables that a junction ties together: the column that refers to it, and what may be known of it."""

    column: str
    name: str  # the column's without `_id`, and the name of the member that a row has for the record
    parent: Table
    label: str | None  # the column that names its records; None where it has none, or is kept from the actor
    is_readable: bool


@dataclass(frozen=True)
class Listing:
    """A page of the rows of a junction, how many there are, and the cursors of the pages beside it."""

    records: Rows
    total: int
    total_is_estimate: bool
    next_cursor: str | None
    previous_cursor: str | None


def ends(actor: Actor, table: Table) -> list[End]:
    """This function will return what a junction ties together, as the actor may know it."""
    return [_end(actor, table, column) for column in table.key]


@audited("QUERY")
def list_rows(
    entry: Entry,
    *,
    actor: Actor,
    table: Table,
    where: Mapping[str, Any] | None = None,
    text: str = "",
    order_by: Sequence[Mapping[str, Any]] = (),
    limit: int = 50,
    cursor: str | None = None,
    backwards: bool = False,
) -> Listing:
    """This function will return a page of a junction's rows, each with a member for either end: {name, in_trash}.

    `text` is looked for in the names at both ends, in the row's own short texts and its key. A cursor goes on
    after the page it came from, or `backwards` before it.

    :raises Forbidden: the actor may not read the table
    :raises InvalidInput: an unknown column, a bad value, a cursor that is not this query's
    """
    policy.require(actor, Operation.READ, table)
    seen = columns.shown(actor, table)
    condition = conditions.parse(seen, where) & matching(actor, seen, text)
    order = ordering.of_rows(seen, order_by)
    query = ("junction", table.name, where, text, order_by)
    shown: tuple[Member, ...] = (*members(seen), *(_Name(end) for end in ends(actor, seen)))
    pages = Pages(actor, Select(seen, shown, _reversed(order) if backwards else order), condition, query)
    page, further = pages.fetch(limit=limit, offset=0, cursor=cursor)
    records = Rows(reversed(page.texts)) if backwards else page
    beside = further, _cursor_at(actor, query, order, records, -1 if backwards else 0, cursor)
    entry.query_hash = fingerprint.of(where, table.name, text, order_by)
    entry.record_count = len(records)
    entry.record_id = table.format_key(records[0]) if len(records) == 1 else None
    total, is_estimate = counting.count(queries.visible(actor, table).filter(condition), exact=False)
    return Listing(records, total, is_estimate, *(reversed(beside) if backwards else beside))


def matching(actor: Actor, table: Table, text: str) -> Q:
    """This function will return the condition that a row, or a record at one of its ends, has the words of a text."""
    if not text.strip():
        return Q()
    named = [_matching_at(end, text) for end in ends(actor, table) if end.is_readable]
    return reduce(or_, named, search.matching(table, text))


def _matching_at(end: End, text: str) -> Q:
    """The condition that the record at one end has the words. Where few have, it is one that indexes know."""
    found = end.parent.model._default_manager.filter(search.matching(end.parent, text))
    keys = list(found.values_list("pk", flat=True)[: MAX_KEYS + 1])
    return Q(**{f"{end.column}__in": found}) if len(keys) > MAX_KEYS else among(end.column, keys)


def _end(actor: Actor, table: Table, column: str) -> End:
    parent = registry.get(table.foreign_keys[column])
    is_readable = policy.decide(actor, Operation.READ, parent).allowed
    seen = columns.shown(actor, parent)
    return End(column, table.columns[column].name, seen, label(seen) if is_readable else None, is_readable)


@dataclass(frozen=True)
class _Name:
    """What a row shows of the record at one end: its name where it may be known, and whether it is in the trash."""

    end: End

    @property
    def name(self) -> str:
        """The name of the member."""
        return self.end.name

    def sql(self) -> sql.Composable:
        """This function will return the member as one item of a SELECT list."""
        end = self.end
        name: sql.Composable = sql.SQL("NULL::text")
        is_trashed = sql.SQL("false")
        if end.label is not None:
            name = sql.SQL("left({}, {})").format(sql.Identifier("p", end.label), SHORT_CHARS)
        if end.parent.soft_delete and end.is_readable:
            is_trashed = sql.SQL("p.deleted_at IS NOT NULL")
        shown = sql.SQL("json_build_object('name', {}, 'in_trash', {})").format(name, is_trashed)
        return referred(end.column, end.parent, shown, end.name)


def _reversed(order: Sequence[Term]) -> tuple[Term, ...]:
    return tuple(Term(term.name, not term.is_descending) for term in order)


def _cursor_at(
    actor: Actor,
    query: Sequence[object],
    order: Sequence[Term],
    records: Rows,
    index: int,
    cursor: str | None,
) -> str | None:
    """The cursor that leads back over a row of the page, None on a page that nobody went on to."""
    if cursor is None or not records:
        return None
    return cursors.seal(actor, query, [records[index][term.name] for term in order])
