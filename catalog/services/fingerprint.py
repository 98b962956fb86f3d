"""A short name for the shape of a query, so that the trail can tell same from different."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

_write = json.JSONEncoder(sort_keys=True, default=str).encode


def of(where: Mapping[str, Any] | None, *parts: object) -> str:
    """This function will return 16 hexadecimal digits that are the same for the same query, in any process.

    Of `where`, which must have been parsed, columns and operators count and values do not; the other
    parts are JSON values and count as they are.
    """
    text = _write([_shape(where or {}), *parts])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _shape(where: Mapping[str, Any]) -> dict[str, Any]:
    """A where object with the names of operators in the place of values."""
    return {key: _condition(key, value) for key, value in where.items()}


def _condition(key: str, value: Any) -> Any:
    if key == "$not":
        return _shape(value)
    if key in {"$and", "$or"}:
        return [_shape(part) for part in value]
    if isinstance(value, Mapping) and any(name.startswith("$") for name in value):
        return sorted(value)
    return "$null" if value is None else "$eq"
