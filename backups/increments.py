"""Making an incremental backup: what changed since another, of one snapshot, and what the tables are by then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from psycopg import Connection, Cursor, sql

from backups import chains, changes, checksums, database, manifest, names, snapshot
from backups.making import Draft, apps
from backups.manifest import Manifest
from backups.reading import Reading
from backups.snapshot import Snapshot
from backups.storage import Storage
from backups.stored import Backup
from backups.streams import Gzip, Measured
from jobs.files import NewFile
from jobs.progress import Progress

_JOIN: Final = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {};"
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL work_mem = '64MB'"
)


@contextmanager
def draft(
    storage: Storage, base_backup: str | None, progress: Progress, *, compress: bool
) -> Iterator[Draft]:
    """This function will make an incremental backup, and throw away at the end what was not published.

    :raises FullBackupNeeded: what changed since can't be told
    :raises NotFound: there is no such base
    :raises Conflict: another backup is being made
    :raises Cancelled: it is not wanted any more
    :raises TimedOut: another transaction keeps a table locked
    :raises Unavailable: the database or the disk fails
    """
    with snapshot.coordinator() as connection:
        progress.begin("Locks")
        with (
            snapshot.take(connection, ("app", "public"), progress) as moment,
            storage.create() as file,
            _beside(moment) as beside,
            beside.cursor() as cursor,
            Reading(moment, moment.of_schema("public"), None, apps()) as reading,  # takes the longest
        ):
            parent = chains.parent(storage, moment, cursor, base_backup)
            yield _write(moment, parent, cursor, reading, file, progress, compress=compress)


def _write(
    moment: Snapshot,
    parent: Backup,
    cursor: Cursor[Any],
    reading: Reading,
    file: NewFile,
    progress: Progress,
    *,
    compress: bool,
) -> Draft:
    """Write the file, while what it must come to is read beside."""
    name = names.new("incremental", moment.taken_at, compressed=compress)
    measured = Measured(file)
    progress.begin("Changes")
    sink = Gzip(measured) if compress else measured
    writer = changes.Writer(sink, cursor, parent.manifest, progress)
    written = writer.write()
    facts = reading.result(progress)
    writer.finish(facts.sequences)
    place = facts.place.model_copy(update={"before": chains.links(parent), "changes": written})
    described = Manifest(
        type=name.kind,
        file=name.file,
        table=None,
        created_at=manifest.timestamp(moment.taken_at),
        size_bytes=measured.size,
        sha256=measured.sha256,
        uncompressed_bytes=writer.size,
        compressed=compress,
        members=[],
        snapshot=moment.visible,
        position=moment.position,
        schema_fingerprint=facts.fingerprint,
        server_version=moment.server_version,
        tool_version=None,
        database=moment.database,
        system_id=moment.system_id,
        tables=facts.tables,
        sequences=facts.sequences,
        migrations=facts.migrations,
        app=None,
        chain=place,
    )
    return Draft(file, None, name, described)


@contextmanager
def _beside(moment: Snapshot) -> Iterator[Connection[Any]]:
    """Open another connection that sees the same moment."""
    connection = database.connect()
    try:
        connection.execute(sql.SQL(_JOIN).format(sql.Literal(moment.exported)))
        connection.execute(checksums.PINNED)
        yield connection
    finally:
        connection.close()
