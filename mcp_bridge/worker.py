"""Where tools run: a few threads, each with a connection from the pool for the length of one call."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar, cast

import anyio
import psycopg
import structlog
from anyio import CancelScope, CapacityLimiter, to_thread
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import DatabaseWrapper

T = TypeVar("T")

MAX_CALLS = 4  # that run at once; further ones wait
MAX_LONG_CALLS = 2  # of those that may take minutes, which keep no place from the others
CANCEL_TIMEOUT_S = 5

logger = structlog.get_logger(__name__)


async def run(
    function: Callable[[], T], limiter: CapacityLimiter, *, cancel: Callable[[], None] = lambda: None
) -> T:
    """This function will run `function` in a thread, and return its connection to the pool afterwards.

    Where the caller goes away, `cancel` is called, and PostgreSQL is told to stop what it does for them.
    """
    work = _Work(function)
    try:
        return await to_thread.run_sync(work.run, abandon_on_cancel=True, limiter=limiter)
    except anyio.get_cancelled_exc_class():
        cancel()
        with CancelScope(shield=True):
            await to_thread.run_sync(work.cancel)
        raise


def release() -> None:
    """This function will close this process's connections; the next call would open new ones."""
    connection = _connection()
    connection.close()
    connection.close_pool()


def _connection() -> DatabaseWrapper:
    """This thread's connection, of the backend that the settings name."""
    return cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])


class _Work(Generic[T]):
    """One call in its thread, and the connection that it uses there."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._using: DatabaseWrapper | None = None
        self._lock = Lock()  # while it is held, the connection is this call's and nobody else's

    def run(self) -> T:
        using = self._using = _connection()
        try:
            return self._function()
        finally:
            with self._lock:
                using.close()
                self._using = None

    def cancel(self) -> None:
        with self._lock:
            open_one: Any = self._using and self._using.connection
            if open_one is None:
                return
            try:
                open_one.cancel_safe(timeout=CANCEL_TIMEOUT_S)
            except psycopg.Error:
                logger.warning("cancel_failed", exc_info=True)
