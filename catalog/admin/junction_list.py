"""What a list of junction rows is asked for in its address, and how it answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, TypeAlias
from urllib.parse import urlencode

from django import forms
from django.contrib.admin.utils import display_for_value
from django.core.exceptions import ValidationError
from django.db import models
from django.http import QueryDict
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, quoted
from catalog.admin.junction_forms import column_field, columns_beside_key, end_field, words_id
from catalog.services import junctions, parents
from catalog.services.junctions import End, Listing
from catalog.services.texts import is_short
from catalog.table import MAX_KEY, Table

PAGE_SIZE = 50
TEXT, ORDER, AFTER, BEFORE = "q", "o", "after", "before"
MAX_CELL_CHARS = 80
EMPTY = "-"

Names: TypeAlias = Mapping[tuple[str, int], str | None]  # by the column that refers, and number


@dataclass(frozen=True)
class Asked:
    """Words to look for, records that rows belong to, what rows hold, an order, and where a page begins or ends."""

    text: str
    ends: Mapping[str, int]
    values: Mapping[str, Any]
    order: str
    after: str | None
    before: str | None

    @classmethod
    def of(cls, table: Table, query: QueryDict) -> Self:
        """This function will read an address.

        Give the table as the person may know it.

        :raises InvalidInput: it names no record, no value or no order of this table
        """
        ends = {name: _number(name, query.get(name, "")) for name in table.key if query.get(name, "").strip()}
        order = query.get(ORDER, "")
        table.column(order.removeprefix("-") or table.key[0])
        text = query.get(TEXT, "").replace("\0", "").strip()
        values = {
            name: _value(table, name, query.get(name, "")) for name in narrowed_by(table) if query.get(name)
        }
        return cls(text, ends, values, order, query.get(AFTER), query.get(BEFORE))

    @property
    def where(self) -> dict[str, Any]:
        """The condition on the rows' own columns."""
        return {**self.ends, **self.values}

    def rows(self, actor: Actor, table: Table) -> Listing:
        """This function will return the rows that are asked for."""
        name = self.order.removeprefix("-")
        direction = "desc" if self.order.startswith("-") else "asc"
        return junctions.list_rows(
            actor=actor,
            table=table,
            where=self.where,
            text=self.text,
            order_by=[{"column": name, "direction": direction}] if name else [],
            limit=PAGE_SIZE,
            cursor=self.after or self.before,
            backwards=bool(self.before and not self.after),
        )

    def address(self, **changes: Any) -> str:
        """This function will return the address of the same list with something else asked for, from its first page."""
        asked = {TEXT: self.text, ORDER: self.order, **self.where, **changes}
        return f"?{urlencode({name: value for name, value in asked.items() if value not in (None, '')})}"

    @property
    def is_narrowed(self) -> bool:
        """Whether rows are left out."""
        return bool(self.text or self.where)


class Narrowing(forms.Form):
    """The words, the records and the values that a list is narrowed to."""

    q = forms.CharField(
        required=False,
        label=gettext_lazy("Search"),
        widget=forms.TextInput({"type": "search", "id": "searchbar"}),
    )

    def __init__(
        self,
        table: Table,
        ends: list[End],
        site: Any,
        asked: Asked,
        names: Names,
        words: Collection[str],
    ) -> None:
        super().__init__(
            initial={TEXT: asked.text, **asked.where},
            auto_id="narrow-%s",
            label_suffix="",
            use_required_attribute=False,
        )
        for end in ends:
            name_of = partial(name_at, end, names=names)
            self.fields[end.column] = end_field(table, end, site, name_of, required=False)
        for name in narrowed_by(table):
            field = self.fields[name] = _plain(column_field(table, name))
            if name in words:
                field.widget.attrs["list"] = words_id(table, name)


def narrowed_by(table: Table) -> list[str]:
    """This function will return the columns beside the key by whose value a list can be narrowed."""
    return [
        name
        for name in columns_beside_key(table)
        if is_short(table.columns[name]) or isinstance(table.columns[name], models.IntegerField)
    ]


