"""MCP over standard input and output: the protocol on both, everything else on standard error."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from threading import Thread
from typing import Any, cast

import anyio
import structlog
from anyio import AsyncFile, from_thread
from anyio.lowlevel import EventLoopToken, current_token
from anyio.streams.memory import MemoryObjectSendStream
from mcp.server import Server
from mcp.server.stdio import stdio_server

MAX_LINE_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 64 * 1024

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

logger = structlog.get_logger(__name__)


async def serve(server: Server[Any]) -> None:
    """This function will serve one client until it closes our standard input, or SIGINT or SIGTERM comes."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_on_signal, tasks.cancel_scope)
        try:
            async with _incoming() as lines, stdio_server(stdin=lines) as (reading, writing):
                await server.run(reading, writing, server.create_initialization_options())
        except* BrokenPipeError:
            logger.info("client_gone")
        tasks.cancel_scope.cancel()


async def _end_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


@asynccontextmanager
async def _incoming() -> AsyncIterator[AsyncFile[str]]:
    """The lines of standard input, read by a daemon thread.

    A thread of the SDK's own would wait for input for ever, and the process for it, when a signal comes.
    """
    sending, lines = anyio.create_memory_object_stream[str]()
    thread = Thread(target=_deliver, args=(sys.stdin.fileno(), sending, current_token()), daemon=True)
    thread.start()
    with sending, lines:
        yield cast("AsyncFile[str]", lines)  # all that stdio_server does with a file is to iterate


def _deliver(fd: int, sending: MemoryObjectSendStream[str], token: EventLoopToken) -> None:
    """Pass every line on as the server takes it, until there is no more, or nobody to take it."""
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, RuntimeError):
        for line in read_lines(fd):
            from_thread.run(sending.send, readable(line), token=token)
        from_thread.run_sync(sending.close, token=token)


def readable(line: str) -> str:
    """This function will return a line with a NUL for each lone surrogate, which the SDK drops without an answer.

    Neither can be stored: a call that has one is refused by the same check, with the column's name.
    """
    if not _SURROGATE.search(line):
        return line
    try:
        request = json.loads(line)
        text = json.dumps(request, ensure_ascii=False)
    except (ValueError, RecursionError):
        return line
    if not isinstance(request, dict) or not isinstance(request.get("id"), int):
        return line  # nobody could tell what it answers
    return _LONE_SURROGATE.sub(r"\\u0000", text)


def read_lines(fd: int) -> Iterator[str]:
    """This function will yield the lines read from a descriptor; one above 16 MiB is dropped, and logged."""
    line = bytearray()
    while chunk := os.read(fd, CHUNK_BYTES):
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            if len(line) + len(part) <= MAX_LINE_BYTES:
                yield (line + part).decode(errors="replace")
            else:
                logger.warning("line_too_long", maximum_bytes=MAX_LINE_BYTES)
            line.clear()
        if len(line) <= MAX_LINE_BYTES:
            line += rest
    if 0 < len(line) <= MAX_LINE_BYTES:
        yield line.decode(errors="replace")
