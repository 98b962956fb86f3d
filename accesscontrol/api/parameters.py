"""What stands behind the question mark of an address: texts, read as what they mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from django.http import QueryDict
from pydantic import BeforeValidator, WithJsonSchema

from accesscontrol.arguments import Arguments
from accesscontrol.errors import InvalidInput, quoted

_WHOLE = re.compile(r"-?[0-9]{1,19}")


class Parameters(Arguments):
    """The parameters of an address. Each is given once; an unknown one is refused by its name."""

    noun: ClassVar[str] = "parameter"


def given_in(query: QueryDict) -> dict[str, str]:
    """This function will return the parameters of an address, as texts.

    :raises InvalidInput: one is given twice
    """
    given = {}
    for name, values in query.lists():
        if len(values) > 1:
            raise InvalidInput(f"The parameter {quoted(name)!r} is given twice.", argument=quoted(name))
        given[name] = values[0]
    return given


def _whole(text: object) -> object:
    return int(text) if isinstance(text, str) and _WHOLE.fullmatch(text) else text


def _flag(text: object) -> object:
    return {"true": True, "false": False}.get(text, text) if isinstance(text, str) else text


def _names(text: object) -> object:
    return text.split(",") if isinstance(text, str) else text


def _json(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("must be JSON") from None


Whole = Annotated[int, BeforeValidator(_whole)]
"""5"""

Flag = Annotated[bool, BeforeValidator(_flag)]
"""true or false"""

Names = Annotated[
    list[str], BeforeValidator(_names), WithJsonSchema({"type": "array", "items": {"type": "string"}})
]
"""title,author_id"""

JsonObject = Annotated[
    Mapping[str, Any],
    BeforeValidator(_json),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""{"status": "draft"}"""
