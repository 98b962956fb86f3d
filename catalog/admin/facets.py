"""The filters of a list: one control for each column, by its type, and what is chosen of them in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accesscontrol.actor import Actor
from catalog.admin import columns
from catalog.admin.addresses import Listing, is_long
from catalog.table import AnyField, Table

Kind = Literal["choices", "boolean", "reference", "number", "date", "text", "long"]


@dataclass(frozen=True)
class Option:
    """One value to choose."""

    parameter: str
    value: str
    label: str
    is_chosen: bool


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
    source: dict[str, str] = field(
        default_factory=dict
    )  # of suggestions: what the autocomplete view asks for

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


def of(listing: Listing, actor: Actor, query: QueryDict) -> list[Facet]:
    """This function will return the controls of a list, filled in as its address says.

    The records that chosen references lead to are read with one query for each such column.
    """
    table = listing.table
    names = [*(name for name in table.columns if name not in table.key), *table.key]
    return [_facet(table, n, table.columns[n], actor, query) for n in names if n != "deleted_at"]


def chips(listing: Listing, facets: Sequence[Facet], query: QueryDict) -> Iterator[Chip]:
    """This function will yield what narrows a list, column by column."""
    by_column = {facet.column: facet for facet in facets}
    for column, conditions in listing.where.items():
        table_field = listing.table.columns[column]
        parameters = tuple(
            name for name in query if _column_of(name, table_field) and any(query.getlist(name))
        )
        words = [
            _in_words(operator, operand, by_column.get(column)) for operator, operand in conditions.items()
        ]
        yield Chip(column, columns.heading(table_field), ", ".join(words), parameters)


def _facet(table: Table, name: str, found: AnyField, actor: Actor, query: QueryDict) -> Facet:
    heading = columns.heading(found)
    values = _values(query, found)
    empty = _empty(found, query)
    if isinstance(found, models.ForeignKey):
        return _reference(name, found, actor, values, empty)
    if found.flatchoices:
        options = [
            Option(name, str(value), str(text), str(value) in values) for value, text in found.flatchoices
        ]
        return Facet(name, heading, "choices", [*options, *empty])
    if isinstance(found, models.BooleanField):
        chosen = values[-1] if values else ""
        return Facet(
            name,
            heading,
            "boolean",
            [
                Option(name, "", _("Any"), not chosen),
                Option(name, "1", _("Yes"), chosen in {"1", "true", "True"}),
                Option(name, "0", _("No"), chosen in {"0", "false", "False"}),
            ],
        )
    if is_long(found) or isinstance(found, ArrayField | models.JSONField):
        return Facet(
            name,
            heading,
            "long",
            _filled(found, query),
            text=_last(query, f"{name}__contains"),
            takes_text=not isinstance(found, models.JSONField),
        )
    if isinstance(found, models.TextField | models.UUIDField):
        text = _last(query, f"{name}__contains")
        return Facet(name, heading, "text", empty, text=text, takes_text=True)
    kind: Kind = "date" if isinstance(found, models.DateField) else "number"
    exact = values[-1] if values else ""
    least, greatest = _last(query, f"{name}__gte"), _last(query, f"{name}__lte")
    return Facet(name, heading, kind, empty, least=(least or exact)[:10], greatest=(greatest or exact)[:10])


def _reference(
    name: str, found: models.ForeignKey[Any, Any], actor: Actor, values: list[str], empty: list[Option]
) -> Facet:
    """The control of a foreign key: records are found by name where the actor may read them."""
    keys = [int(value) for value in values if value.isdecimal() and len(value) < 19]
    if not columns.may_read(actor, found):
        options = [Option(name, str(key), f"#{key}", is_chosen=True) for key in keys]
        return Facet(name, columns.heading(found), "reference", [*options, *empty])
    names = columns.names_of(actor, found, keys)
    options = [Option(name, str(key), names.get(key, f"#{key}"), is_chosen=True) for key in keys]
    meta = found.model._meta
    source = {"app_label": meta.app_label, "model_name": str(meta.model_name), "field_name": found.name}
    return Facet(name, columns.heading(found), "reference", [*options, *empty], source=source)


def _empty(found: AnyField, query: QueryDict) -> list[Option]:
    """The box that also, or only, takes records where nothing is there."""
    if not found.null:
        return []
    parameter = f"{found.column}__isnull"
    return [Option(parameter, "1", pgettext("nothing there", "Empty"), _last(query, parameter) == "1")]


def _filled(found: AnyField, query: QueryDict) -> list[Option]:
    """Whether there is something at all."""
    if not found.null:
        return []
    parameter = f"{found.column}__isnull"
    chosen = _last(query, parameter)
    return [
        Option(parameter, "", _("Any"), not chosen),
        Option(parameter, "1", pgettext("nothing there", "Empty"), chosen == "1"),
        Option(parameter, "0", pgettext("something there", "Filled"), chosen == "0"),
    ]


def _values(query: QueryDict, found: AnyField) -> list[str]:
    """The values that a column may have, however the address writes them."""
    names = {found.column, found.name, f"{found.name}__id"}
    exact = [
        value
        for name in dict.fromkeys([*sorted(map(str, names)), *(f"{name}__exact" for name in names)])
        for value in query.getlist(name)
    ]
    listed = [part for name in names for value in query.getlist(f"{name}__in") for part in value.split(",")]
    return [value for value in dict.fromkeys([*exact, *listed]) if value]


def _last(query: QueryDict, parameter: str) -> str:
    return query.get(parameter, "")


def _column_of(parameter: str, found: AnyField) -> bool:
    return parameter.partition("__")[0] in {found.column, found.name}


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
