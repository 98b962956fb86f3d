"""Which records the parts of a batch mean: locked, and each taken once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.db.models import Q

from audit.operation import Terms
from catalog.services import writing
from catalog.services.lookups import among
from catalog.services.rows import Record, Rows
from catalog.table import Table

Key = tuple[int, ...]


class Shared(NamedTuple):
    """A record that a part matches after another has: the other's index, and its key."""

    first: int
    key: str


class Matches:
    """The records that the parts of a batch match; each belongs to the first part that does."""

    def __init__(self, table: Table, terms: Terms) -> None:
        self.shared: dict[int, Shared] = {}  # the first such record of each part that has one
        self._table = table
        self._maximum = writing.maximum_of(terms)
        self._texts: dict[Key, str] = {}
        self._owners: dict[Key, int] = {}

    @property
    def rows(self) -> Rows:
        """The records of all parts, by key."""
        return Rows(self._texts[key] for key in sorted(self._texts))

    def owner(self, record: Record) -> int:
        """This function will return the index of the part that a record belongs to."""
        return self._owners[self._key(record)]

    def add(self, index: int, rows: Rows) -> int:
        """This function will add the records of one part, and return how many belong to it.

        :raises LimitExceeded: with them there are more than the terms allow
        """
        known = len(self._texts)
        for record, text in zip(rows, rows.texts, strict=True):
            key = self._key(record)
            if key in self._owners:
                self.shared.setdefault(index, Shared(self._owners[key], self._table.format_key(record)))
            else:
                self._owners[key] = index
                self._texts[key] = text
        writing.require_within(self._table, len(self._texts), self._maximum)
        return len(self._texts) - known

    def _key(self, record: Record) -> Key:
        return tuple(record[name] for name in self._table.key)


def finder(table: Table, wheres: Iterable[Q], *, keeps_key: bool, terms: Terms) -> Callable[[Q], Rows]:
    """This function will return a function that locks the rows of one of the conditions, and returns them.

    Those of conditions that name one key are locked here, with one statement for all.
    """
    keys = {key for where in wheres if (key := _key_named(table, where)) is not None}
    texts: dict[int, str] = {}
    if is_together := 1 < len(keys) <= writing.maximum_of(terms):
        found = writing.lock(table, among("id", keys), keeps_key=keeps_key, terms=terms)
        texts = {record["id"]: text for record, text in zip(found, found.texts, strict=True)}

    def find(where: Q) -> Rows:
        key = _key_named(table, where)
        if is_together and key is not None:
            return Rows([texts[key]] if key in texts else [])
        return writing.lock(table, where, keeps_key=keeps_key, terms=terms)

    return find


def _key_named(table: Table, where: Q) -> int | None:
    """The key that a condition names, if that is all it says."""
    match where.children:
        case [("id", int() as key)] if not where.negated and table.key == ("id",):
            return key
        case _:
            return None
