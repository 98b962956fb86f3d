"""Reads the files of the sample library: TOML, a table's name over each record, references by name.

A key that is a column holds its value. A key that is a reference without its `_id` names another record:
a book by its slug, a chapter as `slug 3`, a scene as `slug 3.1`, everything else by its title or name. What
belongs to a record may stand inside it (a book's chapters, a scene's cast). A file's `world` is the series of
all that it tells of. What trash.toml holds is loaded, and then put in the trash.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "library"
TRASH = "trash.toml"

WORLD_TABLES = frozenset(
    {"books", "characters", "locations", "organizations", "timeline_events", "world_elements"}
)


@dataclass(frozen=True)
class Record:
    """One record: its values by column, its references by name, and the name that others know it by."""

    table: str
    values: Mapping[str, Any]
    name: str | None
    for_trash: bool = False


@dataclass(frozen=True)
class Part:
    """Where a key inside a record leads: to records of `table` whose reference `owner` is that record.

    With `other` the key holds names of other records, each perhaps with a value for the column `value`.
    """

    table: str
    owner: str
    other: str = ""
    value: str = ""


PARTS = {
    ("series", "genres"): Part("series_genres", "series", "genre"),
    ("books", "genres"): Part("book_genres", "book", "genre"),
    ("books", "tropes"): Part("book_tropes", "book", "trope", "prominence"),
    ("books", "chapters"): Part("chapters", "book"),
    ("scenes", "cast"): Part("character_scenes", "scene", "character", "role"),
    ("characters", "relationships"): Part("character_relationships", "character"),
    ("characters", "arcs"): Part("character_arcs", "character"),
    ("characters", "knowledge"): Part("character_knowledge", "character"),
    ("characters", "life"): Part("character_timeline_events", "character"),
    ("timeline_events", "participants"): Part("event_participants", "event", "character", "role"),
    ("world_elements", "usage"): Part("world_element_usage", "world_element"),
    ("plot_threads", "relations"): Part("plot_thread_relationships", "thread"),
}


def read(folder: Path = FOLDER) -> Iterator[Record]:
    """This function will yield every record of the library, in the order of the files."""
    for path in sorted(folder.glob("*.toml")):
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
        world = sections.pop("world", None)
        for table, entries in sections.items():
            for entry in entries:
                if world and table in WORLD_TABLES:
                    entry.setdefault("series", world)
                yield from _records(table, entry, for_trash=path.name == TRASH)


def _records(table: str, entry: dict[str, Any], *, for_trash: bool) -> Iterator[Record]:
    """The record of an entry, then those that stand inside it."""
    name = _name(table, entry)
    parts = {key: entry.pop(key) for key in list(entry) if (table, key) in PARTS}
    yield Record(table, entry, name, for_trash)
    for key, content in parts.items():
        part = PARTS[table, key]
        for inner in _entries(part, content):
            yield from _records(part.table, {part.owner: name, **inner}, for_trash=for_trash)


def _entries(part: Part, content: Any) -> list[dict[str, Any]]:
    if not part.other:
        return list(content)
    if not part.value:
        return [{part.other: name} for name in content]
    return [{part.other: name, part.value: value} for name, value in content.items()]


def _name(table: str, entry: dict[str, Any]) -> str | None:
    """How other records refer to this one; what only says that leaves the entry."""
    match table:
        case "books":
            return str(entry.pop("slug"))
        case "chapters":
            return f"{entry['book']} {entry['chapter_num']}"
        case "scenes":
            at = str(entry.pop("at"))
            entry["chapter"], _, number = at.rpartition(".")
            entry["scene_num"] = int(number)
            return at
        case _:
            return entry.get("title") or entry.get("name")
