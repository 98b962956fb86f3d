"""What programs are answered: dataclasses as compact JSON, without writing PostgreSQL's own JSON again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from pydantic import GetPydanticSchema, WithJsonSchema
from pydantic_core import core_schema

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

COMPACT = (",", ":")


@dataclass(frozen=True, slots=True)
class Json:
    """A value that is JSON text already, every digit as PostgreSQL wrote it."""

    text: str


_ANYTHING = GetPydanticSchema(lambda _source, _handler: core_schema.any_schema())
Record = Annotated[Json, _ANYTHING, WithJsonSchema({"type": "object"})]
Records = Annotated[Json, _ANYTHING, WithJsonSchema({"type": "array", "items": {"type": "object"}})]


def write(answer: DataclassInstance | Mapping[str, Any]) -> str:
    """This function will return an answer as one compact JSON object; each member may be `Json`."""
    # One join for all: a page is long, and each text made on the way would be another copy of it.
    return "".join(_parts(_members(answer)))


def write_error(error: dict[str, Any]) -> str:
    """This function will return an error object as compact JSON, whatever its details hold."""
    return json.dumps(error, ensure_ascii=False, separators=COMPACT, default=str)


def _members(answer: DataclassInstance | Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    if isinstance(answer, Mapping):
        return answer.items()
    return ((field.name, getattr(answer, field.name)) for field in fields(answer))


def _parts(members: Iterable[tuple[str, Any]]) -> Iterator[str]:
    before = "{"
    for is_written, some in groupby(members, lambda member: isinstance(member[1], Json)):
        if is_written:
            for name, value in some:
                yield f'{before}"{name}":'
                yield value.text
                before = ","
        else:
            yield f"{before}{_write(dict(some))[1:-1]}"
            before = ","
    yield "{}" if before == "{" else "}"


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


_write = json.JSONEncoder(ensure_ascii=False, separators=COMPACT, default=_plain).encode
