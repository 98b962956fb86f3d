"""Search by words: the names and short texts of records, by the beginnings of their words.

The indexes of catalog/schema/search.sql hold the words of every column that is searched, each column apart, so that a
search never tells of a column that is hidden from whoever searches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from catalog import registry
from catalog.services import counting, reading, sampling, words
from catalog.services.lookups import among
from catalog.services.sampling import Sample
from catalog.services.texts import is_short, label
from catalog.table import MAX_KEY, Table

FEW = 1_000  # records are named by their keys
FAR_MORE = 100  # times as many: rows that are looked at, for one that an index names


def searched(table: Table) -> list[str]:
    """This function will return the columns that a search of a table looks into: its name and its short texts.

    Of a table that was `shown` to somebody these are the ones that they may know of.
    """
    whole = registry.get(table.name)
    short = [name for name, field in whole.columns.items() if is_short(field) and not field.flatchoices]
    names = dict.fromkeys([*filter(None, [label(whole)]), *short])
    return [name for name in names if name in table.columns]


@dataclass(frozen=True)
class Search:
    """A text that is looked for in the records of a table. Give the table as it is `shown` to whoever searches.

    Found is what has every word of the text in some text of its own, or has it as its number. Words count from their
    beginning, without regard to case and accents: "pri" finds "Pride". Nothing but spaces finds everything.

    Where few records are found, they are looked up once, and then named by their keys: whatever else a query asks for,
    and in whatever order, is a matter of those alone. Where so many are that each page of the table has some, the rows
    are read in the order that they are wanted in, until there are enough; and their number is estimated.
    """

    table: Table
    text: str

    @cached_property
    def condition(self) -> Q:
        """The condition that a record is found, for a query of any kind."""
        if self._is_blank:
            return Q()
        if self._keys is None:
            return self._by_index | self._has_number
        found = among("pk", self._keys) if self._keys else words.NOTHING  # a key of two columns is among none
        return found | self._has_number

    def first(self, rows: QuerySet[Any, Any], size: int, *, start: int = 0) -> list[Any]:
        """This function will return the keys of the first records that are found in an ordered query, in its order."""
        found = rows.filter(self.condition)
        if self._is_blank or self._keys is not None:
            return list(found.values_list("pk", flat=True)[start : start + size])
        if self._finds_many:
            near = reading.in_order(rows, self._at_hand, size, start=start, within=counting.CAP)
            if len(near) == size or not counting.count(rows, exact=False)[1]:  # enough, or all there are
                return near
        return reading.all_at_once(found, size, start=start)

    def count(self, rows: QuerySet[Any, Any]) -> tuple[int, bool]:
        """This function will return how many records are found in a query, and whether that is an estimate."""
        if self._is_blank or self._keys is not None:
            return counting.count(rows.filter(self.condition), exact=False)
        total, is_estimate = counting.count(rows, exact=False)
        if not is_estimate:
            return counting.count(rows.filter(self._at_hand), exact=False)
        expected = round(total * self._sample.share)
        if self._finds_many and expected > counting.CAP:
            return expected, True
        number, is_estimate = counting.count(rows.filter(self.condition), exact=False)
        return max(expected, counting.CAP + 1) if is_estimate else number, is_estimate

    @property
    def _is_blank(self) -> bool:
        return not self.text.strip()

    @cached_property
    def _names(self) -> list[str]:
        return searched(self.table)

    @cached_property
    def _words(self) -> list[str]:
        return words.of(self.text)

    @cached_property
    def _sample(self) -> Sample:
        (sample,) = sampling.look([(self.table, self._names)], self._words)
        return sample

    @cached_property
    def _finds_many(self) -> bool:
        """Whether so many are found that wherever one looks there are some."""
        return self._keys is None and not self.table.junction and self._sample.is_of_many

    @cached_property
    def _keys(self) -> list[Any] | None:
        """The keys of the records that have the words, or None where there are more than a few."""
        if not self._names or not self._words:
            return []
        if self.table.junction or self._sample.expected > counting.CAP:
            return None
        rows = self.table.model._default_manager.filter(self._by_index)
        keys = list(rows.order_by().values_list("pk", flat=True)[: FEW + 1])
        return keys if len(keys) <= FEW else None

    @property
    def _by_index(self) -> Q:
        """The condition that the words are there, by the index of words."""
        if self.table.junction:
            return words.by_index(self._names, self._words)
        return has_words(self._names, self._words, self._sample)

    @property
    def _at_hand(self) -> Q:
        """The condition that a row is found which is read anyway."""
        return words.at_hand(self._names, self._words) | self._has_number

    @property
    def _has_number(self) -> Q:
        """The condition that a part of the key is the number that the text is."""
        digits = self.text.strip().removeprefix("#")
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > len(str(MAX_KEY)):
            return words.NOTHING
        number = int(digits)
        return reduce(or_, (Q(**{n: number}) for n in self.table.key)) if number <= MAX_KEY else words.NOTHING


def matching(table: Table, text: str) -> Q:
    """This function will return the condition that a record is found by a text, as `Search` finds it."""
    return Search(table, text).condition


def has_words(names: Sequence[str], asked: Sequence[str], sample: Sample) -> Q:
    """This function will return the condition that the words are there, for an index that is asked for the rare ones.

    Words that are far more common are looked for in what those find.
    """
    limit = FAR_MORE * max(min(sample.by_word), 1)
    common = [word for word, number in zip(asked, sample.by_word, strict=True) if number >= limit]
    rare = [word for word in asked if word not in common]
    condition = words.by_index(names, rare)
    return condition & words.at_hand(names, common) if common else condition
