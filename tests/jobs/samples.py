"""Kinds of jobs for tests, and a worker that knows them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accesscontrol.actor import Actor
from accesscontrol.errors import Forbidden
from jobs.kinds import register
from jobs.models import Job
from jobs.progress import Progress
from tests import databases

PATIENCE_S = 20
WORKER = """
import os, sys
import django
django.setup()
from jobs import work
import tests.jobs.samples
work.GRACE_S = float(os.environ.get("GRACE_S", work.GRACE_S))
work.run(processes=int(sys.argv[1]), with_beat=False)
"""


def wait_until(true: Callable[[], object], what: str) -> None:
    """Wait for a condition; the pause is the polling's, nothing is assumed about how long it takes."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.02)


@register("sample_echo", repeatable=True, operation="BACKUP_FULL")
def echo(actor: Actor, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Return what it was given, and leave a mark in the file it names."""
    if "file" in arguments:
        with Path(arguments["file"]).open("a") as file:
            file.write("x")
    return {"user": actor.username, "channel": str(actor.channel), "said": arguments.get("say")}


@register("sample_wait", repeatable=True, operation="BACKUP_FULL")
def wait(actor: Actor, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Tell of some progress, then work until it is cancelled or killed."""
    progress.begin("books", 100, "rows")
    progress.advance(40)
    progress.log("Half of it is done.")
    marker = Path(arguments["file"])
    try:
        while True:
            progress.check()
            time.sleep(0.02)
    finally:
        marker.write_text("tidied up")


@register("sample_stubborn", repeatable=True, operation="BACKUP_FULL")
def stubborn(actor: Actor, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Work on whatever it is told, as where the order to end was lost."""
    while True:
        with contextlib.suppress(SystemExit):
            time.sleep(1)


@register("sample_once", repeatable=False, operation="RESTORE_FULL")
def once(actor: Actor, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Do what nobody shall do again unasked."""
    return {}


@register("sample_refuse", repeatable=True, operation="BACKUP_TABLE")
def refuse(actor: Actor, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """May not."""
    raise Forbidden("You may not.", table="books")


@register("sample_crash", repeatable=True, operation="BACKUP_TABLE")
def crash(actor: Actor, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Has a bug, whose message holds a secret."""
    raise ZeroDivisionError("password=swordfish")


class Worker:
    """A real worker process on a database of the tests."""

    def __init__(self, database: str, processes: int = 1, **settings: str) -> None:
        environment = databases.environment_for(database) | {"DJANGO_SETTINGS_MODULE": "config.settings"}
        environment |= settings
        self.program = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(processes)], cwd=databases.ROOT, env=environment, process_group=0,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def kill(self) -> None:
        """End it so that it can do nothing any more, nor the processes that it has forked."""
        self.program.send_signal(signal.SIGKILL)
        self.program.communicate(timeout=PATIENCE_S)

    def stop(self) -> str:
        """End it as a service manager would, and return what it logged."""
        self.program.terminate()
        err = self.program.communicate(timeout=PATIENCE_S)[1]
        assert self.program.returncode == 0, err
        return err

    def remove(self) -> None:
        """Leave nothing behind."""
        if self.program.poll() is None:
            os.killpg(self.program.pid, signal.SIGKILL)
        self.program.communicate()


def has(job: Job, state: str) -> bool:
    """Tell whether the job's row has come to a state."""
    job.refresh_from_db()
    return job.state == state
