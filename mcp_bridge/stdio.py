"""MCP over standard input and output: the protocol on both, everything else on standard error."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, contextmanager, suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Self

import anyio
import mcp_types as types
import structlog
from anyio import from_thread
from anyio.lowlevel import EventLoopToken, current_token
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server import Server
from mcp.shared.message import SessionMessage

from mcp_bridge import wire

CHUNK_BYTES = 64 * 1024

Sending = MemoryObjectSendStream[SessionMessage | Exception]
Receiving = MemoryObjectReceiveStream[SessionMessage | Exception]

_NOBODY_THERE = (
    anyio.ClosedResourceError, anyio.BrokenResourceError, CancelledError, asyncio.CancelledError, RuntimeError,
)  # fmt: skip

logger = structlog.get_logger(__name__)


async def serve(server: Server[Any]) -> None:
    """This function will serve one client until it closes our standard input, or SIGINT or SIGTERM comes."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_on_signal, tasks.cancel_scope)
        with _own_output() as fd:
            async with _outgoing(fd, tasks.cancel_scope) as output, _incoming(output) as reading:
                await server.run(reading, output, server.create_initialization_options())
        tasks.cancel_scope.cancel()


async def _end_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


@contextmanager
def _own_output() -> Iterator[int]:
    """A descriptor for the protocol alone: whatever else writes to standard output writes to standard error."""
    theirs = sys.stdout.fileno()
    ours = os.dup(theirs)
    os.dup2(sys.stderr.fileno(), theirs)
    try:
        yield ours
    finally:
        os.dup2(ours, theirs)  # `ours` stays open: a thread may still wait to write to it


# Threads read and write, daemons: one of the event loop's own would wait for the client for ever, and the process for
# it, when a signal comes. Neither makes the loop wait for it, nor waits for the loop: a call takes that long less.


class _Output:
    """Where messages for standard output are sent, from any thread; one of its own writes them."""

    def __init__(self) -> None:
        self._messages: SimpleQueue[types.JSONRPCMessage | None] = SimpleQueue()  # None: no more will come

    def put(self, message: types.JSONRPCMessage) -> None:
        """This function will leave a message to be written."""
        self._messages.put(message)

    def messages(self) -> Iterator[types.JSONRPCMessage]:
        """This function will yield each message when it comes, until the end."""
        while (message := self._messages.get()) is not None:
            yield message

    async def send(self, item: SessionMessage, /) -> None:
        """This function will leave what the server says to be written."""
        self.put(item.message)

    async def aclose(self) -> None:
        """This function will let the thread end behind the last message."""
        self._messages.put(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@asynccontextmanager
async def _outgoing(fd: int, scope: anyio.CancelScope) -> AsyncIterator[_Output]:
    """What writes to standard output; at the end all is written. `scope` ends when nobody reads it."""
    output, is_done = _Output(), anyio.Event()
    Thread(target=_write, args=(fd, output, is_done, scope, current_token()), daemon=True).start()
    async with output:
        yield output
    await is_done.wait()


@asynccontextmanager
async def _incoming(output: _Output) -> AsyncIterator[Receiving]:
    """The messages on standard input. The server takes each as soon as it comes, and so it waits nowhere."""
    sending, messages = anyio.create_memory_object_stream[SessionMessage | Exception](math.inf)
    loop = asyncio.get_running_loop()
    Thread(target=_deliver, args=(sys.stdin.fileno(), sending, output, loop), daemon=True).start()
    with sending, messages:
        yield messages


def _deliver(fd: int, sending: Sending, output: _Output, loop: asyncio.AbstractEventLoop) -> None:
    """Pass every message on to the server, until there is no more, or nobody to take it."""
    with suppress(*_NOBODY_THERE):
        for line in read_lines(fd):
            try:
                message = wire.read(line)
            except wire.Unreadable as unreadable:
                logger.warning("line_unreadable", reason=str(unreadable))
                if unreadable.answer:
                    output.put(unreadable.answer)
            else:
                loop.call_soon_threadsafe(_hand_over, sending, message)
        loop.call_soon_threadsafe(sending.close)


def _hand_over(sending: Sending, message: types.JSONRPCMessage) -> None:
    with suppress(*_NOBODY_THERE):
        sending.send_nowait(SessionMessage(message))


def _write(
    fd: int, output: _Output, is_done: anyio.Event, scope: anyio.CancelScope, token: EventLoopToken
) -> None:
    """Write every message as it comes, until there is no more, or nobody to read it."""
    with suppress(*_NOBODY_THERE):
        try:
            with open(fd, "wb", buffering=CHUNK_BYTES, closefd=False) as file:
                for message in output.messages():
                    file.writelines(wire.write(message))
                    file.flush()
        except BrokenPipeError:
            logger.info("client_gone")
            from_thread.run_sync(scope.cancel, token=token)
        from_thread.run_sync(is_done.set, token=token)


def read_lines(fd: int) -> Iterator[str]:
    """This function will yield the lines read from a descriptor; of one too long its start, marked as cut."""
    line = bytearray()
    while chunk := os.read(fd, CHUNK_BYTES):
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            yield _text(line + part)
            line.clear()
        if len(line) <= wire.MAX_LINE_BYTES:
            line += rest
    if line:
        yield _text(line)


def _text(line: bytearray) -> str:
    if len(line) <= wire.MAX_LINE_BYTES:
        return line.decode(errors="replace")
    return line[:CHUNK_BYTES].decode(errors="replace") + wire.CUT
