"""Filters in an address: `status=published&word_count__gte=50000` as an object of the where language.

A text becomes what the column holds where that is plain. Whether it may be asked for at all, and what is wrong with it,
the where language says, as it does for every face: so that an address tells no more of hidden columns than it does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from catalog.services import kinds, operators
from catalog.services.kinds import Kind
from catalog.table import AnyField, Table

SEPARATOR = "__"
_WHOLE = re.compile(r"-?[0-9]{1,40}")
_FLAGS = {"true": True, "false": False}
_LISTS = frozenset({"$in", "$nin", "$between"})


def where_of(
    table: Table, filters: Mapping[str, str], where: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """This function will return the where object of an address: its filters and its `where`, all of which must hold."""
    found: dict[str, Any] = {}
    for name, text in filters.items():
        column, _, operator = name.partition(SEPARATOR)
        meant = f"${operator}" if operator else "$eq"
        condition = found.setdefault(column, {})
        condition[meant] = _operand(table.columns.get(column), meant, text)
    if where is None:
        return found or None
    return {"$and": [found, where]} if found and where else found or dict(where)


def place_of(name: str, path: str) -> str | None:
    """This function will return where the condition of a filter stands, if a path of the where language leads there."""
    column, _, operator = name.partition(SEPARATOR)
    places = [f"{before}.{column}.${operator or 'eq'}" for before in ("where", "where.$and[0]")]
    return next((place for place in places if path == place or path.startswith(f"{place}[")), None)


def parameters_of(table: Table) -> dict[str, tuple[AnyField, str]]:
    """This function will return every filter of a table by its name, with its column and operator."""
    return {
        name if operator == "$eq" else f"{name}{SEPARATOR}{operator[1:]}": (field, operator)
        for name, field in table.columns.items()
        for operator in operators.of(field)
    }


def _operand(field: AnyField | None, operator: str, text: str) -> Any:
    if field is None:
        return text
    if operator == "$null":
        return _FLAGS.get(text, text)
    if operator in _LISTS or kinds.of(field) is Kind.LIST:
        return [_value(field, part) for part in text.split(",")]
    return _value(field, text)


def _value(field: AnyField, text: str) -> Any:
    match kinds.of(field):
        case Kind.INTEGER:
            return int(text) if _WHOLE.fullmatch(text) else text
        case Kind.FLAG:
            return _FLAGS.get(text, text)
        case Kind.FLOAT | Kind.JSON:
            return _json(text)
        case _:
            return text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
