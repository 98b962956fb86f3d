"""Rows as JSON, made by PostgreSQL: what is cheapest to make, and the same for every face.

Timestamps are ISO 8601 in UTC with microseconds, numeric is a text (no digit is lost), arrays and jsonb
are what they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Protocol, overload

from django.db import connection, models
from django.db.models import QuerySet
from psycopg import sql

Record = dict[str, Any]

_NAME = re.compile(r'[{,]\s*(?P<member>"(?P<name>[a-z0-9_]+)":\s*)')
_JSON = json.JSONDecoder(parse_int=str, parse_float=str)  # to find where a value ends, a number is a text


def read_exactly(text: str) -> Any:
    """This function will return what a JSON text says, every digit of its numbers kept: a fraction is a Decimal."""
    return json.loads(text, parse_float=Decimal)


class Rows(Sequence[Record]):
    """Records as PostgreSQL's JSON texts, read into dicts when looked at.

    `marks` are JSON objects of what was asked for beside the records, one for each, or none at all.
    """

    def __init__(self, texts: Iterable[str] = (), marks: Iterable[str] = ()) -> None:
        self.texts = list(texts)
        self.marks = list(marks)

    @cached_property
    def _records(self) -> list[Record]:
        return [json.loads(text) for text in self.texts]

    def json(self) -> str:
        """This function will return the records as one JSON array."""
        return f"[{','.join(self.texts)}]"

    @property
    def last_mark(self) -> str:
        """What was asked for beside the last record, or that record."""
        return (self.marks or self.texts)[-1]

    def only(self, names: Collection[str]) -> Rows:
        """This function will return the records with the members named, and no others: each as it is written."""
        return Rows(
            f"{{{','.join(member for name, member in _members(text) if name in names)}}}"
            for text in self.texts
        )

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        return self._records[index]


class Joined(Rows):
    """Records that PostgreSQL has joined to one text, which is taken apart where somebody looks at one of them."""

    def __init__(self, text: str, count: int, last_mark: str) -> None:
        self._text, self._count, self._last_mark = text, count, last_mark
        self.marks = []

    @cached_property
    def texts(self) -> list[str]:  # type: ignore[override] # the same, made when it is wanted
        """The records' texts."""
        return list(_parted(self._text))

    @property
    def last_mark(self) -> str:
        """What was asked for beside the last record, or that record."""
        return self._last_mark

    def json(self) -> str:
        """This function will return the records as one JSON array."""
        return f"[{self._text}]"

    def __len__(self) -> int:
        return self._count


def _parted(text: str) -> Iterator[str]:
    """The JSON values of a text that has commas between them, each as it is written."""
    start = 0
    while start < len(text):
        _, end = _JSON.raw_decode(text, start)
        yield text[start:end]
        start = end + 1


def _members(text: str) -> Iterator[tuple[str, str]]:
    """The name of each member of a record, and the member as it is written, digit for digit."""
    end = 0
    while found := _NAME.match(text, end):
        _, end = _JSON.raw_decode(text, found.end())
        yield found["name"], text[found.start("member") : end]


class Member(Protocol):
    """One member of a record."""

    @property
    def name(self) -> str: ...
    def sql(self) -> sql.Composable:
        """This function will return the member as one item of a SELECT list, of a row that is named q."""


@dataclass(frozen=True)
class Output:
    """One member of a record: its name, the name it has in the query, and how it is written."""

    name: str
    source: str
    as_text: bool = False

    @classmethod
    def of(cls, field: models.Field[Any, Any]) -> Output:
        """This function will return the member that shows a column."""
        name = str(field.column)
        return cls(name, name, as_text=isinstance(field, models.DecimalField))

    def sql(self, row: str = "q") -> sql.Composable:
        """This function will return the member as one item of a SELECT list, by the name that the row has there."""
        source = sql.Identifier(row, self.source)
        return sql.SQL("{}{} AS {}").format(
            source, sql.SQL("::text" if self.as_text else ""), sql.Identifier(self.name)
        )


class Asking(NamedTuple):
    """A statement that returns records as JSON, and beside each perhaps its mark."""

    text: str
    parameters: Sequence[Any]
    has_marks: bool


def fetch(queryset: QuerySet[Any, Any], outputs: Sequence[Output]) -> Rows:
    """This function will run a query and return its rows as JSON, in the query's order."""
    # A query that can't match is asked too: an aggregate over no rows is a row.
    inner, params = queryset.query.get_compiler(using=queryset.db, elide_empty=False).as_sql()
    head, tail = framed(tuple(outputs))
    return run(f"{head}{inner}{tail}", params)


def ask(asking: Asking) -> Rows:
    """This function will run a statement that asks for records."""
    return run(asking.text, asking.parameters, has_marks=asking.has_marks)


def run(statement: str, params: Sequence[Any] | Mapping[str, Any], *, has_marks: bool = False) -> Rows:
    """This function will run a statement that returns rows as JSON, and beside each perhaps its mark."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        found = cursor.fetchall()
    return Rows([row[0] for row in found], [row[1] for row in found] if has_marks else ())


@lru_cache(maxsize=512)
def framed(members: tuple[Member, ...], marks: tuple[Member, ...] = ()) -> tuple[str, str]:
    """This function will return what stands before and behind a query, so that it returns its rows as JSON.

    `marks` are what of each row is wanted beside the record. It is text, since composing it takes its time.
    """
    shown = sql.SQL(", ").join(member.sql() for member in members)
    if marks:
        lateral = sql.SQL(") q CROSS JOIN LATERAL (SELECT {}) r CROSS JOIN LATERAL (SELECT {}) m").format(
            shown, sql.SQL(", ").join(mark.sql() for mark in marks)
        )
        return "SELECT row_to_json(r)::text, to_json(m)::text FROM (", lateral.as_string()
    head = sql.SQL("SELECT row_to_json(r)::text FROM (SELECT {} FROM (").format(shown)
    return head.as_string(), ") q) r"
