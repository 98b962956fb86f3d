"""JSON parted into records: an array of objects, or objects one after the other, read as they come."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from accesscontrol.errors import InvalidInput

MAX_RECORD_CHARS: Final = 64 * 1024 * 1024

_MAX_INTEGER_DIGITS: Final = 4_000  # Python reads no much longer one
_SPACE: Final = " \t\r\n"


class Repeated(dict[str, Any]):
    """An object that has a name twice; the last value counts, as it does in Python and in jsonb."""

    def __init__(self, members: Iterable[tuple[str, Any]], name: str) -> None:
        super().__init__(members)
        self.name = name


def records(blocks: Iterable[bytes]) -> Iterator[object]:
    """This function will return one item after the other: objects, if all is well.

    Numbers with a point are Decimals, digit for digit.

    :raises InvalidInput: it is no JSON, or a record is too large
    """
    reader = _Reader(blocks)
    if is_array := reader.next() == "[":
        reader.skip()
    while (character := reader.next()) not in ("", "]"):
        yield reader.value()
        character = reader.next()
        if is_array and character == ",":
            reader.skip()
            if reader.next() == "]":
                raise reader.fault("there is a comma before the end")
        elif is_array and character != "]":
            raise reader.fault("a comma is missing" if character else "the array is not closed")
    if is_array != (character == "]"):
        raise reader.fault("the array is not closed" if is_array else "there is a bracket too many")
    if is_array:
        reader.skip()
        if reader.next():
            raise reader.fault("something follows the array")


class _Reader:
    """Text that is decoded as far as it is needed."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._texts = codecs.iterdecode(iter(blocks), "utf-8")
        self._text = ""
        self._at = 0
        self._count = 0
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_object, parse_float=Decimal, parse_int=_integer, parse_constant=float
        )

    def next(self) -> str:
        """The next character that is no space, '' at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def skip(self) -> None:
        """Pass by the next character."""
        self._at += 1

    def value(self) -> Any:
        """The value that begins here; a text that ends within it is no fault until there is no more of it."""
        while True:
            try:
                found, self._at = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise self.fault("it is nested too deep") from None
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > MAX_RECORD_CHARS:
                    raise self.fault("it is too long, or a quote or bracket is missing") from error
                if not self._more():
                    raise self.fault(error.msg) from error
            else:
                self._count += 1
                return found

    def fault(self, what: str) -> InvalidInput:
        """The refusal that says where the text is no JSON."""
        return InvalidInput(
            f"The file is no JSON at record {self._count + 1}: {what}.",
            hint="Give an array of objects, or one object on each line.",
            row=self._count + 1,
        )

    def _more(self) -> bool:
        """Read on, twice as far each time, so that a long value is not tried too often."""
        wanted = max(len(self._text) - self._at, 1)
        parts = [self._text[self._at :]]
        found = 0
        for text in self._texts:
            parts.append(text)
            found += len(text)
            if found >= wanted:
                break
        self._text, self._at = "".join(parts), 0
        return found > 0


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) == len(members):
        return found
    names = [name for name, _ in members]
    return Repeated(members, next(name for name in names if names.count(name) > 1))


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) < _MAX_INTEGER_DIGITS else Decimal(text)
