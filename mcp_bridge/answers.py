"""What a tool gives back: dataclasses, written as compact JSON without writing PostgreSQL's own JSON again."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from pydantic import GetPydanticSchema, WithJsonSchema
from pydantic_core import core_schema

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

COMPACT = (",", ":")


class Json(str):
    """A value that is JSON text already, every digit as PostgreSQL wrote it."""

    __slots__ = ()


_ANYTHING = GetPydanticSchema(lambda _source, _handler: core_schema.any_schema())
Record = Annotated[Json, _ANYTHING, WithJsonSchema({"type": "object"})]
Records = Annotated[Json, _ANYTHING, WithJsonSchema({"type": "array", "items": {"type": "object"}})]


def write(answer: DataclassInstance) -> str:
    """This function will return an answer as one compact JSON object."""
    members = (f"{_write(field.name)}:{_write(getattr(answer, field.name))}" for field in fields(answer))
    return f"{{{','.join(members)}}}"


def write_error(error: dict[str, Any]) -> str:
    """This function will return an error object as compact JSON, whatever its details hold."""
    return json.dumps(error, ensure_ascii=False, separators=COMPACT, default=str)


def read(text: str) -> Any:
    """This function will return the object that a JSON text has."""
    return json.loads(text)


def _write(value: object) -> str:
    if isinstance(value, Json):
        return value
    return json.dumps(value, ensure_ascii=False, separators=COMPACT, default=_plain)


def _plain(value: object) -> Any:
    """What JSON has no type for: moments in ISO 8601, numbers of any length, UUIDs, objects within an answer."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    match value:
        case datetime():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no place in an answer")
