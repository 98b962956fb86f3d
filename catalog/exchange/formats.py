"""What files look like: the formats, and what may stand between the fields of a CSV file."""

from __future__ import annotations

from typing import Final, Literal, get_args

from accesscontrol.errors import InvalidInput, quoted

Format = Literal["csv", "json", "xlsx"]

DELIMITERS: Final = frozenset(",;|\t:~^")


def require_format(name: object) -> None:
    """This function will do nothing where there is a format of that name.

    :raises InvalidInput: there is none
    """
    if name not in get_args(Format):
        raise InvalidInput(
            f"There is no format {quoted(name)!r}.", argument="format", allowed=list(get_args(Format))
        )


def require_delimiter(delimiter: object) -> None:
    """This function will do nothing where fields may be parted by `delimiter`.

    :raises InvalidInput: they may not
    """
    if delimiter not in DELIMITERS:
        raise InvalidInput(
            "delimiter must be one of the characters , ; | : ~ ^ or a tab.",
            argument="delimiter",
            allowed=sorted(DELIMITERS),
        )
