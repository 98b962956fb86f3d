"""Work that takes too long for one transaction around all of it: a backup, a restore, a large export."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import psycopg

from accesscontrol.actor import Actor
from audit import trail
from audit.trail import Entry


class Work:
    """One operation that does its work first, and then publishes the result together with its audit row.

    The result shall not be there without its row: call `finish` in the transaction that publishes, last but for the
    publishing. A refusal is told to the trail by the face, as that of any operation.
    """

    def __init__(self, operation: str, actor: Actor, table_name: str | None = None) -> None:
        self.entry = Entry(actor, operation, table_name)
        self._started = perf_counter()

    @property
    def elapsed_ms(self) -> float:
        """How long the work has taken, in milliseconds."""
        return (perf_counter() - self._started) * 1000

    def finish(self, cursor: psycopg.Cursor[Any] | None = None) -> None:
        """This function will write the audit row in the current transaction, or in that of the cursor.

        :raises django.db.Error, psycopg.Error: it can't be written, and so nothing may be published
        """
        self.entry.execution_time_ms = self.elapsed_ms
        trail.record(self.entry, cursor)
