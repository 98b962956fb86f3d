"""One moment of the database, held open for as long as a backup takes.

The tables are locked before the snapshot is taken, never behind it: TRUNCATE and what rewrites a table are not seen as
they were by an older snapshot, which then reads the table as empty. The locks are taken without waiting, again
and again, so that a backup queues before nobody and delays no writer.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg import Connection, Cursor, sql
from psycopg.errors import LockNotAvailable, UndefinedTable

from accesscontrol.errors import Conflict, TimedOut, Unavailable
from backups import checksums, database
from jobs.progress import Progress

PATIENCE_S: Final = 60  # for tables that somebody has locked
_RETRY_S: Final = 0.1
_LOCK: Final = 2_026_112_201  # any number that nobody else uses: held by the one backup at work

_BEGIN: Final = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0;"
    "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 0;"
)
_TABLES: Final = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') ORDER BY 1, 2
"""
_MOMENT: Final = """
SELECT pg_export_snapshot(), pg_current_snapshot()::text, pg_current_wal_insert_lsn()::text, clock_timestamp(),
       current_setting('server_version'), current_database(), (SELECT system_identifier::text FROM pg_control_system())
"""

QualifiedName = tuple[str, str]


@dataclass(frozen=True)
class Snapshot:
    """A moment, and the connection that holds it: its queries see the database as it was then."""

    connection: Connection[Any]
    tables: tuple[QualifiedName, ...]  # locked: each with its schema
    exported: str  # by which pg_dump sees the same
    visible: str  # PostgreSQL's name for what had been committed
    position: str
    taken_at: datetime
    server_version: str
    database: str
    system_id: str

    def cursor(self) -> Cursor[Any]:
        """This function will return a cursor whose queries see the moment."""
        return self.connection.cursor()

    def of_schema(self, schema: str) -> list[str]:
        """This function will return the names of a schema's tables."""
        return [table for found, table in self.tables if found == schema]


@contextmanager
def coordinator() -> Iterator[Connection[Any]]:
    """This function will open the connection on which snapshots are taken, for the one backup that may be at work.

    :raises Conflict: another backup is
    :raises Unavailable: the database can't be reached
    """
    try:
        connection = database.connect()
    except psycopg.OperationalError as error:
        raise Unavailable from error
    try:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
        if not row or not row[0]:
            raise Conflict("Another backup is being made.", hint="Try again when it is done.")
        yield connection
        with suppress(
            psycopg.Error
        ):  # otherwise it is the next one's when the server sees that this one has gone
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    finally:
        connection.close()


@contextmanager
def take(
    connection: Connection[Any], schemas: Collection[str], progress: Progress, *, only: str | None = None
) -> Iterator[Snapshot]:
    """This function will lock the tables of some schemas, or `only` one of schema public, and take a snapshot.

    :raises Cancelled: it is not wanted any more
    :raises TimedOut: another transaction kept a table for a minute, or a restore the gate
    """
    give_up_at = time.monotonic() + PATIENCE_S
    while (found := _attempt(connection, schemas, only)) is None:
        if time.monotonic() > give_up_at:
            raise TimedOut(
                "Another transaction holds a table that shall be backed up.",
                hint="Try again when it is done.",
                outcome="none",
            )
        progress.check()
        time.sleep(_RETRY_S)
    try:
        yield found
    finally:
        with suppress(psycopg.Error):  # a connection that is gone holds nothing
            connection.execute("ROLLBACK")


def _attempt(connection: Connection[Any], schemas: Collection[str], only: str | None) -> Snapshot | None:
    """Lock all there is, then look whether that is still all."""
    tables = _tables(connection, schemas, only)
    try:
        connection.execute(_begin(connection))
        connection.execute("LOCK TABLE app.restore_gate IN ACCESS SHARE MODE NOWAIT")
        names = sql.SQL(", ").join(sql.Identifier(*table) for table in tables)
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE NOWAIT").format(names))
        row = connection.execute(_MOMENT).fetchone()
        if row and _tables(connection, schemas, only) == tables:
            connection.execute(checksums.PINNED)
            exported, visible, position, at, version, name, system = row
            return Snapshot(
                connection, tables, exported, visible, position, at.astimezone(UTC), version, name, system
            )
    except (LockNotAvailable, UndefinedTable):
        pass
    except BaseException:
        connection.close()
        raise
    connection.execute("ROLLBACK")
    return None


def _begin(connection: Connection[Any]) -> str:
    has_limit = connection.info.server_version >= 170000
    return _BEGIN + ("SET LOCAL transaction_timeout = 0" if has_limit else "")


def _tables(
    connection: Connection[Any], schemas: Collection[str], only: str | None
) -> tuple[QualifiedName, ...]:
    rows = connection.execute(_TABLES, [list(schemas)]).fetchall()
    return tuple((schema, table) for schema, table in rows if only is None or table == only)
