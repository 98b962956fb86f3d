"""The operators of the where language: what each makes of a column and an operand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from catalog.services import values
from catalog.services.lookups import among
from catalog.services.where_faults import at, invalid
from catalog.table import AnyField

MAX_LIST_ITEMS = 1_000

Clean = Callable[[object], Any]


def pattern(value: object, path: str) -> str:
    """This function will return a pattern that LIKE takes: % is any text, _ one character, \\ makes them plain.

    :raises InvalidInput: no text, or one that ends in half an escape
    """
    if not isinstance(value, str):
        raise invalid(path, "must be a text, with % for any text and _ for one character")
    if (len(value) - len(value.rstrip("\\"))) % 2:
        raise invalid(path, "ends with a backslash that escapes nothing; to match one, write two")
    with at(path):
        return values.storable(value, path)


def _equal(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
    return _is_null(field) if operand is None else Q(**{field.attname: clean(operand)})


def _different(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
    return ~_equal(field, operand, clean, path)


def _compare(lookup: str) -> Callable[[AnyField, object, Clean, str], Q]:
    def build(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
        return Q(**{f"{field.attname}__{lookup}": clean(_not_null(operand, path))})

    return build


def _in(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
    items = _list(operand, path)
    found = among(field.attname, [clean(item) for item in items if item is not None])
    return found | _is_null(field) if None in items else found


def _not_in(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
    return ~_in(field, operand, clean, path)


def _between(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
    items = _list(operand, path)
    if len(items) != 2:
        raise invalid(path, "must be a list of two values: the least and the greatest, both included")
    least, greatest = (clean(_not_null(item, path)) for item in items)
    return Q(**{f"{field.attname}__gte": least, f"{field.attname}__lte": greatest})


def _like(lookup: str) -> Callable[[AnyField, object, Clean, str], Q]:
    def build(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
        return Q(**{f"{field.attname}__{lookup}": pattern(operand, path)})

    return build


def _null(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
    if not isinstance(operand, bool):
        raise invalid(path, "must be true or false")
    return Q(**{f"{field.attname}__isnull": operand})


def _contains(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
    operand = _not_null(operand, path)
    if isinstance(field, ArrayField) and isinstance(operand, str):
        operand = [operand]
    return Q(**{f"{field.attname}__contains": clean(operand)})


OPERATORS: dict[str, Callable[[AnyField, object, Clean, str], Q]] = {
    "$eq": _equal,
    "$ne": _different,
    "$gt": _compare("gt"),
    "$gte": _compare("gte"),
    "$lt": _compare("lt"),
    "$lte": _compare("lte"),
    "$in": _in,
    "$nin": _not_in,
    "$like": _like("like"),
    "$ilike": _like("ilike"),
    "$null": _null,
    "$between": _between,
    "$contains": _contains,
}
_EQUALITY = ("$eq", "$ne", "$null")
_ORDER = ("$gt", "$gte", "$lt", "$lte", "$between")


def of(field: AnyField) -> tuple[str, ...]:
    """This function will return the operators that mean something on a column."""
    if isinstance(field, ArrayField | models.JSONField):
        return (*_EQUALITY, "$contains")
    if isinstance(field, models.BooleanField | models.UUIDField):
        return (*_EQUALITY, "$in", "$nin")
    if isinstance(field, models.TextField):
        return (*_EQUALITY, *_ORDER, "$in", "$nin", "$like", "$ilike")
    return (*_EQUALITY, *_ORDER, "$in", "$nin")


def _is_null(field: AnyField) -> Q:
    return Q(**{f"{field.attname}__isnull": True})


def _not_null(operand: object, path: str) -> object:
    if operand is None:
        raise invalid(path, "can't be null; to find NULL, use $null")
    return operand


def _list(operand: object, path: str) -> list[Any]:
    if not isinstance(operand, list | tuple):
        raise invalid(path, "must be a list of values")
    if len(operand) > MAX_LIST_ITEMS:
        raise invalid(path, f"has more than {MAX_LIST_ITEMS} values")
    return list(operand)
