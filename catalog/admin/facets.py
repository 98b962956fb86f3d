"""The filters of a list: one control for each column, by its type, and what is chosen of them in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from django.db import models
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accesscontrol.actor import Actor
from catalog.admin import addresses, columns
from catalog.admin.addresses import Listing, is_long
from catalog.services import value_counts
from catalog.services.value_counts import NOTHING, ValueCounts
from catalog.table import MAX_KEY, AnyField, Table

DAY_CHARS = len("2026-11-22")

_TRUTH = {"1": "true", "0": "false"}  # of an address, as PostgreSQL writes it

Kind = Literal["choices", "boolean", "reference", "number", "date", "text", "long"]


@dataclass(frozen=True)
class Option:
    """One value to choose."""

    parameter: str
    value: str
    label: str
    is_chosen: bool
    count: int | None = None  # of records that it would find; None where nobody counts them


@dataclass(frozen=True)
class Facet:
    """The control of one column."""

    column: str
    heading: str
    kind: Kind
    options: list[Option] = field(default_factory=list)
    least: str = ""
    greatest: str = ""
    text: str = ""
    takes_text: bool = False
    lookups: tuple[str, ...] = ()  # what of an address it shows
    source: dict[str, str] = field(
        default_factory=dict
    )  # of suggestions: what the autocomplete view asks for
    is_capped: bool = False  # there are more records than were counted

    @property
    def has_control(self) -> bool:
        """Whether there is anything to ask: of JSON that is always there, there is not."""
        return self.kind != "long" or self.takes_text or bool(self.options)

    @property
    def is_used(self) -> bool:
        """Whether it narrows the list."""
        chosen = any(option.is_chosen and option.value for option in self.options)
        return chosen or bool(self.least or self.greatest or self.text)


@dataclass(frozen=True)
class Chip:
    """One filter that is on, in words, and the parameters that make it."""

    column: str
    heading: str
    words: str
    parameters: tuple[str, ...]


def of(listing: Listing, actor: Actor, query: QueryDict, counts: ValueCounts = NOTHING) -> list[Facet]:
    """This function will return the controls of a list, filled in as its address says, with what was counted.

    The records that chosen references lead to are read with one query for each such column.
    """
    table = listing.table
    given = Given(table, query)
    names = [*(name for name in table.columns if name not in table.key), *table.key]
    facets = (_facet(name, table.columns[name], actor, given) for name in names if name != "deleted_at")
    return [_with_counts(facet, counts) for facet in facets if facet.has_control]


def counts(listing: Listing, rows: QuerySet[Any]) -> ValueCounts:
    """This function will count the values of columns that hold one of a few, beside what else the list is narrowed to.

    `rows` are what the list shows but for its filters. It takes one query, or none where there is no such column.
    """
    fields = listing.table.columns.items()
    few = [name for name, found in fields if found.flatchoices or isinstance(found, models.BooleanField)]
    return value_counts.count(listing.table, rows, listing.where, few)


def _with_counts(facet: Facet, counts: ValueCounts) -> Facet:
    if facet.column not in counts.by_column:
        return facet
    options = [replace(option, count=_count(facet, option, counts)) for option in facet.options]
    return replace(facet, options=options, is_capped=counts.is_capped)


def _count(facet: Facet, option: Option, counts: ValueCounts) -> int | None:
    """How many records an option would find: of a value, or of none; "any" is no choice."""
    if not option.value:
        return None
    if option.parameter != facet.column:  # the box for records where nothing is there
        return counts.of(facet.column, None)
    return counts.of(facet.column, _TRUTH[option.value] if facet.kind == "boolean" else option.value)


def chips(listing: Listing, facets: Sequence[Facet], query: QueryDict) -> Iterator[Chip]:
    """This function will yield what narrows a list, column by column."""
    by_column = {facet.column: facet for facet in facets}
    parameters: dict[str, list[str]] = {}
    for found in addresses.filters(listing.table, query):
        parameters.setdefault(found.column, []).append(found.parameter)
    for column, conditions in listing.where.items():
        words = [_in_words(operator, value, by_column.get(column)) for operator, value in conditions.items()]
        heading = columns.heading(listing.table.columns[column])
        yield Chip(column, heading, ", ".join(words), tuple(parameters[column]))


def kept(facets: Sequence[Facet], listing: Listing, query: QueryDict) -> list[tuple[str, str]]:
    """This function will return (parameter, value) of the filters that no control shows, so that they stay."""
    shown = {(facet.column, lookup) for facet in facets for lookup in facet.lookups}
    return [
        (found.parameter, text)
        for found in addresses.filters(listing.table, query)
        if (found.column, found.lookup) not in shown
        for text in query.getlist(found.parameter)
    ]


class Given:
    """What an address gives for each column, by lookup."""

    def __init__(self, table: Table, query: QueryDict) -> None:
        self._texts: dict[tuple[str, str], list[str]] = {}
        for found in addresses.filters(table, query):
            self._texts.setdefault((found.column, found.lookup), []).extend(found.texts)

    def all(self, column: str, lookup: str = "") -> list[str]:
        """This function will return the texts, each once."""
        return list(dict.fromkeys(self._texts.get((column, lookup), ())))

    def last(self, column: str, lookup: str) -> str:
        """This function will return the text that counts, or nothing."""
        return self._texts.get((column, lookup), [""])[-1]


def _facet(name: str, found: AnyField, actor: Actor, given: Given) -> Facet:
    heading = columns.heading(found)
    if isinstance(found, models.ForeignKey):
        return _reference(name, found, actor, given)
    empty = _empty(found, given)
    if found.flatchoices:
        chosen = given.all(name)
        options = [Option(name, str(v), str(text), str(v) in chosen) for v, text in found.flatchoices]
        return Facet(name, heading, "choices", [*options, *empty], lookups=("", *_box(name, given)))
    if isinstance(found, models.BooleanField):
        return Facet(name, heading, "boolean", _yes_or_no(name, given), lookups=("",))
    if is_long(found):
        takes_text = not isinstance(found, models.JSONField)
        text = given.last(name, "contains")
        options = _filled(found, given)
        return Facet(
            name, heading, "long", options, text=text, takes_text=takes_text, lookups=("contains", "isnull")
        )
    if isinstance(found, models.TextField):
        text = given.last(name, "contains")
        return Facet(
            name, heading, "text", empty, text=text, takes_text=True, lookups=("contains", *_box(name, given))
        )
    return _range(name, found, given)


def _range(name: str, found: AnyField, given: Given) -> Facet:
    """The control of numbers and days: from and to; a single value is both."""
    kind: Kind = "date" if isinstance(found, models.DateField) else "number"
    exact = given.all(name)
    texts = [given.last(name, "gte"), given.last(name, "lte")]
    lookups = [*_box(name, given), "gte", "lte"]
    if len(exact) == 1 and not any(texts):
        texts, lookups = [exact[0], exact[0]], [*lookups, ""]
    if kind == "date" and any(len(text) > DAY_CHARS for text in texts):  # finer than the control is
        texts, lookups = ["", ""], [*_box(name, given)]
    least, greatest = texts
    return Facet(
        name,
        columns.heading(found),
        kind,
        _empty(found, given),
        least=least,
        greatest=greatest,
        lookups=tuple(lookups),
    )


def _reference(name: str, found: models.ForeignKey[Any, Any], actor: Actor, given: Given) -> Facet:
    """The control of a foreign key: records are found by name where the actor may read them."""
    keys = [int(value) for value in given.all(name) if value.isdecimal() and int(value) <= MAX_KEY]
    names = columns.names_of(actor, found, keys)
    options = [Option(name, str(key), names.get(key, f"#{key}"), is_chosen=True) for key in keys]
    meta = found.model._meta
    source = {"app_label": meta.app_label, "model_name": str(meta.model_name), "field_name": found.name}
    return Facet(
        name,
        columns.heading(found),
        "reference",
        [*options, *_empty(found, given)],
        source=source if columns.may_read(actor, found) else {},
        lookups=("", *_box(name, given)),
    )


def _yes_or_no(name: str, given: Given) -> list[Option]:
    chosen = [addresses.WORDS.get(text.lower()) for text in given.all(name)][-1:]
    return [
        Option(name, "", _("Any"), not chosen),
        Option(name, "1", _("Yes"), chosen == [True]),
        Option(name, "0", _("No"), chosen == [False]),
    ]


def _empty(found: AnyField, given: Given) -> list[Option]:
    """The box that also, or only, takes records where nothing is there."""
    options = _filled(found, given)
    return [option for option in options if option.value == "1"]


def _box(name: str, given: Given) -> tuple[str, ...]:
    """The lookup of that box, unless the address asks for the contrary, which it can't say."""
    wanted = addresses.WORDS.get(given.last(name, "isnull").lower())
    return () if wanted is False else ("isnull",)


