"""Who calls: threads of this process, and agents with an MCP server in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol, Self

from django.conf import settings
from django.db import connection

from bench import memory
from mcp_bridge import call
from mcp_bridge.auth import Account
from soak import serving

Answer = dict[str, Any]  # what a tool answers, or an error object

PATIENCE_S = 60
CHUNK_BYTES = 65_536
PRELOADED = [
    "soak.serving",
    "soak.archiving",
]  # what a forked process has imported: one list, for the first who asks


class Gone(Exception):
    """The server of an agent ended before it had answered."""


class Caller(Protocol):
    """Whoever calls a tool and waits for the answer."""

    def __call__(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """This function will call a tool, and return its answer or its error object."""


class Direct:
    """Calls in this process as the server's threads make them: each with a connection from the pool, given back."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def __call__(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """This function will call a tool, and return its answer or its error object."""
        try:
            answer: Answer = json.loads(call.call_tool(self._account, {}, tool, arguments).text)
            return answer
        finally:
            connection.close()


@dataclass(frozen=True)
class Server:
    """An MCP server as a process."""

    pid: int | None
    kill: Callable[[], None]
    wait: Callable[[float], Any]


Start = Callable[[socket.socket], Server]
"""Starts a server whose standard input and output is that socket."""


def program(username: str, environment: Mapping[str, str]) -> Start:
    """This function will return what starts a server as users do, which takes seconds."""

    def start(theirs: socket.socket) -> Server:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "manage.py", "mcp_serve", "--user", username],
            cwd=settings.BASE_DIR, env=environment,
            stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return Server(process.pid, process.kill, process.wait)

    return start


def fork(username: str, url: str) -> Start:
    """This function will return what starts a server at once: forked from a process that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)

    def start(theirs: socket.socket) -> Server:
        process = context.Process(target=serving.serve, args=(theirs, username, url))
        process.start()
        return Server(process.pid, process.kill, process.join)

    return start


class Agent:
    """A client of an MCP server, which may be killed at any moment. It need not wait for one answer to ask on."""

    def __init__(self, start: Start) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._server = start(theirs)
        self._unread = b""
        self._number = 0
        self._greeting = self._send(
            "initialize",
            {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "soak", "version": "1"},
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def greet(self) -> None:
        """This function will wait until the server takes calls."""
        for number, _ in self._lines(monotonic() + PATIENCE_S):
            if number == self._greeting:
                self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})
                return
        raise Gone

    def send(self, tool: str, arguments: Mapping[str, Any]) -> int:
        """This function will ask, and return the number that the answer will have."""
        return self._send("tools/call", {"name": tool, "arguments": arguments})

    def answers(self, until: float) -> Iterator[tuple[int, Answer]]:
        """This function will yield answers, each with its number, until that moment or until the server ends."""
        for number, message in self._lines(until):
            yield number, message["result"]["structuredContent"]

    def __call__(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """This function will call a tool, and return its answer or its error object.

        :raises Gone: the server ended, or hangs
        """
        asked = self.send(tool, arguments)
        for number, answer in self.answers(monotonic() + PATIENCE_S):
            if number == asked:
                return answer
        raise Gone

    def resident_mb(self) -> float:
        """This function will return how much memory the server has now."""
        return memory.resident_mb(self._server.pid or 0)

    def kill(self) -> None:
        """This function will kill the server as the kernel does when memory runs out."""
        self._server.kill()
        self._leave()

    def _leave(self) -> None:
        """End the input of the server, and wait until it has left."""
        with self._socket, suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._server.wait(PATIENCE_S)

    def _send(self, method: str, parameters: Mapping[str, Any]) -> int:
        self._number += 1
        self._write({"jsonrpc": "2.0", "id": self._number, "method": method, "params": parameters})
        return self._number

    def _write(self, message: Mapping[str, Any]) -> None:
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise Gone from error

    def _lines(self, until: float) -> Iterator[tuple[int, dict[str, Any]]]:
        """What the server answers, by number, until that moment or its end."""
        while True:
            while b"\n" in self._unread:
                line, self._unread = self._unread.split(b"\n", 1)
                message = json.loads(line)
                yield message["id"], message
            ready, _, _ = select.select([self._socket], [], [], max(0.0, until - monotonic()))
            chunk = self._receive() if ready else b""
            if not chunk:
                return
            self._unread += chunk

    def _receive(self) -> bytes:
        with suppress(ConnectionResetError):
            return self._socket.recv(CHUNK_BYTES)
        return b""
