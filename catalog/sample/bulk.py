"""Bulk data: a library of any size, the same for the same seed, written with COPY.

For trying the server under load: prose made of a few words, in the proportions of real books. No versions are kept,
since nobody edited it; one audit row tells of all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Self

from django.db import connection
from psycopg import sql

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.policy import Operation
from audit.operation import audited
from audit.trail import Entry
from catalog import registry

MAX_SCENES: Final = 10_000_000
SCENES_OF_CHAPTER: Final = 10
CHAPTERS_OF_BOOK: Final = 20
BOOKS_OF_SERIES: Final = 4
CHARACTERS_OF_SERIES: Final = 12
LOCATIONS_OF_SERIES: Final = 8
SENTENCES: Final = 2_000  # different ones; texts are made of them

Row = Sequence[object]
Keys = list[int]


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


_FIRST = _list(
    "Ada, Brook, Cyril, Dora, Edmund, Flora, Gideon, Hester, Ivo, Jane, Kit, Lydia, Miles, Nell, Oscar"
)
_LAST = _list(
    "Ashworth, Blythe, Carrow, Dunmore, Ellery, Farrow, Grange, Hallam, Inglewood, Keswick, Lorne, Marsh"
)
_WHO = _list(
    "the captain, a stranger, her sister, the old lawyer, his friend, nobody, the whole town, the child"
)
_VERB = _list(
    "waited for, spoke of, remembered, had never seen, walked towards, wrote about, feared, looked at"
)
_WHAT = _list(
    "the harbour, an empty house, the letter, the winter, a lamp in the window, the river, the garden"
)
_HOW = _list("at dusk, without a word, as if for the last time, in the rain, before anyone woke, for years")
_PLACE = _list("Harbour, House, Mill, Bridge, Garden, Station, Chapel, Library")
_GENRES = ("fantasy", "gothic", "historical", "mystery", "romance")
_STATUSES = ("draft", "editing", "published", "published")
_ROLES = ("protagonist", "antagonist", "mentor", "supporting", "supporting", "minor")


@dataclass(frozen=True)
class Made:
    """How many records were made of each table."""

    counts: dict[str, int]

    def dump(self) -> str:
        """This function will return the counts as text, to be kept."""
        return json.dumps(self.counts)

    @classmethod
    def load(cls, text: str) -> Self:
        """This function will return the counts that a text was made of."""
        return cls(json.loads(text))


@audited("BULK_LOAD", writes=Made)
def make(entry: Entry, *, actor: Actor, scenes: int, seed: int = 0) -> Made:
    """This function will make a library with that many scenes, and all that they belong to.

    :raises InvalidInput: less than one scene, or more than ten million
    :raises Forbidden: the actor may not insert into one of the tables
    """
    if not 1 <= scenes <= MAX_SCENES:
        raise InvalidInput(f"The number of scenes must lie between 1 and {MAX_SCENES}.", maximum=MAX_SCENES)
    for table in registry.load_order():
        if table.name in Library.TABLES:
            policy.require(actor, Operation.INSERT, table)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # the one operation that may take minutes
    counts = Library(scenes, seed).write()
    entry.record_count = sum(counts.values())
    entry.changes = {"seed": seed, "records": counts}
    return Made(counts)


class Library:
    """One library: what has keys that others refer to takes them from the sequences first."""

    TABLES: Final = ("authors", "series", "books", "chapters", "characters", "locations", "scenes")

    def __init__(self, scenes: int, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - for prose, not for secrets
        self.sentences = [self._sentence() for _ in range(SENTENCES)]
        self.scenes = scenes
        chapters = _share(scenes, SCENES_OF_CHAPTER)
        books = _share(chapters, CHAPTERS_OF_BOOK)
        self.series = _reserve("series", _share(books, BOOKS_OF_SERIES))
        self.authors = _reserve("authors", len(self.series))
        self.books = _reserve("books", books)
        self.chapters = _reserve("chapters", chapters)
        self.characters = _reserve("characters", len(self.series) * CHARACTERS_OF_SERIES)
        self.locations = _reserve("locations", len(self.series) * LOCATIONS_OF_SERIES)

    def write(self) -> dict[str, int]:
        """This function will write every record, and return how many there are of each table."""
        return {
            "authors": _copy("authors", "id name bio", self._authors()),
            "series": _copy("series", "id author_id title status", self._series()),
            "books": _copy(
                "books", "id author_id series_id book_number title genre status description", self._books()
            ),
            "chapters": _copy("chapters", "id book_id chapter_num title status", self._chapters()),
            "characters": _copy("characters", "id series_id name role age description", self._characters()),
            "locations": _copy("locations", "id series_id name description", self._locations()),
            "scenes": _copy(
                "scenes",
                "chapter_id scene_num title content summary pov_character_id location_id word_count",
                self._scenes(),
            ),
        }

    def _authors(self) -> Iterator[Row]:
        for key in self.authors:
            yield key, self._name(), self._text(2)

    def _series(self) -> Iterator[Row]:
        for key, author in zip(self.series, self.authors, strict=True):
            yield key, author, f"The {self._one(_PLACE)} of {self._one(_LAST)}", "ongoing"

    def _books(self) -> Iterator[Row]:
        for index, key in enumerate(self.books):
            place, number = divmod(index, BOOKS_OF_SERIES)
            title = f"{self._one(_FIRST)} and the {self._one(_PLACE)}"
            yield (
                key, self.authors[place], self.series[place], number + 1, title,
                self._one(_GENRES), self._one(_STATUSES), self._text(3),
            )  # fmt: skip

    def _chapters(self) -> Iterator[Row]:
        for index, key in enumerate(self.chapters):
            place, number = divmod(index, CHAPTERS_OF_BOOK)
            yield key, self.books[place], number + 1, f"The {self._one(_PLACE)}, {self._one(_HOW)}", "draft"

    def _characters(self) -> Iterator[Row]:
        for index, key in enumerate(self.characters):
            series = self.series[index // CHARACTERS_OF_SERIES]
            yield key, series, self._name(), self._one(_ROLES), self.random.randrange(8, 90), self._text(1)

    def _locations(self) -> Iterator[Row]:
        for index, key in enumerate(self.locations):
            series = self.series[index // LOCATIONS_OF_SERIES]
            yield key, series, f"{self._one(_LAST)} {self._one(_PLACE)}", self._text(1)

    def _scenes(self) -> Iterator[Row]:
        of_series = SCENES_OF_CHAPTER * CHAPTERS_OF_BOOK * BOOKS_OF_SERIES
        for index in range(self.scenes):
            place, number = divmod(index, SCENES_OF_CHAPTER)
            series = index // of_series
            content = self._text(4 + index % 4)
            yield (
                self.chapters[place], number + 1, f"Scene {number + 1}", content, self._one(self.sentences),
                self.characters[series * CHARACTERS_OF_SERIES + self._below(CHARACTERS_OF_SERIES)],
                self.locations[series * LOCATIONS_OF_SERIES + self._below(LOCATIONS_OF_SERIES)],
                content.count(" ") + 1,
            )  # fmt: skip

    def _name(self) -> str:
        return f"{self._one(_FIRST)} {self._one(_LAST)}"

    def _sentence(self) -> str:
        text = f"{self._one(_WHO)} {self._one(_VERB)} {self._one(_WHAT)} {self._one(_HOW)}."
        return text[0].upper() + text[1:]

    def _text(self, sentences: int) -> str:
        return " ".join(self.random.choices(self.sentences, k=sentences))

    def _one(self, words: Sequence[str]) -> str:
        return words[self._below(len(words))]

    def _below(self, limit: int) -> int:
        return int(self.random.random() * limit)


def _share(count: int, size: int) -> int:
    """How many parts of `size` it takes for `count`."""
    return -(-count // size)


def _reserve(table: str, count: int) -> Keys:
    """Numbers of a table's sequence, which nobody else is given."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(%s::regclass) FROM generate_series(1, %s)", [f"public.{table}_id_seq", count]
        )
        return [key for (key,) in cursor.fetchall()]


def _copy(table: str, columns: str, rows: Iterable[Row]) -> int:
    """Write rows with COPY, and return how many there were."""
    statement = sql.SQL("COPY public.{} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns.split()))
    )
    count = 0
    with connection.cursor() as cursor:
        driver: Any = cursor
        with driver.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
                count += 1
    return count
