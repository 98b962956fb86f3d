"""What an operation takes from a program: models that are strict with types and names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from accesscontrol.errors import InvalidInput, did_you_mean, quoted

MAX_PROBLEMS = 10  # that one answer names
MAX_NAME_CHARS = 80  # of a caller's own name, where a message repeats it

_DICTIONARY = re.compile(r"a valid dictionary(?: or instance of \w+)?")


class Arguments(BaseModel):
    """The arguments of an operation, or the members of an object within them.

    Unknown names are refused, types are taken as they are ("5" is no number), null stands for the default.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    noun: ClassVar[str] = "argument"  # what a message calls one

    @classmethod
    def read(cls, given: object) -> Self:
        """This function will return the arguments as the operation takes them.

        :raises InvalidInput: no object, an unknown name, a name given twice, a wrong type, or something missing;
            the message names it
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise _refusal(cls.noun, error.errors(include_url=False, include_input=False)) from error

    @classmethod
    def known_name(cls, name: Any) -> Any:
        """This function will return a name as it is meant: here as it is given."""
        return name

    @model_validator(mode="before")
    @classmethod
    def _known_names(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        found: dict[str, Any] = {}
        for name, value in given.items():
            known = name if name in cls.model_fields else cls.known_name(name)
            if known not in cls.model_fields:
                raise cls._unknown(name)
            if known in found:
                raise InvalidInput(f"{known} is given twice, as {known} and in camelCase.", argument=known)
            found[known] = value
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def _unknown(cls, name: object) -> InvalidInput:
        shown, allowed = quoted(name), list(cls.model_fields)
        known = f"Allowed: {', '.join(allowed)}." if allowed else "None is taken here."
        return InvalidInput(
            f"There is no {cls.noun} {shown!r}.{did_you_mean(cls.known_name(name), allowed)} {known}",
            argument=shown,
            allowed=allowed,
        )


def _refusal(noun: str, errors: Iterable[ErrorDetails]) -> InvalidInput:
    """The refusal that names every argument at fault, and the first in its details."""
    problems = [
        (_path(error["loc"]) or f"The {noun}s", _problem(error)) for error in list(errors)[:MAX_PROBLEMS]
    ]
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
    words = error["msg"].removeprefix("Value error, ").removeprefix("Input ").replace("valid list", "list")
    return _DICTIONARY.sub("an object", words)
