"""Clones of the project in other places, run by other users, with programs that use their embedded server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path

import psycopg
from django.conf import settings

from config.cluster import APP_ROLE, OWNER_ROLE, Cluster

ROOT = Path(settings.BASE_DIR)
PATIENCE_S = 60
HOLD = """
import sys
from config import embedded
embedded.use()
print("ready", flush=True)
sys.stdin.read()
"""
FOREIGN = (
    "DATABASE_URL", "DATABASE_OWNER_URL", "CELERY_BROKER_URL", "ENVIRONMENT", "SECRET_KEY", "ADMIN_PASSWORD", "DEBUG",
)  # fmt: skip


def wait_until(true: Callable[[], object], what: str) -> None:
    """Wait for a condition; the pause is the polling's, nothing is assumed about how long it takes."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.01)


class Clone:
    """A copy of the working tree but for its tests, with the packages of this one, and with what it has compiled."""

    def __init__(self, path: Path, uid: int | None = None) -> None:
        self.path, self.uid = path, uid
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        names = [name for name in listed.split("\0") if name and not name.startswith("tests/")]
        compiled = [cache_from_source(name) for name in names if name.endswith(".py")]
        for name in [*names, *compiled]:
            if (ROOT / name).is_file():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(
                    ROOT / name, path / name
                )  # with its time, by which Python knows what was compiled
        if uid is not None:
            for parent, folders, files in os.walk(path):
                for name in [".", *folders, *files]:
                    os.chown(Path(parent, name), uid, uid)
        self.programs: list[subprocess.Popen[str]] = []

    @property
    def python(self) -> str:
        """An interpreter that the clone's user can run."""
        return (
            sys.executable
            if self.uid is None
            else f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
        )

    def environment(self, **more: str) -> dict[str, str]:
        """Return an environment without this session's settings."""
        clean = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        packages = sysconfig.get_path("purelib")
        return clean | {"PYTHONPATH": packages, "HOME": "/nonexistent"} | more

    def begin(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start Python in the clone, in a process group of its own, as a terminal would."""
        program = subprocess.Popen(
            [self.python, *arguments], cwd=self.path, env=self.environment(**environment), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0,
            user=self.uid, group=self.uid, extra_groups=None if self.uid is None else [],
        )  # fmt: skip
        self.programs.append(program)
        return program

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the clone to its end."""
        program = self.begin(*arguments, **environment)
        out, err = program.communicate(timeout=PATIENCE_S)
        return subprocess.CompletedProcess(program.args, program.returncode, out, err)

    def hold(self) -> subprocess.Popen[str]:
        """Start a program that uses the embedded server until its standard input ends."""
        program = self.begin("-c", HOLD)
        assert program.stdout is not None
        if program.stdout.readline() != "ready\n":
            raise AssertionError(program.communicate()[1])
        return program

    def cluster(self) -> Cluster:
        """Return the clone's cluster as the clone sees it."""
        state = json.loads((self.path / "var" / "embedded.json").read_text())
        home = self.path / "var" / "embedded" if state["uid"] is None else Path(state["home"])
        return Cluster(home, state["passwords"], state["uid"])

    def running(self) -> bool:
        """Tell whether the clone's server is alive."""
        return self.cluster().running()

    def postmaster(self) -> int:
        """Return the process id of the clone's server."""
        return int((self.cluster().data / "postmaster.pid").read_text().split()[0])

    def connect(self, role: str = APP_ROLE) -> psycopg.Connection:
        """Connect to the clone's database."""
        return psycopg.connect(self.cluster().url(role), autocommit=True)

    def write(self, text: str) -> None:
        """Put a line into the clone's database."""
        with self.connect(OWNER_ROLE) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS app.lines (line text)")
            connection.execute("INSERT INTO app.lines VALUES (%s)", [text])

    def lines(self) -> list[str]:
        """Return the lines that were put into the clone's database."""
        with self.connect() as connection:
            return [row[0] for row in connection.execute("SELECT line FROM app.lines")]

    def remove(self) -> None:
        """End what the clone started, and take away what it made elsewhere."""
        for program in self.programs:
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGKILL)
            program.communicate()
        if (self.path / "var" / "embedded.json").exists():
            cluster = self.cluster()
            cluster.stop()
            shutil.rmtree(cluster.home, ignore_errors=True)
            shutil.rmtree(cluster.socket_folder, ignore_errors=True)


def end(program: subprocess.Popen[str]) -> None:
    """Let a program that holds the server go, and wait for its end."""
    _, err = program.communicate(timeout=PATIENCE_S)
    assert (program.returncode, err) == (0, "")


def kill(program: subprocess.Popen[str]) -> None:
    """End a program so that it can do nothing any more."""
    program.kill()
    program.communicate()
