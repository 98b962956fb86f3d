"""Closes the catalog to writers, and to who reads it for long, until the transaction ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from accesscontrol.errors import Conflict, TimedOut
from jobs.progress import Progress

PATIENCE_S: Final = 120
# Shorter than deadlock_timeout, and than anyone who queues behind us likes to wait.
_WAIT_MS: Final = 500
_PAUSE_S: Final = 0.3
_LOCK: Final = 2_026_112_202  # any number that nobody else uses: held by the one restore at work
_TABLES: Final = """
SELECT c.relname FROM pg_catalog.pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'audit_logs' ORDER BY 1
"""


@contextmanager
def only_one(connection: Connection[Any]) -> Iterator[None]:
    """This function will keep every other restore out as long as the block runs.

    :raises Conflict: one is at work already
    """
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    if not row or not row[0]:
        raise Conflict("Another restore is at work.", hint="Look at the catalog when it is done.")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def close(connection: Connection[Any], progress: Progress) -> None:
    """This function will keep writers out of every table but audit_logs until the transaction ends; reads go on.

    The gate first, which every writer opens before anything else: who locks table after table meets them in a
    deadlock. EXCLUSIVE, since a SHARE lock lets a SELECT … FOR UPDATE pass, whose UPDATE would then land in
    the restored table.

    :raises TimedOut: something has been writing, or reading a snapshot, for too long
    """

    def lock() -> None:
        connection.execute("LOCK TABLE app.restore_gate IN ACCESS EXCLUSIVE MODE")
        names = [sql.Identifier("public", name) for (name,) in connection.execute(_TABLES)]
        if names:
            connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.SQL(", ").join(names)))

    insist(connection, progress, lock)


def insist(connection: Connection[Any], progress: Progress, lock: Callable[[], object]) -> None:
    """This function will run what takes locks again and again, each time so shortly that nobody waits long behind it.

    :raises TimedOut: a lock was not to be had within the patience of a restore
    """
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = {_WAIT_MS}")
                lock()
                connection.execute("SET LOCAL lock_timeout = 0")
        except LockNotAvailable:
            if time.monotonic() > give_up_at:
                raise TimedOut(
                    "The catalog has been in use for too long: a backup, an export or a long transaction goes on.",
                    hint="Try again when it is done; nothing was changed.",
                    outcome="none",
                ) from None
            progress.check()
            time.sleep(_PAUSE_S)
        else:
            return
