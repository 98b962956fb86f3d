"""What a tool takes: the arguments of an operation, by either of the two ways names are written."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, GetPydanticSchema, WithJsonSchema
from pydantic_core import core_schema

from accesscontrol import arguments
from audit.operation import MAX_AFFECTED, Terms
from catalog import registry
from catalog.table import Table

_CAMEL_CASE = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+")
_HUMP = re.compile(r"(?=[A-Z])")


class Arguments(arguments.Arguments):
    """The arguments of a tool, or the members of an object within them: `orderBy` is read as `order_by`."""

    @classmethod
    def known_name(cls, name: Any) -> Any:
        """This function will return a name in the words of services."""
        return snake_case(name)


def snake_case(name: object) -> Any:
    """This function will return `order_by` for `orderBy`, and anything else as it is."""
    if isinstance(name, str) and _CAMEL_CASE.fullmatch(name):
        return _HUMP.sub("_", name).lower()
    return name


def word(value: object) -> Any:
    """This function will return a keyword as it is listed: `desc` for `DESC`, `count_distinct` for `countDistinct`."""
    return snake_case(value).lower() if isinstance(value, str) else value


TableArgument = Annotated[
    Table,
    GetPydanticSchema(lambda _source, _handler: core_schema.no_info_plain_validator_function(registry.get)),
    WithJsonSchema({"type": "string", "description": "Name of the table."}),
]
"""A table by its name. In the schema that a caller sees, the names are those that they may use."""


class TableArguments(Arguments):
    """The arguments of a tool that works on one table."""

    table: TableArgument


class WriteTerms(Arguments):
    """What every tool that writes takes beside its own arguments."""

    dry_run: bool = Field(False, description="true: do it, answer what it does, and take it back.")
    max_affected: int = Field(
        MAX_AFFECTED, ge=1, le=MAX_AFFECTED, description="Refuse to write more records than this."
    )
    idempotency_key: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="A text of your own. A second call with the same one, within a day, gets the first one's answer"
        " and writes nothing: for a try whose answer was lost.",
    )

    @property
    def terms(self) -> Terms:
        """The same, as services take it."""
        return Terms(self.dry_run, self.max_affected, self.idempotency_key)


Limit = Annotated[int, Field(ge=1, le=1_000, description="Most records to return.")]
Offset = Annotated[int, Field(ge=0, le=2**63 - 1, description="How many records to skip.")]
