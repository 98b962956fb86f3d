"""From PostgreSQL into a file, or to a caller: rows are passed on as they come, never read."""

from __future__ import annotations

import hashlib
import select
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from catalog.exchange import xlsx_writing
from catalog.exchange.selection import QUOTE
from catalog.table import AnyField
from jobs.files import NewFile
from jobs.progress import Progress

BLOCK_BYTES: Final = 512 * 1024
WAIT_MS: Final = 1_000

_QUOTE = QUOTE.encode()


@dataclass
class Written:
    """What has been written so far."""

    records: int = 0
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


def csv(statement: str, written: Written, *, headers: bool) -> Generator[bytes, None, None]:
    """This function will return what a COPY statement gives as CSV, and count its rows."""
    written.records = -1 if headers else 0  # the line of names comes as a row does
    yield from _blocks(statement, written)


def lines(statement: str, written: Written) -> Generator[bytes, None, None]:
    """This function will return the objects that a COPY statement gives, each on a line."""
    yield from _blocks(statement, written)


def json(statement: str, written: Written, *, pretty: bool) -> Generator[bytes, None, None]:
    """This function will return the objects that a COPY statement gives as one array."""
    joined: Callable[[bytes], bytes] = _pretty if pretty else _plain
    before = b"[\n"
    with closing(_blocks(statement, written)) as blocks:
        for block in blocks:
            yield before + joined(block)[:-2]  # without the last comma, which may be the very last
            before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def xlsx(
    statement: str, written: Written, *, fields: Sequence[AnyField], title: str, escape_formulas: bool
) -> Generator[bytes, None, None]:
    """This function will return the rows that a COPY statement gives in its text format, as a workbook."""
    with closing(_rows(statement)) as rows:  # its COPY ends with it, before anything else is asked for

        def counted() -> Iterator[bytes | memoryview]:
            for row in rows:
                written.records += 1
                yield row

        yield from xlsx_writing.blocks(counted(), fields, title, escape_formulas=escape_formulas)


def put(blocks: Generator[bytes, None, None], file: NewFile, written: Written, progress: Progress) -> None:
    """This function will write blocks into a file, and measure it; whatever happens, their COPY is over then."""
    with closing(blocks):
        for block in blocks:
            progress.check()
            file.write(block)
            written.digest.update(block)
            written.size += len(block)
            progress.advance(len(block))


def _blocks(statement: str, written: Written) -> Generator[bytes, None, None]:
    """What a COPY statement gives, in blocks of whole rows, each put behind the others at once: a join takes longer."""
    block = bytearray()
    with _copying(statement) as (next_row, wait):
        while (got := next_row(1))[0] >= 0:
            if got[0] == 0:
                wait()
                continue
            block += got[1]
            written.records += 1
            if len(block) >= BLOCK_BYTES:
                yield bytes(block)
                block.clear()
    if block:
        yield bytes(block)


def _rows(statement: str) -> Generator[bytes | memoryview, None, None]:
    """What a COPY statement gives, row by row."""
    with _copying(statement) as (next_row, wait):
        while (got := next_row(1))[0] >= 0:
            if got[0] == 0:
                wait()
            else:
                yield got[1]


@contextmanager
def _copying(
    statement: str,
) -> Iterator[tuple[Callable[[int], tuple[int, memoryview]], Callable[[], None]]]:
    """What a COPY statement gives, as libpq hands it out: psycopg's own reader takes twice as long.

    (size, row) of the next row: a size of 0 where there is none yet, and below that where there is none any more; and
    how to wait for one.
    """
    with connection.cursor() as cursor, cursor.copy(statement):  # which ends the COPY where this one is left
        libpq = connection.connection.pgconn
        waiting = select.poll()
        waiting.register(libpq.socket, select.POLLIN)

        def wait() -> None:
            waiting.poll(WAIT_MS)
            libpq.consume_input()

        yield libpq.get_copy_data, wait
        while result := libpq.get_result():
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result)


def _plain(block: bytes) -> bytes:
    """Objects, each on a line, with commas between: there are no other line breaks."""
    return block.replace(b"\n", b",\n")


def _pretty(block: bytes) -> bytes:
    """The same of objects that stand between quotes."""
    return block.replace(_QUOTE + b"\n", b",\n").replace(_QUOTE, b"")
