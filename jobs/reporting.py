"""How a job that runs tells of itself, while its own connection is busy: a thread with another."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Final

import psycopg
import structlog

from jobs import ending, locks
from jobs.logs import append
from jobs.progress import Cancelled, Progress

INTERVAL_S: Final = 0.5
MAX_LABEL_CHARS: Final = 200

_TELL: Final = """
UPDATE app.jobs_job SET label = %s, done = %s, total = %s, unit = %s, heartbeat_at = clock_timestamp()
WHERE id = %s RETURNING cancel_requested_at IS NOT NULL
"""

logger = structlog.get_logger(__name__)


class Reporter(Progress):
    """Progress that is written to the job's row twice a second; `check` raises where somebody cancelled the job."""

    def __init__(self, job_id: int) -> None:
        self._job_id = job_id
        self._part: tuple[str, int, str] = ("", 0, "bytes")  # label, total, unit
        self._done = 0
        self._lines: list[str] = []
        self._lock = Lock()
        self._cancelled = Event()
        self._ending = Event()
        self._connection: psycopg.Connection[Any] | None = None
        self._thread = Thread(target=self._report, name=f"job {job_id}", daemon=True)

    def __enter__(self) -> Reporter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    def begin(self, label: str, total: int = 0, unit: str = "bytes") -> None:
        """Note that a part begins; the log keeps when each did."""
        with self._lock:
            self._part, self._done = (label[:MAX_LABEL_CHARS], total, unit), 0
            self._lines.append(label)

    def advance(self, amount: int) -> None:
        """Note that so much more is done."""
        with self._lock:
            self._done += amount

    def log(self, text: str) -> None:
        """Note a line for a person."""
        with self._lock:
            self._lines.append(text)

    def keep(self, result: Mapping[str, Any]) -> None:
        """Keep the result in the transaction of Django's connection, not in the thread's."""
        ending.done(self._job_id, result)

    def check(self) -> None:
        """Raise where the job was cancelled."""
        if self._cancelled.is_set():
            raise Cancelled

    def _report(self) -> None:
        """Tell until the work ends, and a last time then."""
        while not self._ending.wait(INTERVAL_S):
            self._tell()
        _ = self._tell() or self._tell()  # a connection that was lost meanwhile is noticed by the first
        if self._connection is not None:
            self._connection.close()

    def _tell(self) -> bool:
        """Write how far the work is, and read whether it is still wanted; with the database away, next time."""
        try:
            if self._connection is None:
                self._connection = locks.connect()
            self._write(self._connection)
        except psycopg.OperationalError as error:
            logger.warning("progress_not_written", job=self._job_id, error=str(error).strip())
            if self._connection is not None:
                with contextlib.suppress(psycopg.Error):
                    self._connection.close()
            self._connection = None
            return False
        return True

    def _write(self, connection: psycopg.Connection[Any]) -> None:
        with self._lock:
            (label, total, unit), done, lines = self._part, self._done, self._lines[:]
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
            append(self._job_id, lines, cursor)
            row = cursor.execute(_TELL, (label, done, total, unit, self._job_id)).fetchone()
        with self._lock:
            del self._lines[: len(lines)]
        if row and row[0]:
            self._cancelled.set()
