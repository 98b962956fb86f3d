"""The where language over rows in memory: what the services must agree with.

Written from the rules alone: NULL equals null and nothing else, and no comparison with it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]


def matches(where: Mapping[str, Any], row: Row, kinds: Mapping[str, str]) -> bool:
    """Whether a row fits a where object; `kinds` says what each column holds."""
    return all(_member(key, value, row, kinds) for key, value in where.items())


def _member(key: str, value: Any, row: Row, kinds: Mapping[str, str]) -> bool:
    match key:
        case "$and":
            return all(matches(part, row, kinds) for part in value)
        case "$or":
            return any(matches(part, row, kinds) for part in value)
        case "$not":
            return not matches(value, row, kinds)
    operators = isinstance(value, dict) and (kinds[key] != "jsonb" or any(k.startswith("$") for k in value))
    if not operators:
        value = {"$eq": value}
    return all(holds(operator, row[key], operand, kinds[key]) for operator, operand in value.items())


def holds(operator: str, value: Any, operand: Any, kind: str) -> bool:
    """Whether one operator holds between a row's value and the operand of a where object."""
    if operator in _WITH_NULL:
        return _WITH_NULL[operator](value, operand, kind)
    return value is not None and _WITHOUT_NULL[operator](value, operand, kind)


def _contains(value: Any, operand: Any, kind: str) -> bool:
    if kind == "jsonb":
        if isinstance(value, list) and not isinstance(operand, list | dict):
            operand = [operand]  # PostgreSQL's exception, at the top alone
        return _json_contains(value, operand)
    return set([operand] if isinstance(operand, str) else operand) <= set(value)


def _among(value: Any, operand: list[Any], kind: str) -> bool:
    return value in [read(item, kind) for item in operand]


_WITH_NULL: dict[str, Callable[[Any, Any, str], bool]] = {
    "$null": lambda value, operand, _: (value is None) is operand,
    "$eq": lambda value, operand, kind: _same(value, read(operand, kind)),
    "$ne": lambda value, operand, kind: not _same(value, read(operand, kind)),
    "$in": _among,
    "$nin": lambda value, operand, kind: not _among(value, operand, kind),
}
_WITHOUT_NULL: dict[str, Callable[[Any, Any, str], bool]] = {
    "$gt": lambda value, operand, kind: value > read(operand, kind),
    "$gte": lambda value, operand, kind: value >= read(operand, kind),
    "$lt": lambda value, operand, kind: value < read(operand, kind),
    "$lte": lambda value, operand, kind: value <= read(operand, kind),
    "$between": lambda value, operand, kind: read(operand[0], kind) <= value <= read(operand[1], kind),
    "$like": lambda value, operand, _: _like(operand, value),
    "$ilike": lambda value, operand, _: _like(operand.lower(), value.lower()),
    "$contains": _contains,
}


def read(operand: Any, kind: str) -> Any:
    """A JSON value as Python compares it."""
    if operand is None:
        return None
    match kind:
        case "timestamptz":
            moment = datetime.fromisoformat(operand)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        case "date":
            return date.fromisoformat(operand)
        case "numeric":
            return Decimal(str(operand))
    return operand


def _same(value: Any, other: Any) -> bool:
    """Equality as JSON has it: true is not 1."""
    return bool(value == other) and json.dumps(value, default=str) == json.dumps(other, default=str)


def _like(pattern: str, text: str) -> bool:
    parts = re.findall(r"\\.|%|_|[^\\%_]+", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild[part] if part in wild else re.escape(part.removeprefix("\\")) for part in parts)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _json_contains(value: Any, part: Any) -> bool:
    """jsonb's @>: https://www.postgresql.org/docs/current/datatype-json.html#JSON-CONTAINMENT."""
    if isinstance(part, dict):
        return isinstance(value, dict) and all(
            key in value and _json_contains(value[key], item) for key, item in part.items()
        )
    if isinstance(part, list):
        return isinstance(value, list) and all(any(_json_contains(v, item) for v in value) for item in part)
    if isinstance(value, list | dict) or isinstance(value, bool) is not isinstance(part, bool):
        return False
    return bool(value == part)
