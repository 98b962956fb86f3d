"""Gunicorn, as a part of our own process."""

from __future__ import annotations

import errno
import json
import logging
import mmap
import signal
import socket
import struct
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any, Final

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.http import get_parser  # type: ignore[import-untyped]
from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from accesscontrol.actor import Actor, Channel
from accesscontrol.api import problems
from accesscontrol.errors import InvalidInput, TooLarge
from config.companion import Companion
from config.postgresql.base import keep_in_threads

PATIENCE_S: Final = 30  # with a client that sends nothing of its request, or takes nothing of its answer
MAX_LINE_BYTES: Final = 8_190  # of a request: a method and an address; gunicorn takes no more
LEAST_BYTES_PER_S: Final = 1_000  # of a client that takes longer than that to send
START_S: Final = 0.001  # for workers with fewer connections than another, when there is one to be had

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Web(BaseApplication):  # type: ignore[misc]
    """Serves a WSGI application on a socket that listens already, until it is told to end."""

    def __init__(
        self,
        application: Callable[..., Any],
        listening: socket.socket,
        workers: int,
        threads: int,
        companions: Sequence[Companion] = (),
    ) -> None:
        self.companions = companions
        # How many connections each worker has, in memory that they share.
        self.board = memoryview(mmap.mmap(-1, workers * struct.calcsize("i"))).cast("i")
        self._application = application
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):  # of each connection: they get it from here
            listening.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", PATIENCE_S, 0))
        self._options = {
            "bind": f"fd://{listening.fileno()}",
            "workers": workers,
            "threads": threads,
            "worker_class": Worker,
            "logger_class": PlainLogger,
            "graceful_timeout": 3,
            "timeout": 60,
            "limit_request_line": MAX_LINE_BYTES,
            "control_socket_disable": True,  # it would lie outside the clone
            "proc_name": "database-admin-server",
            "pre_fork": _give_place,
            "post_fork": _in_worker,
        }
        super().__init__()

    def load_config(self) -> None:
        """Set what the constructor was given; gunicorn's own files and variables have no say."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """Return the application."""
        return self._application

    def run(self) -> None:
        """Serve; ends by SystemExit."""
        Master(self).run()


class Master(Arbiter):  # type: ignore[misc]
    """Gunicorn's master process, which loses no signal and ends with its terminal."""

    def init_signals(self) -> None:
        """Take signals from now on, and those that came before."""
        super().init_signals()
        for number in _early:
            self.signal(number, None)

    def spawn_worker(self) -> int:
        """Fork a worker; a signal meanwhile waits until each of the two knows what to do with it."""
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            return int(super().spawn_worker())
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def manage_workers(self) -> None:
        """Keep the companions running too; the web workers come first."""
        super().manage_workers()
        for companion in self.app.companions:
            companion.keep()

    def stop(self, graceful: bool = True) -> None:
        """End the companions and the workers at the same time."""
        for companion in self.app.companions:
            companion.end()
        super().stop(graceful)
        for companion in self.app.companions:
            companion.wait()

    def handle_hup(self) -> None:
        """End when the terminal is closed, where gunicorn would load the application again."""
        self.handle_term()


class Worker(ThreadWorker):  # type: ignore[misc]
    """Gunicorn's worker with threads, of which none is kept by a client that sends byte by byte.

    Whoever is quicker takes a new connection, which would leave most of those that are kept to one of the workers.
    """

    place = 0  # on the board

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, unless a worker with fewer does so within a moment."""
        if self.nr_conns > min(self.app.board):
            sleep(START_S)
        super().accept(listener)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Do what is to be done, and tell the others how many connections there are now."""
        super().wait_for_and_dispatch_events(timeout)
        self.app.board[self.place] = self.nr_conns

    def handle(self, conn: Any) -> Any:
        """Serve a connection's next request."""
        if conn.parser is None:
            conn.parser = get_parser(self.cfg, conn.sock, conn.client)
            conn.parser.unreader = Receiver(conn.sock)
        return super().handle(conn)


def write_problem(sock: socket.socket, status: int, reason: str, message: str) -> None:
    """This function will answer what can't be read as a request: in the shape of any other refusal."""
    refusal = TooLarge(message) if status in {414, 431} else InvalidInput(message)
    problem = {
        **problems.problem_of(refusal, Actor(None, Channel.API)),
        "status": status,
        "title": reason,
    }
    body = json.dumps(problem).encode()
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: {problems.MEDIA_TYPE}\r\n"
    util.write_nonblock(sock, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


util.write_error = write_problem  # there is no setting for it


class Receiver(SocketUnreader):  # type: ignore[misc]
    """What a client sends, as long as we need not wait too long for it."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._waited, self._size = 0.0, 0

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next bytes.

        :raises ConnectionResetError: they come too slowly
        """
        started = monotonic()
        data: bytes = super().chunk(size_hint)
        self._waited += monotonic() - started
        self._size += len(data)
        if self._waited > PATIENCE_S + self._size / LEAST_BYTES_PER_S:
            raise ConnectionResetError(errno.ECONNRESET, "The client sends too slowly.")
        return data


def keep_signals() -> None:
    """Keep signals that come before gunicorn is ready: its own start swallows an interrupt now and then."""
    for number in ENDING:
        signal.signal(number, lambda kept, _frame: _early.append(kept))


def _give_place(master: Arbiter, worker: Worker) -> None:
    """Give a worker that is about to be forked a place on the board that no other has."""
    taken = {other.place for other in master.WORKERS.values()}
    places = range(len(master.app.board))
    worker.place = next((place for place in places if place not in taken), places[-1])
    master.app.board[worker.place] = 0


def _in_worker(_master: Arbiter, worker: Worker) -> None:
    """Let a worker that is told to end before it has begun do so; the master's handlers would not."""
    keep_in_threads(worker.cfg.threads)
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


_early: list[int] = []


class PlainLogger(Logger):  # type: ignore[misc]
    """Hands gunicorn's lines to our own logs; requests are logged by the application."""

    def setup(self, cfg: Any) -> None:
        """Set no handler: the root logger has one."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
