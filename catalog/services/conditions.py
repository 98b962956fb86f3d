"""The where language: a JSON object becomes a Q over one table's columns.

    {"status": "published", "word_count": {"$gte": 50000, "$lt": 90000}, "$or": [{…}, {…}]}

Keys are AND-ed. Truth has two values here, as in Python: NULL equals only null, differs from every
value, and no comparison with it holds, so that `$not`, `$ne` and `$nin` find rows where a column is NULL.
Names come from the model's metadata; values are cleaned as the column's type and become parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from django.db import models
from django.db.models import Q

from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from catalog.services import operators, values
from catalog.services.where_faults import MAX_PATH, at, invalid
from catalog.table import AnyField, Table

MAX_LEVELS = 20
MAX_CONDITIONS = 200

Where = Mapping[str, Any]

_CONNECTIVES = ("$and", "$or", "$not")
_ELSEWHERE = {  # what other languages call it, and what says it here
    "$all": ("$contains",),
    "$exists": ("$null",),
    "$nor": ("$not", "$or"),
    "$regex": ("$like", "$ilike"),
}


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


class _Parser:
    """One pass over one where object, counting its conditions."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.conditions = 0

    def group(self, where: object, path: str, *, level: int) -> Q:
        """The conditions of an object, AND-ed."""
        if not isinstance(where, Mapping):
            raise invalid(path, "must be an object of {column: condition}")
        if not where and level > 1:
            raise invalid(path, "is empty")
        if level > MAX_LEVELS:
            raise InvalidInput(f"where is nested deeper than {MAX_LEVELS} levels.", maximum=MAX_LEVELS)
        return _all([self.member(key, value, f"{path}.{key}", level=level) for key, value in where.items()])

    def member(self, key: str, value: object, path: str, *, level: int) -> Q:
        if key in _CONNECTIVES:
            return self.connective(key, value, path, level=level)
        if isinstance(key, str) and key.startswith("$"):
            raise _unknown(path, key, _CONNECTIVES, "connective")
        return self.column(key, value, path)

    def connective(self, name: str, value: object, path: str, *, level: int) -> Q:
        if name == "$not":
            return ~self.group(value, path, level=level + 1)
        if not isinstance(value, list | tuple) or not value:
            raise invalid(path, "must be a list of at least one object")
        parts = [self.group(item, f"{path}[{index}]", level=level + 1) for index, item in enumerate(value)]
        return Q(*parts, _connector=Q.OR if name == "$or" else Q.AND)

    def column(self, name: str, value: object, path: str) -> Q:
        """The condition on one column: a value, or an object of operators, AND-ed."""
        with at(path):
            field = self.table.column(name)
        if not _is_operators(value, field, path):
            return self.compare(field, "$eq", value, path)
        return _all(
            [
                self.compare(field, operator, operand, f"{path}.{operator}")
                for operator, operand in value.items()
            ]
        )

    def compare(self, field: AnyField, operator: str, operand: object, path: str) -> Q:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            raise InvalidInput(f"where has more than {MAX_CONDITIONS} conditions.", maximum=MAX_CONDITIONS)
        allowed = operators.of(field)
        if operator not in allowed:
            raise _unknown(path, operator, allowed, "operator")

        def clean(value: object) -> Any:
            with at(path):
                return values.clean(self.table, str(field.column), value, validate=False)

        return operators.OPERATORS[operator](field, operand, clean, path)


def _all(parts: Sequence[Q]) -> Q:
    return parts[0] if len(parts) == 1 else Q(*parts)


def _is_operators(value: object, field: AnyField, path: str) -> TypeGuard[Mapping[str, object]]:
    """Whether a value is an object of operators; for jsonb one without a `$` is a value to equal."""
    if not isinstance(value, Mapping):
        return False
    if isinstance(field, models.JSONField):
        return any(isinstance(key, str) and key.startswith("$") for key in value)
    if not value:
        raise invalid(path, "has an empty condition")
    return True


def _unknown(path: str, name: str, allowed: Sequence[str], kind: str) -> InvalidInput:
    return InvalidInput(
        f"{path[:MAX_PATH]}: there is no {kind} {quoted(name)!r} here.{_proposal(name, allowed)}"
        f" Allowed: {', '.join(allowed)}.",
        path=path[:MAX_PATH],
        allowed=list(allowed),
    )


def _proposal(name: str, allowed: Sequence[str]) -> str:
    """What may have been meant: what says the same here, else what looks alike."""
    if name not in _ELSEWHERE:
        return did_you_mean(name, allowed)
    same = [operator for operator in _ELSEWHERE[name] if operator in allowed]
    return f" Did you mean {' or '.join(same)}?" if same else ""
