"""What a manifest tells of the database, read from the snapshot while pg_dump works beside it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from psycopg import Cursor

from backups import chains, checksums, fingerprint
from backups.manifest import Chain, SequenceState, TableState
from backups.snapshot import Snapshot
from jobs.progress import Progress

_POLL_S: Final = 0.25
_MIGRATIONS: Final = "SELECT app, name FROM app.django_migrations WHERE app = ANY(%s) ORDER BY id"


@dataclass(frozen=True)
class Facts:
    """What the database held."""

    fingerprint: str
    tables: dict[str, TableState]
    sequences: dict[str, SequenceState]
    migrations: list[list[str]]
    place: Chain


class Reading:
    """Reads on the coordinator's connection, in a thread that is gone at the end of the `with` block."""

    def __init__(
        self, moment: Snapshot, tables: list[str], only: str | None, migrations_of: list[str]
    ) -> None:
        self._moment, self._tables, self._only, self._apps = moment, tables, only, migrations_of
        self._done = 0  # tables
        self._executor = ThreadPoolExecutor(1, "backup-reading")
        self._future = self._executor.submit(self._read)

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while not self._future.done():
            self._moment.connection.cancel_safe()
            wait([self._future], _POLL_S)
        self._executor.shutdown()

    def result(self, progress: Progress) -> Facts:
        """This function will wait until all is read.

        :raises Cancelled: it is not wanted any more
        """
        progress.begin("Counts and checksums", len(self._tables), "tables")
        told = 0
        while not self._future.done():
            progress.check()
            done = self._done
            progress.advance(done - told)
            told = done
            wait([self._future], _POLL_S)
        progress.check()
        progress.advance(self._done - told)
        return self._future.result()

    def _read(self) -> Facts:
        cursor = self._moment.cursor()
        only = None if self._only is None else [self._only]
        return Facts(
            fingerprint.of(cursor),
            self._states(cursor),
            checksums.sequences(cursor, tables=only),
            [list(row) for row in cursor.execute(_MIGRATIONS, [self._apps])],
            chains.here(cursor),
        )

    def _states(self, cursor: Cursor[Any]) -> dict[str, TableState]:
        found = {}
        for table, state in checksums.of(cursor, self._tables):
            found[table] = state
            self._done += 1
        return found
