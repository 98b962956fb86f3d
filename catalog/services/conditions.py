"""The where language: a JSON object becomes a Q over one table's columns.

    {"status": "published", "word_count": {"$gte": 50000, "$lt": 90000}, "$or": [{…}, {…}]}

Keys are AND-ed. Truth has two values here, as in Python: NULL equals only null, differs from every
value, and no comparison with it holds, so that `$not`, `$ne` and `$nin` find rows where a column is NULL.
Names come from the model's metadata; values are cleaned as the column's type and become parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeGuard

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.lookups import PostgresOperatorLookup

from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from catalog.services import values
from catalog.table import AnyField, Table

MAX_LEVELS = 20
MAX_CONDITIONS = 200
MAX_LIST_ITEMS = 1_000
MAX_PATH = 200  # characters of it that a message shows

Where = Mapping[str, Any]


@models.TextField.register_lookup
class Like(PostgresOperatorLookup):
    """LIKE with PostgreSQL's own wildcards: % for any text, _ for one character."""

    lookup_name = "like"
    postgres_operator = "LIKE"


@models.TextField.register_lookup
class ILike(PostgresOperatorLookup):
    """LIKE without regard to case."""

    lookup_name = "ilike"
    postgres_operator = "ILIKE"


def parse(table: Table, where: object) -> Q:
    """This function will return the Q of a where object; of None or {} the Q of every row.

    :raises InvalidInput: not an object, an unknown column or operator, a value of the wrong kind, more
        than 20 levels or 200 conditions; `details.path` says where, and the message what is allowed
    """
    return Q() if where is None else _Parser(table).group(where, "where", level=1)


def parse_for_write(table: Table, where: object) -> Q:
    """This function will return the Q of a where object that must say which rows it means.

    :raises InvalidInput: as `parse`, and where it is missing or empty
    """
    if not where:
        raise InvalidInput(
            "where must not be empty: say which rows you mean.",
            hint='To mean every row, write {"id": {"$null": false}}.' if "id" in table.columns else None,
            table=table.name,
        )
    return parse(table, where)


def pattern(value: object, path: str) -> str:
    """This function will return a pattern that LIKE takes: % is any text, _ one character, \\ makes them plain.

    :raises InvalidInput: no text, or one that ends in half an escape
    """
    if not isinstance(value, str):
        raise _invalid(path, "must be a text, with % for any text and _ for one character")
    if (len(value) - len(value.rstrip("\\"))) % 2:
        raise _invalid(path, "ends with a backslash that escapes nothing; to match one, write two")
    with _at(path):
        return values.storable(value, path)


