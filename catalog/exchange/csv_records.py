"""CSV parted into records, and no further: PostgreSQL reads what is in them.

A quote opens or closes wherever it stands, two within quotes are one: PostgreSQL's reading, under which only the number
of quotes before a place says whether it is within quotes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from accesscontrol.errors import InvalidInput

MAX_RECORD_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """A record as it is written; `is_open` where the file ends within quotes."""

    text: bytes
    has_quotes: bool
    is_open: bool = False

    def fields(self, delimiter: bytes) -> int:
        """This function will return how many fields the record has."""
        return (self.outside if self.has_quotes else self.text).count(delimiter) + 1

    @property
    def outside(self) -> bytes:
        """What is not within quotes."""
        return b"".join(self.text.split(b'"')[::2])

    def fault(self, delimiter: bytes, expected: int) -> str | None:
        """This function will say why the record can't be read, or None."""
        if self.is_open:
            return "A quote is opened and never closed."
        if b"\0" in self.text:
            return "The row has a NUL character, which PostgreSQL can't store."
        if b"\r" in self.text and b"\r" in self.outside:
            return "The row has a carriage return outside quotes."
        if (found := self.fields(delimiter)) != expected:
            return f"The row has {found} {'field' if found == 1 else 'fields'} instead of {expected}."
        return None


def records(blocks: Iterable[bytes]) -> Iterator[CsvRecord]:
    """This function will part CSV into its records, without the line breaks between them.

    :raises InvalidInput: one is too long to be one
    """
    parts: list[bytes] = []  # of a record that goes on
    size = 0
    for line in _lines(blocks):
        quotes = line.count(b'"')
        if not parts:
            if quotes % 2 == 0:
                yield CsvRecord(line.removesuffix(b"\r"), quotes > 0)
            else:
                parts.append(line)
                size = len(line)
            continue
        parts.append(line)
        size += len(line)
        if quotes % 2:
            yield CsvRecord(b"\n".join(parts).removesuffix(b"\r"), has_quotes=True)
            parts.clear()
        elif size > MAX_RECORD_BYTES:
            raise _too_long()
    if parts:
        yield CsvRecord(b"\n".join(parts), has_quotes=True, is_open=True)


def read_header(record: CsvRecord, delimiter: str) -> list[str]:
    """This function will return the names in the first record.

    :raises InvalidInput: it can't be read
    """
    if fault := record.fault(delimiter.encode(), record.fields(delimiter.encode())):
        raise InvalidInput(f"The header can't be read. {fault}")
    try:
        (names,) = csv.reader(io.StringIO(record.text.decode(), newline=""), delimiter=delimiter)
    except (csv.Error, ValueError) as error:
        raise InvalidInput("The header can't be read: the first row must name the columns.") from error
    return names


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    parts: list[bytes] = []  # of a line that goes on in the next block
    size = 0
    for block in blocks:
        first, *others = block.split(b"\n")
        parts.append(first)
        size += len(first)
        if others:
            yield b"".join(parts)
            yield from others[:-1]
            parts, size = [others[-1]], len(others[-1])
        elif size > MAX_RECORD_BYTES:
            raise _too_long()
    if last := b"".join(parts):
        yield last


def _too_long() -> InvalidInput:
    return InvalidInput(
        f"A row is longer than {MAX_RECORD_BYTES // 1024**2} MB.",
        hint="Perhaps a quote is opened and never closed.",
    )
