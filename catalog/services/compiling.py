"""Conditions as SQL. Django makes it once for each shape: what is compared, and how, but not with what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import connection, models
from django.db.models import Q
from django.db.models.sql import Query

from catalog.services import kinds
from catalog.services.kinds import Kind
from catalog.table import AnyField, Table

EVERYTHING: Final = "true"
NOTHING: Final = "false"

_COMPARISONS: Final = ("", "__exact", "__gt", "__gte", "__lt", "__lte")
_EXAMPLES: Final[Mapping[Kind, Any]] = {  # values that stand for all others of their types
    Kind.INTEGER: 0,
    Kind.TEXT: "",
    Kind.MOMENT: datetime(2000, 1, 1, tzinfo=UTC),
    Kind.DATE: date(2000, 1, 1),
    Kind.DECIMAL: Decimal(),
    Kind.FLOAT: 0.0,
    Kind.UUID: UUID(int=0),
}


def compiled(table: Table, condition: Q) -> tuple[str, list[Any]]:
    """This function will return a condition on a table's own columns as SQL, and its parameters."""
    if not condition:
        return EVERYTHING, []
    parameters: list[Any] = []
    shape = _shape(condition, _comparisons(table.model), parameters)
    if shape is None:
        return compiled_anew(table.model, condition)
    return _of_shape(table.model, shape), parameters


def compiled_anew(model: type[models.Model], condition: Q) -> tuple[str, list[Any]]:
    """This function will return what Django makes of a condition, whatever it is."""
    query = Query(model)
    compiler = query.get_compiler(connection=connection)
    try:
        where, parameters = compiler.compile(query.build_where(condition))
    except FullResultSet:
        return EVERYTHING, []
    except EmptyResultSet:
        return NOTHING, []
    return f"({where})", list(parameters)


class _Shape(NamedTuple):
    """A condition without its values: of each part its own shape, or its name, or its name and a flag."""

    connector: str
    is_negated: bool
    parts: tuple[Any, ...]


class _Comparison(NamedTuple):
    """A comparison with one value, which is a parameter; or with a flag, which is a part of the SQL."""

    field: AnyField
    example: Any
    least: Any = None  # of an integer: with one that the column can't hold Django compares otherwise
    greatest: Any = None

    def takes(self, value: object) -> bool:
        """Whether the value makes the same SQL as the example."""
        if type(value) is not type(self.example):
            return False
        return self.least is None or self.least <= value <= self.greatest


@cache
def _comparisons(model: type[models.Model]) -> dict[str, _Comparison]:
    """The comparisons of a table's columns, by their names in a Q, whose SQL is the same whatever the value is."""
    found: dict[str, _Comparison] = {}
    for field in model._meta.concrete_fields:
        found[f"{field.attname}__isnull"] = _Comparison(field, example=True)
        kind = kinds.of(field)
        if kind is Kind.FLAG:
            found[field.attname] = _Comparison(field, example=True)
        elif kind in _EXAMPLES:
            limits = kinds.range_of(field) if kind is Kind.INTEGER else (None, None)
            one = _Comparison(field, _EXAMPLES[kind], *limits)
            found |= {f"{field.attname}{comparison}": one for comparison in _COMPARISONS}
    return found


def _shape(node: Q, known: Mapping[str, _Comparison], parameters: list[Any]) -> _Shape | None:
    """The shape of a condition, its values added to the parameters; None where its SQL may depend on a value."""
    parts: list[Any] = []
    for child in node.children:
        if isinstance(child, Q):
            part: Any = _shape(child, known, parameters)
            if part is None:
                return None
        elif isinstance(child, tuple) and (one := known.get(child[0])) and one.takes(child[1]):
            part, value = child
            if isinstance(value, bool):
                part = child
            else:
                parameters.append(one.field.get_db_prep_value(value, connection))
        else:
            return None
        parts.append(part)
    is_plain = bool(parts) and node.connector in (Q.AND, Q.OR)  # XOR repeats its parts
    return _Shape(node.connector, node.negated, tuple(parts)) if is_plain else None


@lru_cache(maxsize=256)
def _of_shape(model: type[models.Model], shape: _Shape) -> str:
    return compiled_anew(model, _example(shape, _comparisons(model)))[0]


def _example(shape: _Shape, known: Mapping[str, _Comparison]) -> Q:
    """A condition of the shape, with values that stand for all others."""
    children: list[Any] = []
    for part in shape.parts:
        if isinstance(part, _Shape):
            children.append(_example(part, known))
        else:
            children.append((part, known[part].example) if isinstance(part, str) else part)
    return Q(*children, _connector=shape.connector, _negated=shape.is_negated)
