"""MCP over standard input and output: the protocol on both, everything else on standard error."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, contextmanager, suppress
from threading import Thread
from typing import Any

import anyio
import structlog
from anyio import from_thread
from anyio.lowlevel import EventLoopToken, current_token
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server import Server
from mcp.shared.message import SessionMessage

from mcp_bridge import wire

CHUNK_BYTES = 64 * 1024

Sending = MemoryObjectSendStream[SessionMessage]
Receiving = MemoryObjectReceiveStream[SessionMessage]

_NOBODY_THERE = (
    anyio.ClosedResourceError, anyio.BrokenResourceError, CancelledError, asyncio.CancelledError, RuntimeError,
)  # fmt: skip

logger = structlog.get_logger(__name__)


async def serve(server: Server[Any]) -> None:
    """This function will serve one client until it closes our standard input, or SIGINT or SIGTERM comes."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_on_signal, tasks.cancel_scope)
        with _own_output() as output:
            async with (
                _outgoing(output, tasks.cancel_scope) as writing,
                _incoming(writing.clone()) as reading,
            ):
                await server.run(reading, writing, server.create_initialization_options())
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
# it, when a signal comes.


@asynccontextmanager
async def _incoming(
    answering: Sending,
) -> AsyncIterator[MemoryObjectReceiveStream[SessionMessage | Exception]]:
    """The messages on standard input."""
    sending, messages = anyio.create_memory_object_stream[SessionMessage | Exception]()
    Thread(
        target=_deliver, args=(sys.stdin.fileno(), sending, answering, current_token()), daemon=True
    ).start()
    with sending, answering, messages:
        yield messages


@asynccontextmanager
async def _outgoing(fd: int, scope: anyio.CancelScope) -> AsyncIterator[Sending]:
    """Where messages for standard output are sent; at the end all are written. `scope` ends when nobody reads them."""
    sending, messages = anyio.create_memory_object_stream[SessionMessage]()
    is_done = anyio.Event()
    Thread(target=_write, args=(fd, messages, is_done, scope, current_token()), daemon=True).start()
    with messages:
        with sending:
            yield sending
        await is_done.wait()


def _deliver(
    fd: int,
    sending: MemoryObjectSendStream[SessionMessage | Exception],
    answering: Sending,
    token: EventLoopToken,
) -> None:
    """Pass every message on as the server takes it, until there is no more, or nobody to take it."""
    with suppress(*_NOBODY_THERE):
        for line in read_lines(fd):
            try:
                message = wire.read(line)
            except wire.Unreadable as unreadable:
                logger.warning("line_unreadable", reason=str(unreadable))
                if unreadable.answer:
                    from_thread.run(answering.send, SessionMessage(unreadable.answer), token=token)
            else:
                from_thread.run(sending.send, SessionMessage(message), token=token)
        from_thread.run_sync(answering.close, token=token)
        from_thread.run_sync(sending.close, token=token)


def _write(
    fd: int, messages: Receiving, is_done: anyio.Event, scope: anyio.CancelScope, token: EventLoopToken
) -> None:
    """Write every message as it comes, until there is no more, or nobody to read it."""
    with suppress(*_NOBODY_THERE):
        try:
            with open(fd, "wb", buffering=CHUNK_BYTES, closefd=False) as output, suppress(anyio.EndOfStream):
                while True:
                    output.writelines(wire.write(from_thread.run(messages.receive, token=token).message))
                    output.flush()
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
