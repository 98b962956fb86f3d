"""Reading records: filter, choose, order, page, count, group and expand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Model, Q, QuerySet

import audit.queries
from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.policy import Operation
from audit.at_once import Reading
from audit.operation import audited
from audit.trail import Entry
from catalog.services import columns as visible_columns
from catalog.services import conditions, counting, expansion, fingerprint, grouping, ordering, values
from catalog.services.names import listed
from catalog.services.pages import Pages
from catalog.services.rows import Member, Output, Rows, fetch, members
from catalog.services.selects import Select
from catalog.table import AnyField, Table

MAX_LIMIT = 1_000
MAX_OFFSET = 2**63 - 1
AT_ONCE = 100  # records; of more the round trips are a small part, and they needn't be held twice

CountMode = Literal["exact", "capped", "none"]


@dataclass(frozen=True)
class Page:
    """Some of the records that a query matches, and how many there are.

    `total` is None where it was not asked for, and an estimate where `total_is_estimate` says so.
    """

    records: Rows
    limit: int
    offset: int
    total: int | None
    total_is_estimate: bool = False
    next_cursor: str | None = None

    @property
    def count(self) -> int:
        """How many records this page has."""
        return len(self.records)


@dataclass(frozen=True)
class _Asked:
    """What a query asks for, whichever page it is of."""

    columns: Sequence[str] | None = None
    where: Mapping[str, Any] | None = None
    order_by: Sequence[Mapping[str, Any]] | None = None
    include_deleted: bool = False
    expand: Sequence[str] | None = None


def _page_at_once(
    *,
    actor: Actor,
    table: Table,
    limit: int = 100,
    offset: int = 0,
    cursor: str | None = None,
    count: CountMode = "capped",
    group_by: Sequence[str] | None = None,
    aggregate: Mapping[str, Mapping[str, Any]] | None = None,
    **of_rows: Any,
) -> Reading[Page] | None:
    """The page of a query that neither groups nor counts."""
    if group_by or aggregate or table.append_only or _mode(count, cursor) != "none":
        return None
    policy.require(actor, Operation.READ, table)
    _check_page(limit, offset, count, cursor)
    if limit > AT_ONCE:
        return None
    asked, seen = _Asked(**of_rows), visible_columns.shown(actor, table)
    pages = _pages(actor, seen, conditions.parse(seen, asked.where), asked)
    asking, since = pages.asking(limit=limit, offset=offset, cursor=cursor)
    if asking is None:
        return None

    def answer(records: Rows, is_more: bool) -> Page:
        next_cursor = pages.cursor_behind(records) if is_more else None
        return Page(records, limit, offset, None, next_cursor=next_cursor)

    return Reading(asking, answer, limit, _hash(table, asked), since=since)


@audited("QUERY", reads=_page_at_once)
def query_records(
    entry: Entry,
    *,
    actor: Actor,
    table: Table,
    columns: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    order_by: Sequence[Mapping[str, Any]] | None = None,
    limit: int = 100,
    offset: int = 0,
    cursor: str | None = None,
    include_deleted: bool = False,
    count: CountMode = "capped",
    group_by: Sequence[str] | None = None,
    aggregate: Mapping[str, Mapping[str, Any]] | None = None,
    expand: Sequence[str] | None = None,
) -> Page:
    """This function will return a page of the records that match `where`, by default ordered by their key.

    `order_by` is [{"column": …, "direction": "asc" or "desc"}]; `aggregate` is {name: {"fn": …, "column": …}}
    and with `group_by` makes one record per group; `expand` adds the record that a foreign key points
    to, under the key's name without `_id`. Trashed records show only with `include_deleted`. `cursor`, from
    a page's `next_cursor`, goes on where that page ended, at any depth as fast as at the start.

    :raises Forbidden: the actor may not read the table, or one that is expanded
    :raises InvalidInput: an unknown column, operator or function, a bad value, a limit outside 1 to 1000, a
        cursor that is not this query's
    """
    policy.require(actor, Operation.READ, table)
    _check_page(limit, offset, count, cursor)
    asked = _Asked(columns, where, order_by, include_deleted, expand)
    seen = visible_columns.shown(actor, table)
    condition = conditions.parse(seen, where)
    found: QuerySet[Any, Any] | None = None
    next_cursor = None
    if group_by or aggregate:
        _refuse_beside_groups(columns, expand, cursor)
        rows = visible(actor, table, include_deleted=include_deleted).filter(condition)
        found, outputs = grouping.apply(seen, rows, group_by or (), aggregate or {}, order_by or ())
        records = fetch(found[offset : offset + limit], outputs)
    else:
        pages = _pages(actor, seen, condition, asked)
        records, next_cursor = pages.fetch(limit=limit, offset=offset, cursor=cursor)
    entry.query_hash = _hash(table, asked, group_by, aggregate)
    mode = _mode(count, cursor)
    known = _known_total(
        mode,
        is_first=cursor is None,
        offset=offset,
        limit=limit,
        got=len(records),
        is_single=bool(aggregate) and not group_by,
    )
    if known is None:
        if found is None:
            found = visible(actor, table, include_deleted=include_deleted).filter(condition)
        known = counting.count(found, exact=mode == "exact")
    entry.record_count = len(records)
    return Page(records, limit, offset, *known, next_cursor)


def _record_at_once(
    *, actor: Actor, table: Table, key: Mapping[str, int], include_deleted: bool = False
) -> Reading[str | None] | None:
    """The record of a key."""
    if table.append_only:
        return None
    policy.require(actor, Operation.READ, table)
    seen = visible_columns.shown(actor, table)
    asking = Select(seen, members(seen), (), include_deleted).asking_one(key)
    return Reading(asking, lambda found, _: _first(found), 1, _GET_HASH, table.format_key(key))


def _first(found: Rows) -> str | None:
    return found.texts[0] if found else None


@audited("QUERY", reads=_record_at_once)
def get_record(
    entry: Entry, *, actor: Actor, table: Table, key: Mapping[str, int], include_deleted: bool = False
) -> str | None:
    """This function will return one record by its key ({column: number}), as JSON text; None where there is none.

    :raises Forbidden: the actor may not read the table
    """
    policy.require(actor, Operation.READ, table)
    seen = visible_columns.shown(actor, table)
    entry.query_hash = _GET_HASH
    select, condition = Select(seen, members(seen), (), include_deleted), own_to(actor, table)
    found = select.fetch(Q(**key) & condition) if condition else select.fetch_one(key)
    entry.record_count = len(found)
    entry.record_id = table.format_key(key) if found else None
    return _first(found)


_GET_HASH = fingerprint.of(None, "get_record")


def visible(actor: Actor, table: Table, *, include_deleted: bool = False) -> QuerySet[Model]:
    """This function will return the rows of a table that an ordinary read by `actor` may see."""
    rows = table.model._default_manager.all()
    if table.soft_delete and not include_deleted:
        rows = rows.filter(deleted_at=None)
    return rows.filter(own_to(actor, table)) if table.append_only else rows


def own_to(actor: Actor, table: Table) -> Q:
    """This function will return the condition for the rows that an actor may see: of every table but the trail, all."""
    return audit.queries.visible_to(actor) if table.append_only else Q()


@audited("QUERY")
def note_view(entry: Entry, *, actor: Actor, table: Table, keys: Sequence[int]) -> None:
    """This function will audit a page that shows rows of `visible`, by their keys.

    :raises Forbidden: the actor may not read the table
    """
    policy.require(actor, Operation.READ, table)
    entry.record_count = len(keys)
    entry.record_id = str(keys[0]) if len(keys) == 1 else None


def fields_of(table: Table, names: Sequence[str] | None) -> list[AnyField]:
    """This function will return the fields of the columns named, each once; without names, of every column.

    :raises InvalidInput: an empty list, or an unknown column
    """
    if names is None:
        return list(table.columns.values())
    wanted = listed(names, "columns", table.columns)
    if not wanted:
        raise InvalidInput("columns must name at least one column.", allowed=list(table.columns))
    return [table.column(name) for name in wanted]


def _pages(actor: Actor, seen: Table, condition: Q, asked: _Asked) -> Pages:
    """The pages of a query of a table as the actor may know it, whose `where` comes to a condition."""
    shown = _shown(actor, seen, asked.columns, asked.expand or (), include_deleted=asked.include_deleted)
    select = Select(seen, shown, ordering.of_rows(seen, asked.order_by or ()), asked.include_deleted)
    query = (seen.name, asked.where, asked.order_by, asked.columns, asked.include_deleted)
    return Pages(actor, select, condition & own_to(actor, seen), query)


def _hash(table: Table, asked: _Asked, *groups: object) -> str:
    """The name of a query in the trail, whatever values it compares with; `groups` are group_by and aggregate."""
    by, aggregate = groups or (None, None)
    return fingerprint.of(
        asked.where,
        table.name,
        asked.columns,
        asked.order_by,
        by,
        aggregate,
        asked.expand,
        asked.include_deleted,
    )


def _shown(
    actor: Actor, table: Table, columns: Sequence[str] | None, expand: Sequence[str], *, include_deleted: bool
) -> tuple[Member, ...]:
    """What each record shows: of its own columns and of those that it refers to."""
    own = members(table) if columns is None else tuple(map(Output.of, fields_of(table, columns)))
    return (*own, *expansion.build(actor, table, expand, include_deleted=include_deleted))


def _known_total(
    mode: CountMode, *, is_first: bool, offset: int, limit: int, got: int, is_single: bool
) -> tuple[int | None, bool] | None:
    """(how many records there are in all, whether that is an estimate); None where they have to be counted."""
    if mode == "none":
        return None, False
    if is_single:  # one record for all rows, be there none
        return 1, False
    if is_first and got < limit and (got or offset == 0):  # the page is the last: it says so itself
        return offset + got, False
    return None


def _mode(count: CountMode, cursor: str | None) -> CountMode:
    """How to count: behind a cursor only where all is wanted, since the first page has told the rest."""
    return count if cursor is None or count == "exact" else "none"


def _refuse_beside_groups(*others: object) -> None:
    if any(others):
        raise InvalidInput("columns, expand and cursor have no meaning beside group_by and aggregate.")


def _check_page(limit: int, offset: int, count: str, cursor: object) -> None:
    if not values.is_integer(limit) or not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"limit must lie between 1 and {MAX_LIMIT}.", argument="limit", maximum=MAX_LIMIT)
    if not values.is_integer(offset) or not 0 <= offset <= MAX_OFFSET:
        raise InvalidInput("offset must be 0 or more.", argument="offset")
    if cursor is not None and offset:
        raise InvalidInput("A cursor says where to go on: leave offset out.", argument="offset")
    if count not in ("exact", "capped", "none"):
        raise InvalidInput("count is exact, capped or none.", argument="count")
