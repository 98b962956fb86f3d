"""Exporting to a caller who waits: rows as they come, in one transaction that ends with its audit row."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import structlog
from django.db import Error

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Refused, TimedOut
from accesscontrol.policy import Operation
from audit import refusals
from audit.work import Work
from catalog.exchange.frame import long_transaction
from catalog.exchange.layout import Layout
from catalog.exchange.selection import Selection
from catalog.exchange.writing import Written
from catalog.services import fingerprint
from catalog.services.ordering import OrderTerms
from catalog.table import Table
from jobs.progress import Cancelled

LONGEST_S: Final = 3600  # somebody who reads slowly keeps a transaction open, and a restore waiting

logger = structlog.get_logger(__name__)


class Stream:
    """Rows on their way to a caller. The first of them are there already: what can be refused is refused before.

    Whoever has one closes it, read to its end or not: that ends the statement and gives the connection back.
    """

    def __init__(self, blocks: Generator[bytes, None, None]) -> None:
        self._blocks = blocks
        self._first = next(blocks)

    def __iter__(self) -> Iterator[bytes]:
        """This function will return the blocks."""
        yield self._first
        yield from self._blocks

    def close(self) -> None:
        """This function will end what is not read to its end."""
        self._blocks.close()


def stream(
    *,
    actor: Actor,
    table: Table,
    layout: Layout,
    columns: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    order_by: OrderTerms | None = None,
    limit: int | None = None,
    include_deleted: bool = False,
) -> Stream:
    """This function will return the records that match `where`, by default in the order of their keys.

    The last block is held back until the audit row is written and the transaction has committed: nobody has a whole
    export that the trail does not tell of. One that ends early is told of as a failure.

    :raises Forbidden: the actor may not export, or not read, the table
    :raises InvalidInput: an unknown column, operator, format or delimiter, a bad value
    :raises TimedOut: the caller takes longer than an hour
    """
    policy.require(actor, Operation.EXPORT, table)
    policy.require(actor, Operation.READ, table)
    layout.require_known()
    work = Work(layout.operation, actor, table.name)
    selection = Selection(
        actor, table, columns, where, limit, order_by=order_by, include_deleted=include_deleted
    )
    work.entry.query_hash = fingerprint.of(where, table.name, columns, order_by, limit, include_deleted)
    return Stream(_sent(work, layout, selection, table))


def _sent(work: Work, layout: Layout, selection: Selection, table: Table) -> Generator[bytes, None, None]:
    written, held, has_begun = Written(), b"", False
    try:
        with long_transaction():
            with closing(layout.blocks(selection, table, written)) as blocks:
                for block in blocks:
                    if held:
                        has_begun = True
                        yield held
                    held = block
                    _require_in_time(work)
            work.entry.record_count = written.records
            work.finish()
    except GeneratorExit:
        _tell(work, Cancelled("The caller went away before all of the export was sent."))
        raise
    except Refused as refusal:
        if has_begun:  # else whoever asked is told, and the trail by the face
            _tell(work, refusal)
        raise
    yield held


def _require_in_time(work: Work) -> None:
    if work.elapsed_ms > LONGEST_S * 1000:
        raise TimedOut("The export took too long to be read.", hint="Have a file made of it.")


def _tell(work: Work, refusal: Refused) -> None:
    """Write into the trail that an export ended early: nobody is left to be told."""
    entry = work.entry
    try:
        refusals.record(entry.actor, entry.operation, entry.table_name, refusal, work.elapsed_ms)
    except Error:
        logger.exception("refusal_not_audited", operation=entry.operation, code=refusal.code)
