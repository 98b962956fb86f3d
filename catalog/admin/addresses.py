"""What the address of a list says: filters, words, order, columns, page size.

    ?status=draft&status=editing&word_count__gte=5000&q=sea&o=-updated_at,title&_columns=status&_size=100

A filter is `column=value` or `column__lookup=value`; several values of one column are alternatives. Filters become
an object of the where language, which knows types and names; what is wrong is refused as the services refuse it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.http import QueryDict

from accesscontrol.errors import InvalidInput, quoted
from catalog.services import conditions, kinds
from catalog.services.texts import is_short, label
from catalog.table import AnyField, Table

SEARCH, ORDER, PAGE, TRASH = "q", "o", "p", "trash"
COLUMNS, SIZE, AFTER, BEFORE = "_columns", "_size", "_after", "_before"
SIZES = (25, 50, 100, 200)
USUAL_SIZE = 50

_POSITION = (PAGE, AFTER, BEFORE, "e")  # where in a list somebody is, which is no part of what it shows
_FRAME = ("_popup", "_to_field", "_changelist_filters")  # the window around a list
_OURS = {SEARCH, ORDER, TRASH, COLUMNS, SIZE, *_POSITION, *_FRAME}
_LOOKUPS = {
    "": "$in",
    "exact": "$in",
    "in": "$in",
    "not": "$nin",
    "gt": "$gt",
    "gte": "$gte",
    "lt": "$lt",
    "lte": "$lte",
    "isnull": "$null",
    "contains": "$ilike",
}
WORDS = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True)
class Listing:
    """What a list shows of a table, which is as the person may know it."""

    table: Table
    where: Mapping[str, Any]  # in the where language, by column
    in_trash: bool
    search: str
    order: tuple[tuple[str, bool], ...]  # (column, is descending); empty is the usual order
    columns: tuple[str, ...]  # as chosen; empty are the usual ones
    size: int
    query: str  # all of this as an address has it, without the place in the list

    @property
    def is_narrowed(self) -> bool:
        """Whether filters or words keep some records out."""
        return bool(self.where or self.search)


def read(table: Table, query: QueryDict) -> Listing:
    """This function will return what an address asks for.

    :raises InvalidInput: an unknown column or lookup, or a value that the column can't have
    """
    return Listing(
        table=table,
        where=_where(table, query),
        in_trash=table.soft_delete and bool(query.get(TRASH)),
        search=query.get(SEARCH, "").replace("\0", "").strip(),
        order=_order(table, query.get(ORDER, "")),
        columns=_columns(table, query),
        size=_size(query.get(SIZE, "")),
        query=urlencode(
            [(n, v) for n, vs in sorted(query.lists()) if n not in (*_POSITION, *_FRAME) for v in vs if v]
        ),
    )


def follow(table: Table, query: QueryDict) -> Q:
    """This function will return the condition that the filters of an address make.

    :raises InvalidInput: as `read`
    """
    return conditions.parse(table, read(table, query).where)


def column_of(table: Table, name: str) -> str:
    """This function will return the column that an address names: `author_id`, or for short `author`.

    :raises InvalidInput: there is none
    """
    known = f"{name}_id" if name not in table.columns and f"{name}_id" in table.foreign_keys else name
    table.column(known)
    return known


def can_order(field: AnyField) -> bool:
    """This function will say whether a list can be ordered by a column: not by long texts, arrays and objects."""
    return not isinstance(field, models.TextField | models.JSONField | ArrayField) or (
        is_short(field) or bool(field.flatchoices)
    )


def is_long(field: AnyField) -> bool:
    """This function will say whether a column may hold much, so that a list loads only its beginning."""
    return not can_order(field)


# Filters ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filter:
    """One parameter that narrows a list. The lookup is empty where it gives the values that a column may have."""

    parameter: str
    column: str
    lookup: str
    texts: list[str]


def filters(table: Table, query: QueryDict) -> Iterator[Filter]:
    """This function will yield what an address narrows a list by.

    :raises InvalidInput: an unknown column or lookup
    """
    for parameter, given in query.lists():
        texts = [text for text in given if text]
        if parameter not in _OURS and texts:
            column, lookup = _split(table, parameter)
            if lookup == "in":
                lookup, texts = "", [part for text in texts for part in text.split(",")]
            yield Filter(parameter, column, lookup, texts)


def _where(table: Table, query: QueryDict) -> dict[str, Any]:
    where: dict[str, dict[str, Any]] = {}
    for found in filters(table, query):
        field = table.columns[found.column]
        read_ = _READERS.get(found.lookup) or _comparison(found.lookup)
        for operator, operand in read_(field, found.texts).items():
            _add(where.setdefault(found.column, {}), operator, operand)
    return where


def _add(conditions: dict[str, Any], operator: str, operand: Any) -> None:
    """Beside the values that a column may have, "is empty" is one more of them."""
    if operator == "$in" and "$in" in conditions:
        operand = [*conditions["$in"], *operand]
    conditions[operator] = operand
    if conditions.get("$null") is True and "$in" in conditions:
        del conditions["$null"]
        conditions["$in"] = [*conditions["$in"], None]


def _split(table: Table, parameter: str) -> tuple[str, str]:
    """(column, lookup) of a parameter; `author__id__exact`, as Django writes it, is `author_id`."""
    name, *rest = parameter.split("__")
    column = column_of(table, name)
    if rest[:1] in (["id"], ["pk"]) and column in table.foreign_keys:
        rest = rest[1:]
    lookup = "__".join(rest)
    if lookup not in _LOOKUPS:
        raise InvalidInput(
            f"{column} can't be filtered by {quoted(lookup)!r}.",
            hint=f"Allowed: {', '.join(filter(None, _LOOKUPS))}.",
            table=table.name,
            column=column,
        )
    return column, "" if lookup == "exact" else lookup


def _alternatives(operator: str) -> Callable[[AnyField, list[str]], dict[str, Any]]:
    def read_(field: AnyField, texts: list[str]) -> dict[str, Any]:
        if isinstance(field, models.DateTimeField) and operator == "$in" and (day := _day(texts[-1])):
            return {"$gte": texts[-1], "$lt": _after(day)}
        if isinstance(field, ArrayField | models.JSONField):
            raise InvalidInput(f"{field.column} can only be filtered by contains and isnull.")
        return {operator: [_value(field, text) for text in texts]}

    return read_


def _comparison(lookup: str) -> Callable[[AnyField, list[str]], dict[str, Any]]:
    operator = _LOOKUPS[lookup]

    def read_(field: AnyField, texts: list[str]) -> dict[str, Any]:
        text = texts[-1]
        day = _day(text) if isinstance(field, models.DateTimeField) else None
        if day and lookup in {"lte", "gt"}:  # a day ends where the next begins
            return {"$lt" if lookup == "lte" else "$gte": _after(day)}
        return {operator: _value(field, text)}

    return read_


def _null(field: AnyField, texts: list[str]) -> dict[str, Any]:
    wanted = WORDS.get(texts[-1].lower())
    if wanted is None:
        raise InvalidInput(f"{field.column}__isnull is 1 or 0.", column=field.column)
    return {"$null": wanted}


def _contains(field: AnyField, texts: list[str]) -> dict[str, Any]:
    text = texts[-1]
    if isinstance(field, ArrayField):
        return {"$contains": text}
    if isinstance(field, models.JSONField) or not isinstance(field, models.TextField):
        raise InvalidInput(f"{field.column} holds no text.", column=field.column)
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"$ilike": f"%{escaped}%"}


_READERS: dict[str, Callable[[AnyField, list[str]], dict[str, Any]]] = {
    "": _alternatives("$in"),
    "not": _alternatives("$nin"),
    "isnull": _null,
    "contains": _contains,
}


def _value(field: AnyField, text: str) -> Any:
    """A text as the JSON value that the column takes; what is none is left to the services to refuse."""
    if isinstance(field, models.BooleanField):
        return WORDS.get(text.lower(), text)
    if kinds.is_integer_column(field) or isinstance(field, models.FloatField):
        try:
            return float(text) if isinstance(field, models.FloatField) else int(text[:40])
        except ValueError:
            return text
    return text


def _day(text: str) -> date | None:
    """The day that a text is, if it is one and has a next."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day < date.max else None


def _after(day: date) -> str:
    return (day + timedelta(days=1)).isoformat()


# The rest -----------------------------------------------------------------------------------------------


def _order(table: Table, text: str) -> tuple[tuple[str, bool], ...]:
    terms: dict[str, bool] = {}
    for term in filter(None, text.split(",")):
        column = column_of(table, term.removeprefix("-"))
        if not can_order(table.columns[column]) and column != label(table):
            raise InvalidInput(f"A list can't be ordered by {column}: it may be long.", column=column)
        terms.setdefault(column, term.startswith("-"))
    return tuple(terms.items())


def _columns(table: Table, query: QueryDict) -> tuple[str, ...]:
    names = [name for text in query.getlist(COLUMNS) for name in text.split(",") if name]
    return tuple(dict.fromkeys(column_of(table, name) for name in names))


def _size(text: str) -> int:
    return int(text) if text in {str(size) for size in SIZES} else USUAL_SIZE
