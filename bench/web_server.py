"""A web server in a process of its own, as it is shipped: for whoever measures it, or watches it under load."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from django.conf import settings

from bench import memory

OURS = "config.wsgi"
START_S = 60
KEPT_S = 60  # an idle connection: clients here keep theirs
_SERVE = """
import socket, sys
from importlib import import_module

module, number, workers, threads, kept_s = sys.argv[1], *map(int, sys.argv[2:])
application = import_module(module).application
from config.web import Web  # once Django is set up

listening = socket.socket(fileno=number)
web = Web(application, listening, workers, threads)
web.cfg.set("keepalive", kept_s)
web.run()
"""


@dataclass(frozen=True)
class WebServer:
    """A server that answers."""

    port: int
    pid: int

    def resident_mb(self) -> float:
        """This function will return the memory of its largest process."""
        return self._largest(memory.resident_mb)

    def peak_mb(self) -> float:
        """This function will return the most memory that one of its processes has had."""
        return self._largest(memory.peak_mb)

    def _largest(self, memory_of: Callable[[int], float]) -> float:
        workers = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        return max(memory_of(int(worker)) for worker in workers)


@contextmanager
def serving(
    environment: Mapping[str, str], *, module: str = OURS, workers: int = settings.WEB_WORKERS
) -> Iterator[WebServer]:
    """This function will serve the `application` of a module, from its first answer on, and end it.

    Its log has what it has as shipped, a line for each request, and is told where it does not answer.
    """
    with TemporaryFile() as log:
        process, port = _started(environment, module, workers, log)
        try:
            _await(port, log)
            yield WebServer(port, process.pid)
        finally:
            process.terminate()
            process.wait()


def _started(
    environment: Mapping[str, str], module: str, workers: int, log: IO[bytes]
) -> tuple[subprocess.Popen[bytes], int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = listening.fileno()
        numbers = (place, workers, settings.WEB_THREADS, KEPT_S)
        process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", _SERVE, module, *map(str, numbers)],
            cwd=settings.BASE_DIR, env=environment, pass_fds=[place], stdout=log, stderr=log,
        )  # fmt: skip
        return process, listening.getsockname()[1]


def _await(port: int, log: IO[bytes]) -> None:
    """Wait until a server answers anything; one that has ended takes no connection."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=START_S) as asking:
            asking.sendall(b"GET / HTTP/1.0\r\n\r\n")
            asking.recv(1)
    except OSError as error:
        log.seek(0)
        raise RuntimeError(f"The web server does not answer:\n{log.read().decode()}") from error
