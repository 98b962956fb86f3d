"""Writes the sample library, through the services, as far as it is not there yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any

from django.db import transaction

from accesscontrol.actor import Actor
from catalog import registry
from catalog.sample.files import Record, read
from catalog.services import queries, records
from catalog.table import Table

PAGE = 1_000

# By what a record is recognised when it is there already. The first column always has a value.
IDENTITY: Mapping[str, tuple[str, ...]] = {
    "authors": ("name",),
    "series": ("title",),
    "books": ("title", "author_id"),
    "chapters": ("book_id", "chapter_num"),
    "scenes": ("chapter_id", "scene_num"),
    "characters": ("name", "series_id"),
    "character_arcs": ("character_id", "book_id", "arc_name"),
    "character_relationships": ("character_id", "related_character_id", "relationship_type"),
    "character_timeline_events": ("character_id", "description"),
    "character_knowledge": ("character_id", "description"),
    "locations": ("name", "series_id"),
    "world_elements": ("name", "series_id"),
    "organizations": ("name", "series_id"),
    "plot_threads": ("title", "series_id", "book_id"),
    "tropes": ("name",),
    "writing_sessions": ("session_date", "book_id", "chapter_id"),
    "exports": ("file_name",),
    "timeline_events": ("title", "series_id", "book_id"),
    "plot_thread_relationships": ("thread_id", "related_thread_id", "relationship_type"),
    "world_element_usage": ("world_element_id", "scene_id", "chapter_id"),
    "writing_goals": ("goal_type", "period", "book_id"),
    "series_genres": ("series_id", "genre_id"),
    "book_genres": ("book_id", "genre_id"),
    "book_tropes": ("book_id", "trope_id"),
    "character_scenes": ("scene_id", "character_id"),
    "event_participants": ("event_id", "character_id"),
}


class BadReference(Exception):
    """A record of the library names another that is not in it, or two have one name."""


@dataclass
class Loaded:
    """What happened to one table: records added, put in the trash, found there already, and left out.

    Left out are records whose parent somebody has put in the trash since.
    """

    added: int = 0
    trashed: int = 0
    found: int = 0
    left_out: int = 0


def load(*, actor: Actor) -> dict[str, Loaded]:
    """This function will add the records of the library that are missing, and say what it did by table.

    All or nothing, so that an interrupted load leaves nothing behind. Records that are there stay as they are,
    whatever has been made of them, in the trash too.

    :raises Refused: the actor may not read, insert or delete in a table of the library
    """
    by_table: defaultdict[str, list[Record]] = defaultdict(list)
    for record in read():
        by_table[record.table].append(record)
    load_ = _Load(actor)
    with transaction.atomic():
        load_.find_genres()
        for table in registry.load_order():
            if table.name in by_table:
                load_.add(table, by_table[table.name])
        load_.fill_trash()
    return load_.done


class _Load:
    """One run: the ids of the records seen so far, by table and name."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.ids: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self.in_trash: set[tuple[str, int]] = set()
        self.for_trash: list[tuple[Table, list[int]]] = []
        self.done: dict[str, Loaded] = {}

    def find_genres(self) -> None:
        """Learn the ids of the genres, which come with the migrations."""
        genres = self.pages(registry.get("genres"), columns=["id", "name"])
        self.ids["genres"] = {genre["name"]: genre["id"] for genre in genres}

    def add(self, table: Table, wanted: list[Record]) -> None:
        """Insert the records of one table that are not there, and learn the ids of all."""
        done = self.done[table.name] = Loaded()
        identities = [self.identity(table, record) for record in wanted]
        known = self.known(table, identities)
        fresh: list[int] = []
        for record, identity in zip(wanted, identities, strict=True):
            row = known.get(identity)
            if row is not None:
                done.found += 1
            else:
                data = self.resolved(table, record.values)
                if self.is_orphan(table, data):
                    done.left_out += 1
                    continue
                row = records.insert_record(actor=self.actor, table=table, data=data).records[0]
                done.added += 1
                if record.for_trash and table.soft_delete:
                    fresh.append(row["id"])
            self.learn(table, record, row)
        if fresh:
            self.for_trash.append((table, fresh))

    def fill_trash(self) -> None:
        """Put in the trash what is new and belongs there; last, because nothing may refer to it any more."""
        for table, ids in self.for_trash:
            change = records.delete_records(actor=self.actor, table=table, where={"id": {"$in": ids}})
            self.done[table.name].trashed = change.count

    def known(
        self, table: Table, identities: Iterable[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], Mapping[str, Any]]:
        """The records that may be the wanted ones, those in the trash included, by identity."""
        columns = IDENTITY[table.name]
        first = list({identity[0] for identity in identities if identity[0] is not None})
        extra = ["deleted_at"] if table.soft_delete else []
        rows = self.pages(
            table,
            columns=[*table.key, *columns, *extra],
            where={columns[0]: {"$in": first}},
            include_deleted=table.soft_delete,
        )
        return {tuple(row[column] for column in columns): row for row in rows}

    def pages(self, table: Table, **query: Any) -> Iterator[Mapping[str, Any]]:
        """Every record that a query matches."""
        for offset in count(0, PAGE):
            page = queries.query_records(
                actor=self.actor, table=table, limit=PAGE, offset=offset, count="none", **query
            )
            yield from page.records
            if page.count < PAGE:
                return

    def identity(self, table: Table, record: Record) -> tuple[Any, ...]:
        """The values by which a record is recognised, as a query gives them."""
        columns = IDENTITY[table.name]
        names = {column.removesuffix("_id") for column in columns} | set(columns)
        values = {name: value for name, value in record.values.items() if name in names}
        data = self.resolved(table, values)
        return tuple(v.isoformat() if isinstance(v, date) else v for v in map(data.get, columns))

    def resolved(self, table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by column: names of records become their ids."""
        data = {}
        for name, value in values.items():
            target = table.foreign_keys.get(f"{name}_id")
            if target is None:
                data[name] = value
            elif value in self.ids[target]:
                data[f"{name}_id"] = self.ids[target][value]
            else:
                raise BadReference(f"{table.name}.{name}: there is no {value!r} in {target}.")
        return data

    def is_orphan(self, table: Table, data: Mapping[str, Any]) -> bool:
        """Whether a record would refer to one that somebody has put in the trash."""
        return any(
            (target, data.get(column)) in self.in_trash for column, target in table.foreign_keys.items()
        )

    def learn(self, table: Table, record: Record, row: Mapping[str, Any]) -> None:
        """Remember what a name stands for."""
        if record.name is None:
            return
        if self.ids[table.name].setdefault(record.name, row["id"]) != row["id"]:
            raise BadReference(f"{table.name}: two records are called {record.name!r}.")
        if row.get("deleted_at") is not None:
            self.in_trash.add((table.name, row["id"]))