class _Parser:
    """One pass over one where object, counting its conditions."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.conditions = 0

    def group(self, where: object, path: str, *, level: int) -> Q:
        """The conditions of an object, AND-ed."""
        if not isinstance(where, Mapping):
            raise _invalid(path, "must be an object of {column: condition}")
        if not where and level > 1:
            raise _invalid(path, "is empty")
        if level > MAX_LEVELS:
            raise InvalidInput(f"where is nested deeper than {MAX_LEVELS} levels.", maximum=MAX_LEVELS)
        found = Q()
        for key, value in where.items():
            here = f"{path}.{key}"
            if key in _CONNECTIVES:
                found &= self.connective(key, value, here, level=level)
            elif isinstance(key, str) and key.startswith("$"):
                raise _unknown(here, key, [*_CONNECTIVES], "connective")
            else:
                found &= self.column(key, value, here)
        return found

    def connective(self, name: str, value: object, path: str, *, level: int) -> Q:
        if name == "$not":
            return ~self.group(value, path, level=level + 1)
        if not isinstance(value, list | tuple) or not value:
            raise _invalid(path, "must be a list of at least one object")
        parts = [self.group(item, f"{path}[{index}]", level=level + 1) for index, item in enumerate(value)]
        return Q(*parts, _connector=Q.OR if name == "$or" else Q.AND)

    def column(self, name: str, value: object, path: str) -> Q:
        """The condition on one column: a value, or an object of operators, AND-ed."""
        with _at(path):
            field = self.table.column(name)
        if not _is_operators(value, field, path):
            return self.compare(field, "$eq", value, path)
        found = Q()
        for operator, operand in value.items():
            found &= self.compare(field, operator, operand, f"{path}.{operator}")
        return found

    def compare(self, field: AnyField, operator: str, operand: object, path: str) -> Q:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            raise InvalidInput(f"where has more than {MAX_CONDITIONS} conditions.", maximum=MAX_CONDITIONS)
        allowed = _operators_of(field)
        if operator not in allowed:
            raise _unknown(path, operator, allowed, "operator")

        def clean(value: object) -> Any:
            with _at(path):
                return values.clean(self.table, str(field.column), value, validate=False)

        return _OPERATORS[operator](field, operand, clean, path)


def _is_operators(value: object, field: AnyField, path: str) -> TypeGuard[Mapping[str, object]]:
    """Whether a value is an object of operators; for jsonb one without a `$` is a value to equal."""
    if not isinstance(value, Mapping):
        return False
    if isinstance(field, models.JSONField):
        return any(isinstance(key, str) and key.startswith("$") for key in value)
    if not value:
        raise _invalid(path, "has an empty condition")
    return True


Clean = Callable[[object], Any]


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
    wanted = [clean(item) for item in items if item is not None]
    found = Q(**{f"{field.attname}__in": wanted})
    return found | _is_null(field) if None in items else found


def _not_in(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
    return ~_in(field, operand, clean, path)


def _between(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
    items = _list(operand, path)
    if len(items) != 2:
        raise _invalid(path, "must be a list of two values: the least and the greatest, both included")
    least, greatest = (clean(_not_null(item, path)) for item in items)
    return Q(**{f"{field.attname}__gte": least, f"{field.attname}__lte": greatest})


def _like(lookup: str) -> Callable[[AnyField, object, Clean, str], Q]:
    def build(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
        return Q(**{f"{field.attname}__{lookup}": pattern(operand, path)})

    return build


def _null(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
    if not isinstance(operand, bool):
        raise _invalid(path, "must be true or false")
    return Q(**{f"{field.attname}__isnull": operand})


def _contains(field: AnyField, operand: object, clean: Clean, path: str) -> Q:
    operand = _not_null(operand, path)
    if isinstance(field, ArrayField) and isinstance(operand, str):
        operand = [operand]
    return Q(**{f"{field.attname}__contains": clean(operand)})


_CONNECTIVES = ("$and", "$or", "$not")
_OPERATORS: dict[str, Callable[[AnyField, object, Clean, str], Q]] = {
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
_ELSEWHERE = {  # what other languages call it, and what says it here
    "$all": ("$contains",),
    "$exists": ("$null",),
    "$nor": ("$not", "$or"),
    "$regex": ("$like", "$ilike"),
}
_EQUALITY = ("$eq", "$ne", "$null")
_ORDER = ("$gt", "$gte", "$lt", "$lte", "$between")


def _operators_of(field: AnyField) -> tuple[str, ...]:
    """The operators that mean something on a column."""
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
        raise _invalid(path, "can't be null; to find NULL, use $null")
    return operand


def _list(operand: object, path: str) -> list[Any]:
    if not isinstance(operand, list | tuple):
        raise _invalid(path, "must be a list of values")
    if len(operand) > MAX_LIST_ITEMS:
        raise _invalid(path, f"has more than {MAX_LIST_ITEMS} values")
    return list(operand)


@contextmanager
def _at(path: str) -> Iterator[None]:
    """Say in a refusal where in the where object its cause stands."""
    try:
        yield
    except InvalidInput as refusal:
        refusal.details["path"] = path[:MAX_PATH]
        raise


def _invalid(path: str, problem: str) -> InvalidInput:
    return InvalidInput(f"{path[:MAX_PATH]} {problem}.", path=path[:MAX_PATH])


def _unknown(path: str, name: str, allowed: tuple[str, ...] | list[str], kind: str) -> InvalidInput:
    return InvalidInput(
        f"{path[:MAX_PATH]}: there is no {kind} {quoted(name)!r} here.{_proposal(name, allowed)}"
        f" Allowed: {', '.join(allowed)}.",
        path=path[:MAX_PATH],
        allowed=list(allowed),
    )


def _proposal(name: str, allowed: tuple[str, ...] | list[str]) -> str:
    """What may have been meant: what says the same here, else what looks alike."""
    if name not in _ELSEWHERE:
        return did_you_mean(name, allowed)
    same = [operator for operator in _ELSEWHERE[name] if operator in allowed]
    return f" Did you mean {' or '.join(same)}?" if same else ""
