"""A dump on its way from pg_dump into a file, made to restore into any empty database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from backups.programs import Dump
from backups.snapshot import Snapshot
from backups.streams import Sink
from jobs.progress import Progress

# Roles, rights and places belong to a server, not to what is backed up. And one that waits for a lock behind another
# program, which waits for our own lock, would wait for ever.
_ARGUMENTS: Final = (
    "--no-owner", "--no-privileges", "--no-tablespaces", "--no-publications", "--no-subscriptions",
    "--no-security-labels", "--no-unlogged-table-data", "--encoding=UTF8", "--lock-wait-timeout=1s",
)  # fmt: skip
# Where one object begins. The first ones are the schemas, which the database has that a dump is restored into.
_OBJECT: Final = re.compile(rb"^--\n-- (?:Data for )?Name: (.*)\n", re.MULTILINE)
_SCHEMAS: Final = tuple(
    start for name in (b"public", b"app") for start in (b"%s; Type: SCHEMA;" % name, b"SCHEMA %s;" % name)
)
_LEFT_OUT: Final = tuple(
    start for start in _SCHEMAS if start != b"SCHEMA app;"
)  # what is remembered there comes along
# It belongs to the server that was backed up: the function is not in the dump.
_ELSEWHERE: Final = re.compile(
    rb"^--\n-- Name: [^\n]*; Type: TRIGGER; Schema: public; [^\n]*\n--\n\nCREATE TRIGGER (?:(?!^--\n).)*?"
    rb" EXECUTE FUNCTION app\.(?:(?!^--\n).)*",
    re.MULTILINE | re.DOTALL,
)
_NEWER: Final = b"SET transaction_timeout = 0;\n"  # PostgreSQL 16 does not know it


def without_capture(text: bytes) -> bytes:
    """This function will leave out of the text of a dump the triggers that call functions of another schema."""
    return _ELSEWHERE.sub(b"", text)


def begin(moment: Snapshot, what: Sequence[str]) -> Dump:
    """This function will start pg_dump on the moment; `what` are its arguments that select."""
    return Dump([*_ARGUMENTS, f"--snapshot={moment.exported}", *what])


def copy(dump: Dump, sink: Sink, progress: Progress, *, has_triggers: bool = False) -> int:
    """This function will pass a dump on into the sink, and return how many bytes it had.

    One that `has_triggers` is read as a whole first: it has no rows, and is small.
    """
    size = 0
    blocks: Iterable[bytes] = portable(dump.blocks(progress))
    if has_triggers:
        blocks = [without_capture(b"".join(blocks))]
    for block in blocks:
        sink.write(block)
        size += len(block)
    sink.finish()
    return size


def portable(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """This function will yield a dump without what ties it to a server: in its head, which ends at the first object."""
    source, head = iter(blocks), b""
    for block in source:
        head += block
        objects = _OBJECT.finditer(head)
        first = next((found.start() for found in objects if not found[1].startswith(_SCHEMAS)), None)
        if first is not None:
            yield _cleaned(head[:first]) + head[first:]
            yield from source
            return
    yield _cleaned(head)


def _cleaned(head: bytes) -> bytes:
    """The head without what is left out."""
    found = list(_OBJECT.finditer(head))
    starts = [match.start() for match in found]
    kept = head[: starts[0]] if starts else head
    for match, end in zip(found, [*starts, len(head)][1:], strict=True):
        if not match[1].startswith(_LEFT_OUT):
            kept += head[match.start() : end]
    return kept.replace(_NEWER, b"")
