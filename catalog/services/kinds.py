"""What each kind of column takes, and how a JSON value becomes it.

Each converter takes a field and a value, and raises ValueError with the rest of a sentence: "must be …".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, auto
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models

from audit import moments
from catalog.table import AnyField

MAX_JSON_DEPTH = 64
MAX_INTEGER_BITS = 14_000  # about 4,200 digits: Python writes no longer number as text
MAX_DIGITS = 5_000  # of a number, its zeros included; PostgreSQL's numeric ends at 16,383 after the point
MAX_ARRAY_ITEMS = 10_000
MAX_EXACT = 2**53  # up to here a float is the integer that was written

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Kind(Enum):
    """The kinds of columns there are."""

    LIST = auto()
    JSON = auto()
    MOMENT = auto()
    DATE = auto()
    FLAG = auto()
    DECIMAL = auto()
    FLOAT = auto()
    UUID = auto()
    INTEGER = auto()
    TEXT = auto()


def convert(field: AnyField, value: object) -> Any:
    """This function will return a JSON value as what the column holds.

    :raises ValueError: it is of another kind, or can't be held; the text goes on from the column's name
    """
    return _TAKEN[of(field)][1](field, value)


def describe(field: AnyField) -> str:
    """This function will return what a column takes, for a message: "an integer", "a list of texts"."""
    return _TAKEN[of(field)][0]


def is_integer_column(field: AnyField) -> bool:
    """This function will say whether a column holds integers."""
    return of(field) is Kind.INTEGER


def range_of(field: AnyField) -> tuple[int, int]:
    """This function will return the least and the greatest integer that a column holds."""
    return _RANGES.get(type(_target(field)), _BIGINT)


def storable(value: str) -> str:
    """This function will return a text that PostgreSQL can hold.

    :raises ValueError: it has a NUL or a lone surrogate
    """
    if bad := _UNSTORABLE.search(value):
        raise ValueError(
            f"has a character at position {bad.start()} that PostgreSQL can't store: U+{ord(bad[0]):04X}"
        )
    return value


def _target(field: AnyField) -> AnyField:
    """The field that says a column's type: a foreign key's is the key it points to."""
    return field.target_field if isinstance(field, models.ForeignKey) else field


def _kind(value: object) -> str:
    """The JSON name of a value's type."""
    names = {
        bool: "a boolean",
        str: "a text",
        int: "an integer",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _integer(field: AnyField, value: object) -> int:
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_EXACT:
        value = int(value)  # JSON knows one kind of number, and some programs write 824.0
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be an integer, not {_kind(value)}")
    smallest, greatest = range_of(field)
    if not smallest <= value <= greatest:
        raise ValueError(f"must lie between {smallest} and {greatest}")
    return value


def _decimal(field: AnyField, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(f"must be a number, not {_kind(value)}")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError("must be a number")
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        raise ValueError("is too great")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ValueError("must be a finite number")
    if len(number.as_tuple().digits) + abs(int(number.as_tuple().exponent)) > MAX_DIGITS:
        raise ValueError("has too many digits")
    return number


def _float(field: AnyField, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("is too great") from None
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number


def _boolean(field: AnyField, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {_kind(value)}")
    return value


def _text(field: AnyField, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {_kind(value)}")
    return storable(value)


def _moment(field: AnyField, value: object) -> datetime:
    return moments.parse(value)


def _date(field: AnyField, value: object) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"is not a date: {error}") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("must be a date such as 2026-11-22")


def _uuid(field: AnyField, value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(_text(field, value))
    except ValueError:
        raise ValueError("must be a UUID") from None


def _array(field: AnyField, value: object) -> list[str]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of texts, not {_kind(value)}")
    if len(value) > MAX_ARRAY_ITEMS:
        raise ValueError(f"has more than {MAX_ARRAY_ITEMS} items")
    return [_text(field, item) for item in value]


def _json(field: AnyField, value: object, depth: int = 1) -> Any:
    """The value, when jsonb can hold it and give it back the same."""
    if depth > MAX_JSON_DEPTH:
        raise ValueError(f"is nested deeper than {MAX_JSON_DEPTH} levels")
    match value:
        case None | bool():
            return value
        case str():
            return storable(value)
        case int():
            if value.bit_length() > MAX_INTEGER_BITS:
                raise ValueError("has an integer that is too great")
            return value
        case float():
            return _float(field, value)
        case list() | tuple():
            return [_json(field, item, depth + 1) for item in value]
        case Mapping():
            return {_text(field, key): _json(field, item, depth + 1) for key, item in value.items()}
        case _:
            raise ValueError(f"has {_kind(value)}, which JSON does not know")


_BIGINT = (-(2**63), 2**63 - 1)
_RANGES: dict[type, tuple[int, int]] = {
    models.IntegerField: (-(2**31), 2**31 - 1),
    models.SmallIntegerField: (-(2**15), 2**15 - 1),
}
Converter = Callable[[AnyField, object], Any]
_KINDS: tuple[tuple[type[AnyField], Kind], ...] = (  # the first that fits: subclasses stand before
    (ArrayField, Kind.LIST),
    (models.JSONField, Kind.JSON),
    (models.DateTimeField, Kind.MOMENT),
    (models.DateField, Kind.DATE),
    (models.BooleanField, Kind.FLAG),
    (models.DecimalField, Kind.DECIMAL),
    (models.FloatField, Kind.FLOAT),
    (models.UUIDField, Kind.UUID),
    (models.IntegerField, Kind.INTEGER),
    (models.TextField, Kind.TEXT),
)
_TAKEN: dict[
    Kind, tuple[str, Converter]
] = {  # what a column takes, in words, and what makes it of a JSON value
    Kind.LIST: ("a list of texts", _array),
    Kind.JSON: ("any JSON value", _json),
    Kind.MOMENT: (moments.FORM, _moment),
    Kind.DATE: ("a date such as 2026-11-22", _date),
    Kind.FLAG: ("true or false", _boolean),
    Kind.DECIMAL: ("a number, as JSON or as text", _decimal),
    Kind.FLOAT: ("a number", _float),
    Kind.UUID: ("a UUID", _uuid),
    Kind.INTEGER: ("an integer", _integer),
    Kind.TEXT: ("a text", _text),
}


@cache
def of(field: AnyField) -> Kind:
    """This function will return the kind of a column: a foreign key's is that of the key it points to."""
    target = _target(field)
    return next(kind for model, kind in _KINDS if isinstance(target, model))