def _filled(found: AnyField, given: Given) -> list[Option]:
    """Whether there is something at all."""
    if not found.null:
        return []
    name = str(found.column)
    chosen = [addresses.WORDS.get(text.lower()) for text in given.all(name, "isnull")][-1:]
    return [
        Option(f"{name}__isnull", "", _("Any"), not chosen),
        Option(f"{name}__isnull", "1", pgettext("nothing there", "Empty"), chosen == [True]),
        Option(f"{name}__isnull", "0", pgettext("something there", "Filled"), chosen == [False]),
    ]


_SIGNS = {"$gt": ">", "$gte": "≥", "$lt": "<", "$lte": "≤"}


def _in_words(operator: str, operand: Any, facet: Facet | None) -> str:
    match operator:
        case "$null":
            return pgettext("nothing there", "Empty") if operand else pgettext("something there", "Filled")
        case "$ilike":
            plain = operand[1:-1].replace("\\%", "%").replace("\\_", "_").replace("\\\\", "\\")
            return _("contains “%(text)s”") % {"text": plain}
        case "$contains":
            return _("contains “%(text)s”") % {"text": operand}
        case "$in" | "$nin":
            words = ", ".join(_label(value, facet) for value in operand)
            return words if operator == "$in" else _("not %(values)s") % {"values": words}
        case _:
            return f"{_SIGNS.get(operator, operator)} {operand}"


def _label(value: Any, facet: Facet | None) -> str:
    """A value as the control shows it."""
    if value is None:
        return pgettext("nothing there", "Empty")
    texts = {"True": "1", "False": "0"}
    wanted = texts.get(str(value), str(value))
    labels = {option.value: option.label for option in facet.options if option.value} if facet else {}
    return labels.get(wanted, str(value))
