"""The lock of whoever works on the copies: one at a time, on all machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from accesscontrol.errors import Conflict
from backups import database

_LOCK: Final = 2_026_112_202  # any number that nobody else uses


class Busy(Conflict):
    """Another one works on the copies already."""


@contextmanager
def held() -> Iterator[None]:
    """This function will hold the lock while its block runs; PostgreSQL drops it when its holder dies.

    It is that of an empty transaction: behind a pooler a session is anybody's.

    :raises Busy: another one holds it
    """
    with database.translated():
        own = database.connect()
    try:
        with database.translated():
            own.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
            row = own.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK]).fetchone()
        if not row or not row[0]:
            raise Busy("Copies are being made already.", hint="Try again when they are done.")
        yield
    finally:
        own.close()
