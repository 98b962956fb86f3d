"""Processes that work with the database until they are killed."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

PATIENCE_S = 20
_inherited: list[object] = []


@dataclass
class Child:
    """A forked process and the pipe that it writes lines to."""

    pid: int
    pipe: int
    _unread: bytes = b""

    def line(self) -> str:
        """Return the next line, as soon as it is there."""
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self.pipe], [], [], PATIENCE_S)
            chunk = os.read(self.pipe, 65_536) if ready else b""
            if not chunk:
                raise AssertionError("The child ended, or hangs, without an answer.")
            self._unread += chunk
        line, self._unread = self._unread.split(b"\n", 1)
        return line.decode()

    def rest(self) -> list[str]:
        """Return the whole lines that are left once the child is dead."""
        while chunk := os.read(self.pipe, 65_536):
            self._unread += chunk
        return self._unread.decode().split("\n")[:-1]

    def kill(self) -> None:
        """Kill it as the kernel does when memory runs out, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@contextmanager
def forked(work: Callable[[Callable[[str], None]], Any], url: str) -> Iterator[Child]:
    """Run `work` in a forked process that has a connection of its own to `url`; it gets what writes a line."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            _connect_to(url)
            work(lambda line: _write(write, line))
        finally:
            os._exit(1)  # not one step further: what follows in this process is the parent's business
    os.close(write)
    child = Child(pid, read)
    try:
        yield child
    finally:
        os.close(read)


def _write(pipe: int, line: str) -> None:
    os.write(pipe, f"{line}\n".encode())


def _connect_to(url: str) -> None:
    """Turn Django to `url`, without the parent's connection, nor its pool, whose threads are not here."""
    _inherited.append(connections["default"])  # kept: closing it would end the parent's session
    place = conninfo_to_dict(url)
    wrapper = connections.create_connection("default")
    wrapper.settings_dict = {
        **wrapper.settings_dict,
        "USER": place["user"],
        "PASSWORD": place["password"],
        "HOST": place["host"],
        "PORT": place["port"],
        "NAME": place["dbname"],
        "OPTIONS": {"application_name": f"child of {os.getppid()}"},
    }
    connections["default"] = wrapper
    assert settings.DATABASES["default"]["OPTIONS"]["pool"]  # the parent's are as they were
