"""A Redis server for tests, on a Unix socket of its own. Without the program they are skipped, and say so."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import redis

PROGRAM = shutil.which("redis-server")
MISSING = "no redis-server on this machine: `script/bootstrap --system` installs Debian's"
PATIENCE = 1_000


def require() -> str:
    """Return the program; in continuous integration it must be there."""
    if PROGRAM is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return PROGRAM


@contextmanager
def running() -> Iterator[str]:
    """Run a server that keeps nothing on disk, and yield its URL."""
    program = require()
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "redis"
        process = subprocess.Popen(
            [
                program,
                "--port",
                "0",
                "--unixsocket",
                socket,
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                folder,
            ],
            stdout=subprocess.DEVNULL,
        )
        with process:
            try:
                url = f"unix://{quote(str(socket))}"
                _wait(process, url)
                yield url
            finally:
                process.kill()


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(PATIENCE):
        assert process.poll() is None, "redis-server has ended"
        try:
            if redis.Redis.from_url(url).ping():
                return
        except redis.ConnectionError:
            os.sched_yield()
    raise AssertionError("redis-server does not answer")
