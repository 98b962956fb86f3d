"""What a tool takes: models that are strict with types and names, and kind to the two ways names are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails, core_schema

from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from audit.operation import MAX_AFFECTED, Terms
from catalog import registry
from catalog.table import Table

MAX_PROBLEMS = 10  # that one answer names
MAX_NAME_CHARS = 80  # of a caller's own name, where a message repeats it

_CAMEL_CASE = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+")
_DICTIONARY = re.compile(r"a valid dictionary(?: or instance of \w+)?")
_HUMP = re.compile(r"(?=[A-Z])")


class Arguments(BaseModel):
    """The arguments of a tool, or the members of an object within them.

    Unknown names are refused, types are taken as they are ("5" is no number), null stands for the
    default, and `orderBy` is read as `order_by`.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """This function will return the arguments as the tool takes them.

        :raises InvalidInput: an unknown name, a name given twice, a wrong type, or something missing;
            the message names it
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise _refusal(error.errors(include_url=False, include_input=False)) from error

    @model_validator(mode="before")
    @classmethod
    def _known_names(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        found: dict[str, Any] = {}
        for name, value in given.items():
            known = name if name in cls.model_fields else snake_case(name)
            if known not in cls.model_fields:
                raise _unknown(name, cls.model_fields)
            if known in found:
                raise InvalidInput(f"{known} is given twice, as {known} and in camelCase.", argument=known)
            found[known] = value
        return {name: value for name, value in found.items() if value is not None}


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


def _unknown(name: object, allowed: Iterable[str]) -> InvalidInput:
    shown = quoted(name)
    return InvalidInput(
        f"There is no argument {shown!r}.{did_you_mean(snake_case(name), allowed)} Allowed: {', '.join(allowed)}.",
        argument=shown,
        allowed=list(allowed),
    )


def _refusal(errors: list[ErrorDetails]) -> InvalidInput:
    """The refusal that names every argument at fault, and the first in its details."""
    problems = [(_path(error["loc"]), _problem(error)) for error in errors[:MAX_PROBLEMS]]
    return InvalidInput(
        " ".join(f"{path} {problem}." for path, problem in problems),
        argument=problems[0][0],
        problems=[{"argument": path, "problem": problem} for path, problem in problems],
    )


def _path(location: tuple[int | str, ...]) -> str:
    """`order_by[0].column`"""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:MAX_NAME_CHARS]}" for part in location)
    return path.removeprefix(".")


def _problem(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return "is required"
    words = error["msg"].removeprefix("Input ").replace("valid list", "list")
    return _DICTIONARY.sub("an object", words)