def headings(table: Table, ends: list[End], asked: Asked) -> list[dict[str, Any]]:
    """This function will return the headings of the columns, with what a click on each asks for."""
    names = [*(end.column for end in ends), *columns_beside_key(table), "created_at"]
    sorted_by = asked.order.removeprefix("-")
    is_descending = asked.order.startswith("-")
    return [
        {
            "text": capfirst(str(table.columns[name].verbose_name)),
            "address": asked.address(
                **{ORDER: f"-{name}" if name == sorted_by and not is_descending else name}
            ),
            "sort": ("descending" if is_descending else "ascending") if name == sorted_by else "",
            "is_end": name in table.key,
        }
        for name in names
        if name in table.columns
    ]


def row(table: Table, ends: list[End], record: Mapping[str, Any]) -> dict[str, Any]:
    """This function will return a row as the list shows it."""
    return {
        "key": table.format_key(record),
        "ends": [end_of(end, record) for end in ends],
        "cells": [
            (capfirst(str(table.columns[name].verbose_name)), cell(record[name]))
            for name in columns_beside_key(table)
        ],
        "created_at": cell_of_moment(record.get("created_at")),
        "name": name_of(ends, record),
    }


def end_of(end: End, record: Mapping[str, Any]) -> dict[str, Any]:
    """This function will return the record at one end of a row: its name, its number, and its page."""
    key, known = record[end.column], record[end.name]
    return {
        "kind": capfirst(str(end.parent.model._meta.verbose_name)),
        "key": key,
        "name": called(end, key, known["name"]),
        "in_trash": known["in_trash"],
        "url": page_of(end, key),
    }


def called(end: End, key: int, name: str | None) -> str:
    """This function will return what to call the record at one end: its name, or else what it is and its number."""
    kind = capfirst(str(end.parent.model._meta.verbose_name))
    return Truncator(name).chars(MAX_CELL_CHARS) if name else f"{kind} #{key}"


def name_at(end: End, key: int, *, names: Names) -> str:
    """This function will return what to call the record at one end, by its number, in a field: with that number."""
    name = names.get((end.column, key))
    return f"{Truncator(name).chars(MAX_CELL_CHARS)} (#{key})" if name else called(end, key, None)


def names_of(actor: Actor, ends: list[End], keys: Mapping[str, Collection[int]]) -> Names:
    """This function will return the names of records at the ends of rows, as far as they may be known."""
    return {
        (end.column, key): name
        for end in ends
        for key, name in parents.by_key(actor, end.parent, keys.get(end.column, ())).items()
    }


def name_of(ends: list[End], record: Mapping[str, Any]) -> str:
    """This function will return what to call a row."""
    return " · ".join(called(end, record[end.column], record[end.name]["name"]) for end in ends)


def page_of(end: End, key: int) -> str | None:
    """This function will return the address of the record at one end, None where it may not be read."""
    meta = end.parent.model._meta
    address = f"admin:{meta.app_label}_{meta.model_name}_change"
    return reverse(address, args=[key]) if end.is_readable else None


def cell(value: Any) -> str:
    """This function will return a value as a list shows it."""
    return display_for_value(value, EMPTY) if value is not None else EMPTY


def cell_of_moment(text: str | None) -> str:
    """This function will return a time as a list shows it: in UTC, to the minute."""
    moment = parse_datetime(text or "")
    return EMPTY if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def key_of(text: str | None) -> int | None:
    """This function will return the number of a record that an address or a form gives, None where it is none."""
    text = (text or "").strip()
    is_number = text.isascii() and text.isdecimal() and len(text) < len(str(MAX_KEY))
    return int(text) if is_number else None


def _value(table: Table, name: str, text: str) -> Any:
    """A value of a column, as a form would take it."""
    try:
        return _plain(column_field(table, name)).clean(text)
    except ValidationError as error:
        heading = capfirst(str(table.columns[name].verbose_name))
        raise InvalidInput(f"{heading}: {' '.join(error.messages)}", column=name) from error


def _plain(field: forms.Field) -> forms.Field:
    """The field, with nothing that has to be filled in or is already."""
    field.required, field.initial = False, None
    return field


def _number(column: str, text: str) -> int:
    number = key_of(text)
    if number is None:
        raise InvalidInput(
            _("%(column)s is the number of a record, not %(value)r.")
            % {"column": column, "value": quoted(text)},
            column=column,
        )
    return number
