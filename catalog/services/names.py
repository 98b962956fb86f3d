"""Lists of names as callers write them."""

from __future__ import annotations

from collections.abc import Iterable

from accesscontrol.errors import InvalidInput


def listed(value: object, argument: str, allowed: Iterable[str]) -> list[str]:
    """This function will return the names of a list in its order, each once.

    `argument` is what the caller calls the list, `allowed` what it may name; that is checked by the one who
    looks them up.

    :raises InvalidInput: no list, or something in it that is no text
    """
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise InvalidInput(f"{argument} must be a list of names.", argument=argument, allowed=list(allowed))
    return list(dict.fromkeys(value))
