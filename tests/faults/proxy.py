"""A server between us and PostgreSQL that cuts connections when it sees what a test waits for."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

CHUNK_BYTES = 65_536


class Cut(Enum):
    """When a connection is cut."""

    BEFORE = "before the server has the statement"
    AFTER = "after the server has answered, before we have the answer"


class Proxy:
    """Passes bytes between a socket of its own and PostgreSQL's; each connection has two threads."""

    def __init__(self, folder: Path, target: str) -> None:
        self.folder, self._target = folder, target
        self.cuts = 0
        self._marker: bytes | None = None
        self._how = Cut.BEFORE
        self._left = 0
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, marker: bytes, how: Cut, *, times: int = 1) -> None:
        """Cut the next connections, as many as `times`, on which we send what contains `marker`."""
        with self._lock:
            self._marker, self._how, self._left, self.cuts = marker, how, times, 0

    def close(self) -> None:
        """End every connection, and take no more."""
        _end(self._listener, *self._open)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                self._open += [client, server]
                is_cut = threading.Event()
                for work in (self._send, self._answer):
                    threading.Thread(target=work, args=(client, server, is_cut), daemon=True).start()

    def _send(self, client: socket.socket, server: socket.socket, is_cut: threading.Event) -> None:
        with suppress(OSError):
            while chunk := client.recv(CHUNK_BYTES):
                how = self._verdict(chunk)
                if how is Cut.BEFORE:
                    break
                if how is Cut.AFTER:
                    is_cut.set()
                server.sendall(chunk)
        if not is_cut.is_set():
            _end(client, server)

    def _answer(self, client: socket.socket, server: socket.socket, is_cut: threading.Event) -> None:
        with suppress(OSError):
            while (chunk := server.recv(CHUNK_BYTES)) and not is_cut.is_set():
                client.sendall(chunk)
        _end(client, server)

    def _verdict(self, chunk: bytes) -> Cut | None:
        with self._lock:
            if not self._left or self._marker is None or self._marker not in chunk:
                return None
            self._left -= 1
            self.cuts += 1
            return self._how


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def running(host: str, port: str) -> Iterator[Proxy]:
    """Run a proxy before the server whose socket is in the folder `host`."""
    with tempfile.TemporaryDirectory(prefix="proxy-") as folder:  # a short path, as a socket needs it
        proxy = Proxy(Path(folder), f"{host}/.s.PGSQL.{port or 5432}")
        try:
            yield proxy
        finally:
            proxy.close()
