"""Reads what pg_dump wrote: statements, and rows that are passed on in blocks and never looked into.

A block at a time, so that a script of any size takes a few megabytes of memory. Whatever pg_dump would not write is
refused: psql's own commands, COPY from a program or a file, a script that has no end, or goes on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from backups.errors import BackupInvalid

MAX_STATEMENTS_BYTES: Final = 16 << 20  # between two tables
MAX_LINE_BYTES: Final = 1 << 20

CLOSING: Final = b"-- PostgreSQL database dump complete\n"
KEYS: Final = "changed_"
"""What the name of the temporary table begins with that has the keys of changed rows."""
_END_OF_ROWS: Final = b"\\.\n"
_IDENTIFIER: Final = rb'(?:[a-z_][a-z0-9_]*|"[a-z_][a-z0-9_]*")'
_COPY: Final = re.compile(
    rb"COPY public\.(?P<table>%b) (?:\((?P<columns>%b(?:, %b)*)\)|) FROM stdin;\n" % ((_IDENTIFIER,) * 3)
)
_COPY_OF_APP: Final = re.compile(_COPY.pattern.replace(rb"public", rb"app"))
_COPY_OF_CHANGES: Final = re.compile(
    _COPY.pattern.replace(rb"public\.", rb"(?:public\.|(?P<keys>pg_temp\.%b))" % KEYS.encode())
)
_RESTRICT: Final = re.compile(rb"\\(?:un)?restrict [A-Za-z0-9]{1,100}\n")
_FROM_ELSEWHERE: Final = re.compile(
    r"(?:^|;)\s*copy\b[^;]*?\b(?:from|to)\s+(?:program\b|e?'|\$)", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True)
class TableRows:
    """The rows of one table as COPY takes them; they must be read before what follows."""

    table: str
    columns: tuple[str, ...]
    blocks: Iterator[bytes] = field(repr=False)

    def skip(self) -> None:
        """This function will pass over the rows."""
        for _ in self.blocks:
            pass


@dataclass(frozen=True)
class ChangedKeys(TableRows):
    """The keys of rows that are to be taken away, as COPY takes them; without columns, all that there are."""


Part: TypeAlias = str | TableRows


def parts(blocks: Iterable[bytes], schema: str = "public") -> Iterator[Part]:
    """This function will yield the parts of a script: texts of statements, and rows.

    :raises BackupInvalid: pg_dump would not have written that, or not all of it is there
    """
    return _Reader(blocks, _COPY if schema == "public" else _COPY_OF_APP).parts()


def changes(blocks: Iterable[bytes]) -> Iterator[TableRows]:
    """This function will yield the keys and rows of an incremental backup; its statements are for psql alone.

    :raises BackupInvalid: we would not have written that, or not all of it is there
    """
    return (part for part in _Reader(blocks, _COPY_OF_CHANGES).parts() if isinstance(part, TableRows))


class _Reader:
    """What has been read of a script, and what has come in beyond."""

    def __init__(self, blocks: Iterable[bytes], header: re.Pattern[bytes]) -> None:
        self._blocks = iter(blocks)
        self._header = header
        self._ahead = b""
        self._at = 0  # so far of it was read
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._says_something = False  # more than comments
        self._is_closed = False

    def parts(self) -> Iterator[Part]:
        """This function will yield the parts, each when the one before was used up."""
        while line := self._line():
            if line.startswith(b"\\"):
                if not _RESTRICT.fullmatch(line):
                    raise BackupInvalid("The file has a command of psql in it, and may not.")
            elif line.startswith(b"COPY "):
                rows = self._rows(line)
                yield from self._statements()
                self._is_closed = False
                yield rows
                rows.skip()
            else:
                self._keep(line)
        if not self._is_closed:
            raise BackupInvalid("The file does not end as a dump ends: a part is missing, or was added.")
        yield from self._statements()

    def _line(self) -> bytes:
        """The next line, or nothing at the end."""
        while (end := self._ahead.find(b"\n", self._at)) < 0:
            self._ahead, self._at = self._ahead[self._at :], 0
            if len(self._ahead) > MAX_LINE_BYTES:
                raise BackupInvalid("The file is not a dump: a line is too long for a statement.")
            block = next(self._blocks, b"")
            if not block:
                if self._ahead:
                    raise BackupInvalid("The file ends in the middle of a line.")
                return b""
            self._ahead += block
        start, self._at = self._at, end + 1
        return self._ahead[start : self._at]

    def _keep(self, line: bytes) -> None:
        self._pending.append(line)
        self._pending_bytes += len(line)
        if self._pending_bytes > MAX_STATEMENTS_BYTES:
            raise BackupInvalid("The file is not one of ours: too many statements, and no rows.")
        if line == CLOSING:
            self._is_closed = True
        elif line.strip() and not line.startswith(b"--"):
            self._is_closed = False
            self._says_something = True

    def _statements(self) -> Iterator[str]:
        """What was kept, if it is more than comments."""
        text, says_something = b"".join(self._pending), self._says_something
        self._pending, self._pending_bytes, self._says_something = [], 0, False
        if not says_something:
            return
        try:
            statements = text.decode()
        except UnicodeDecodeError:
            raise BackupInvalid("The file is not a dump in UTF-8.") from None
        if "\0" in statements:
            raise BackupInvalid("The file is not a dump: it has a NUL in it.")
        if _FROM_ELSEWHERE.search(statements):
            raise BackupInvalid("The file copies from a program or a file, and may not.")
        yield statements

    def _rows(self, header: bytes) -> TableRows:
        found = self._header.fullmatch(header)
        if found is None:
            raise BackupInvalid("The file has rows for something else than a table of ours.")
        columns = found["columns"].split(b", ") if found["columns"] else []  # a table without any is one, too
        kind = ChangedKeys if found.groupdict().get("keys") else TableRows
        return kind(_name(found["table"]), tuple(map(_name, columns)), self._data())

    def _data(self) -> Iterator[bytes]:
        """The rows up to their end, which is a line of its own: in a value, a backslash is written twice."""
        self._ahead, self._at = (
            b"\n" + self._ahead[self._at :],
            0,
        )  # so that the end is found before a first row too
        is_first = True
        while (end := self._ahead.find(b"\n" + _END_OF_ROWS)) < 0:
            kept = len(_END_OF_ROWS)  # of the end, all but its last byte may have come
            if len(self._ahead) > kept:
                yield self._ahead[1 if is_first else 0 : -kept]
                self._ahead = self._ahead[-kept:]
                is_first = False
            block = next(self._blocks, b"")
            if not block:
                raise BackupInvalid("The file ends in the middle of a table.")
            self._ahead += block
        rows = self._ahead[1 if is_first else 0 : end + 1]
        self._at = end + 1 + len(_END_OF_ROWS)
        if rows:
            yield rows


def _name(identifier: bytes) -> str:
    return identifier.strip(b'"').decode()
