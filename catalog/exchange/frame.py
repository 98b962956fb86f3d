"""The transaction around an export or an import: with time enough, behind the gate, and ended when nobody wants it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from threading import Event, Thread
from typing import Final

import psycopg
from django.conf import settings
from django.db import Error, connection, transaction

from accesscontrol.errors import Refused
from audit import faults
from audit.timeouts import OPEN_GATE
from jobs.progress import SILENT, Cancelled, Progress

LONGEST_S: Final = 6 * 3600
CHECK_INTERVAL_S: Final = 0.5

# Values are written and read in one way, whatever the session was told before.
_FORMS = "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL timezone = 'UTC'; SET LOCAL extra_float_digits = 1"


@contextlib.contextmanager
def long_transaction(progress: Progress = SILENT) -> Iterator[None]:
    """This function will run a `with` block in one transaction of its own limits, and translate the database's faults.

    While a statement runs, `progress` is asked twice a second; what nobody wants any more is stopped in PostgreSQL too.

    :raises Cancelled: nobody wants it any more
    :raises Refused: the database could not do it
    """
    is_committing = False
    try:
        with transaction.atomic():
            _begin()
            with _stopped_when_unwanted(progress), connection.wrap_database_errors:
                yield
            is_committing = True
    except Error as error:
        refusal = faults.translate(error, is_committing=is_committing)
        if refusal is None:
            raise
        raise refusal from error


def _begin() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET LOCAL statement_timeout = {LONGEST_S * 1000};"
            f"SET LOCAL lock_timeout = {int(settings.LOCK_TIMEOUT_S * 1000)};"
            f"SET LOCAL synchronous_commit = on; {_FORMS}; {OPEN_GATE}"
        )


@contextlib.contextmanager
def _stopped_when_unwanted(progress: Progress) -> Iterator[None]:
    """Ask in a thread, since a statement keeps this one busy; a request that came between two is repeated."""
    if progress is SILENT:
        yield
        return
    working = connection.connection
    ended = Event()
    refusals: list[Cancelled] = []

    def watch() -> None:
        while not ended.wait(CHECK_INTERVAL_S):
            try:
                progress.check()
            except Cancelled as refusal:
                refusals.append(refusal)
                with contextlib.suppress(psycopg.Error):
                    working.cancel_safe(timeout=CHECK_INTERVAL_S * 10)

    thread = Thread(target=watch, name="exchange", daemon=True)
    thread.start()
    try:
        yield
        progress.check()
    except (Error, psycopg.Error, Refused) as error:  # the last by a service that stopped as well
        if refusals:
            raise refusals[0] from error
        raise
    finally:
        ended.set()
        thread.join()
