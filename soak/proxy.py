"""A server between us and PostgreSQL that cuts connections: where it is told to, or anywhere."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from random import Random

CHUNK_BYTES = 65_536


class Cut(Enum):
    """When a connection is cut."""

    BEFORE = "before the server has the statement"
    WITHIN = "in the middle of the server's answer"
    AFTER = "after the server has answered, before we have the answer"


Judge = Callable[[bytes], Cut | None]
Pair = tuple[socket.socket, socket.socket]  # a client's and ours to the server


class Proxy:
    """Passes bytes between a socket of its own and PostgreSQL's; each connection has two threads."""

    def __init__(self, folder: Path, target: str) -> None:
        self.folder, self._target = folder, target
        self.cuts = 0
        self._judge: Judge = _let_pass
        self._lock = threading.Lock()
        self._open: set[Pair] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, marker: bytes, how: Cut, *, times: int = 1) -> None:
        """This function will cut the next connections, `times` of them, on which we send what has `marker`."""
        left = iter(range(times))

        def judge(chunk: bytes) -> Cut | None:
            return how if marker in chunk and next(left, None) is not None else None

        self.judge_by(judge)

    def judge_by(self, judge: Judge) -> None:
        """This function will let `judge` say of everything we send whether, and how, its connection is cut."""
        with self._lock:
            self._judge, self.cuts = judge, 0

    def heal(self) -> None:
        """This function will cut no more."""
        with self._lock:
            self._judge = _let_pass

    def cut_one_of(self, random: Random) -> None:
        """This function will cut an open connection, whatever happens on it."""
        with self._lock:
            pairs = list(self._open)
            self.cuts += bool(pairs)
        if pairs:
            _end(random.choice(pairs))

    def close(self) -> None:
        """This function will end every connection, and take no more."""
        _close(self._listener)
        with self._lock:
            pairs = list(self._open)
        for pair in pairs:
            _end(pair)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        """Pass bytes both ways until the connection ends, or is cut."""
        server = socket.socket(socket.AF_UNIX)
        pair = (client, server)
        hows: list[Cut | None] = [None]
        try:
            server.connect(self._target)
            with self._lock:
                self._open.add(pair)
            answering = threading.Thread(target=self._answer, args=(pair, hows), daemon=True)
            answering.start()
            self._send(pair, hows)
            answering.join()
        except OSError:
            pass  # there is no server now
        finally:
            with self._lock:
                self._open.discard(pair)
            _close(client)
            _close(server)

    def _send(self, pair: Pair, hows: list[Cut | None]) -> None:
        client, server = pair
        with suppress(OSError):
            while chunk := client.recv(CHUNK_BYTES):
                hows[0] = self._verdict(chunk) or hows[0]
                if hows[0] is Cut.BEFORE:
                    break
                server.sendall(chunk)
        if hows[0] in {None, Cut.BEFORE}:
            _end(pair)

    def _answer(self, pair: Pair, hows: list[Cut | None]) -> None:
        client, server = pair
        with suppress(OSError):
            while (chunk := server.recv(CHUNK_BYTES)) and hows[0] is None:
                client.sendall(chunk)
            if hows[0] is Cut.WITHIN:
                client.sendall(chunk[: len(chunk) // 2])
        _end(pair)

    def _verdict(self, chunk: bytes) -> Cut | None:
        with self._lock:
            how = self._judge(chunk)
            self.cuts += how is not None
            return how


def _let_pass(_chunk: bytes) -> None:
    return None


def _end(pair: Pair) -> None:
    """End a connection both ways; the sockets are closed by who reads them."""
    for end in pair:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def running(host: str, port: str) -> Iterator[Proxy]:
    """This function will run a proxy before the server whose socket is in the folder `host`."""
    with tempfile.TemporaryDirectory(prefix="proxy-") as folder:  # a short path, as a socket needs it
        proxy = Proxy(Path(folder), f"{host}/.s.PGSQL.{port or 5432}")
        try:
            yield proxy
        finally:
            proxy.close()
