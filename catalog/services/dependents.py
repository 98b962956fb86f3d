"""What hangs on records: what refers to them and what belongs to that, counted by table, with a few samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat, Left

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from audit.operation import audited
from audit.trail import Entry
from catalog import registry
from catalog.services import columns
from catalog.services.lookups import among
from catalog.services.parents import MAX_NAME_CHARS
from catalog.services.texts import label
from catalog.table import Table

MAX_COUNTED = 1_000
MAX_DEPTH = 3  # references on references: scenes of the chapters of an author's books
SAMPLES = 5


@dataclass(frozen=True)
class Sample:
    """One record: its key, and what it is called as far as the actor may know."""

    key: str
    name: str | None
    is_trashed: bool


@dataclass(frozen=True)
class Dependents:
    """The records of one table that refer to others by a column; `path` says how, the nearest table first."""

    table: Table
    column: str
    path: tuple[Table, ...]  # of what lies between; empty where they refer to the records themselves
    goes_along: bool  # the database deletes it with what it refers to; else it stands in the way
    count: int
    is_capped: bool
    in_trash: int
    samples: list[Sample]
    is_readable: bool


@dataclass(frozen=True)
class _Way:
    """How a table refers to another: by a column, at the end of a chain of lookups."""

    table: Table
    column: str
    lookup: str
    path: tuple[Table, ...]

    @property
    def goes_along(self) -> bool:
        relation: Any = self.table.columns[self.column].remote_field
        return relation.on_delete is models.CASCADE


@audited("QUERY")
def list_dependents(entry: Entry, *, actor: Actor, table: Table, keys: Sequence[int]) -> list[Dependents]:
    """This function will return what hangs on records of a table: first what refers to them, then what belongs to that.

    Up to 1,000 of each are counted. It takes two statements, however many records there are. Of a table that the
    actor may not read it says only that there are some, and only where they refer to the records themselves.

    :raises Forbidden: the actor may not read the table
    """
    policy.require(actor, Operation.READ, table)
    entry.record_count = len(keys)
    entry.record_id = str(keys[0]) if len(keys) == 1 else None
    ways = [] if table.junction else _ways(table)
    readable = {way.table: policy.decide(actor, Operation.READ, way.table).allowed for way in ways}
    ways = [way for way in ways if readable[way.table] or not way.path]
    counts = _counts(table, ways, keys)
    found = [index for index, (count, _) in enumerate(counts) if count]
    near = [index for index in found if readable[ways[index].table] and not ways[index].path]
    samples = _samples(actor, table, {index: ways[index] for index in near}, keys)
    return [
        Dependents(
            way.table,
            way.column,
            way.path,
            way.goes_along,
            min(counts[index][0], MAX_COUNTED),
            counts[index][0] > MAX_COUNTED,
            counts[index][1],
            samples.get(index, []),
            readable[way.table],
        )
        for index, way in enumerate(ways)
        if index in set(found)
    ]


def _ways(table: Table) -> list[_Way]:
    """The ways that lead to a table, the shortest first.

    A longer one is a chain of references that can't be null: of what can't be without what it refers to. Where a
    table is near, no longer way to it counts.
    """
    ways = [
        _Way(referring, column, referring.columns[column].attname, ())
        for referring, column in _referring(table)
    ]
    seen = {table, *(way.table for way in ways)}
    level = ways
    for _ in range(MAX_DEPTH - 1):
        level = [
            _Way(referring, column, f"{referring.columns[column].name}__{way.lookup}", (way.table, *way.path))
            for way in level
            if not way.table.junction and not way.table.columns[way.column].null
            for referring, column in _referring(way.table)
            if referring not in seen and not referring.junction and not referring.columns[column].null
        ]
        seen |= {way.table for way in level}
        ways = [*ways, *level]
    return ways


def _referring(table: Table) -> Iterable[tuple[Table, str]]:
    return (
        (referring, column)
        for referring in registry.all_tables()
        for column, parent in referring.foreign_keys.items()
        if parent == table.name
    )


def _rows(table: Table, way: _Way, keys: Sequence[int]) -> QuerySet[Any, Any]:
    rows = way.table.model._default_manager.filter(among(way.lookup, keys))
    # Those that go in the same statement are no others.
    return rows.exclude(among("id", keys)) if way.table is table else rows


def _is_trashed(table: Table) -> Any:
    return Q(deleted_at__isnull=False) if table.soft_delete else Value(False)


def _counts(table: Table, ways: Sequence[_Way], keys: Sequence[int]) -> list[tuple[int, int]]:
    """How many rows each way leads to, up to one more than are counted, and how many of them are in the trash."""
    if not ways:
        return []
    parts, params = [], []
    for index, way in enumerate(ways):
        rows = _rows(table, way, keys).annotate(
            way=Value(index),
            is_trashed=models.ExpressionWrapper(_is_trashed(way.table), models.BooleanField()),
        )
        limited = rows.values_list("way", "is_trashed")[: MAX_COUNTED + 1]
        text, values = limited.query.get_compiler(connection=connection, elide_empty=False).as_sql()
        parts.append(f"({text})")
        params += values
    union = " UNION ALL ".join(parts)
    statement = f"SELECT way, count(*), count(*) FILTER (WHERE is_trashed) FROM ({union}) AS q (way, is_trashed) GROUP BY way"  # noqa: E501, S608 - the ORM's own
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        found = {way: (count, trashed) for way, count, trashed in cursor.fetchall()}
    return [found.get(index, (0, 0)) for index in range(len(ways))]


def _samples(
    actor: Actor, table: Table, ways: dict[int, _Way], keys: Sequence[int]
) -> dict[int, list[Sample]]:
    """The first few rows of each way, by their keys."""
    parts = [
        _rows(table, way, keys)
        .order_by(*way.table.key)
        .annotate(
            way=Value(index),
            key_text=_key_text(way.table),
            shown_name=_name(actor, way),
            is_trashed=models.ExpressionWrapper(_is_trashed(way.table), models.BooleanField()),
        )
        .values_list("way", "key_text", "shown_name", "is_trashed")[:SAMPLES]
        for index, way in ways.items()
    ]
    if not parts:
        return {}
    found: dict[int, list[Sample]] = {}
    for index, key, name, is_trashed in parts[0].union(*parts[1:], all=True):
        found.setdefault(index, []).append(Sample(key, name, is_trashed))
    return found


def _key_text(table: Table) -> Any:
    parts: list[Any] = [Cast(name, models.TextField()) for name in table.key]
    between = [item for part in parts for item in (Value(":"), part)][1:]
    return Concat(*between, output_field=models.TextField()) if len(between) > 1 else parts[0]


def _name(actor: Actor, way: _Way) -> Any:
    """What a row is called: its own name, or of a junction's row that of the record at the other end."""
    table, prefix = way.table, ""
    if table.junction:
        other = next(name for name in table.key if name != way.column)
        prefix = f"{table.columns[other].name}__"
        table = registry.get(table.foreign_keys[other])
    column = label(columns.shown(actor, table))
    if column is None or not policy.decide(actor, Operation.READ, table).allowed:
        return Value(None, models.TextField())
    return Left(F(f"{prefix}{column}"), MAX_NAME_CHARS)
