"""How far a long call is: told by its thread, sent by the event loop; and whether its caller still wants it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from threading import Event, Lock
from typing import Final

import anyio

from jobs.progress import Cancelled, Progress

INTERVAL_S: Final = 0.5  # between two notifications

Report = Callable[[float, float | None, str | None], Awaitable[None]]  # what is done, in all, and in words


class CallProgress(Progress):
    """The progress of one call. What is done only grows, as the protocol wants it: parts are added up."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._label = ""
        self._done = 0
        self._total: int | None = None
        self._told = -1
        self._unwanted = Event()

    def begin(self, label: str, total: int = 0, unit: str = "bytes") -> None:
        """This function will note that a part begins, on top of those before."""
        with self._lock:
            self._label = label
            self._total = self._done + total if total else None

    def advance(self, amount: int) -> None:
        """This function will note that so much more is done."""
        with self._lock:
            self._done += amount

    def check(self) -> None:
        """This function will do nothing while the caller waits.

        :raises Cancelled: they do not any more
        """
        if self._unwanted.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """This function will let the next check refuse."""
        self._unwanted.set()

    async def tell(self, report: Report) -> None:
        """This function will report how far the work is, where that is further than was told before."""
        with self._lock:
            done, total, label, told = self._done, self._total, self._label, self._told
            self._told = done
        if label and done > told:
            await report(done, None if total is None else max(done, total), label)


@asynccontextmanager
async def told(progress: CallProgress, report: Report) -> AsyncIterator[None]:
    """This function will report the progress of what is done in the `with` block twice a second, and at its end."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_tell, progress, report)
        yield
        tasks.cancel_scope.cancel()
    await progress.tell(report)


async def _tell(progress: CallProgress, report: Report) -> None:
    while True:
        await anyio.sleep(INTERVAL_S)
        await progress.tell(report)
