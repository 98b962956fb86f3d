"""A program that runs beside the web server, as long as that does."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FIRST_DELAY_S: Final = 1.0
LAST_DELAY_S: Final = 60.0
STOP_PATIENCE_S: Final = 4.0

log = logging.getLogger(__name__)


class Companion:
    """One of our commands in a process of its own; when it ends, it is started again, later each time."""

    def __init__(self, *arguments: str) -> None:
        self.name = arguments[0]
        self._command = [sys.executable, "manage.py", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._delay_s = FIRST_DELAY_S
        self._started = self._again = 0.0

    def keep(self) -> None:
        """This function will start the program where it does not run and its time has come. To be called often."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            if now - self._started > LAST_DELAY_S:
                self._delay_s = FIRST_DELAY_S
            log.error("The %s has ended; it is started again in %.0f s.", self.name, self._delay_s)
            self._again, self._process = now + self._delay_s, None
            self._delay_s = min(self._delay_s * 2, LAST_DELAY_S)
        if self._process is None and now >= self._again:
            self._started = now
            # A terminal's signals go to its own group: the web server passes on what concerns this program.
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._command,
                cwd=ROOT,
                env=os.environ | {"PARENT_PID": str(os.getpid())},  # it may begin after we have ended
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                process_group=0,
            )

    def end(self) -> None:
        """This function will tell the program to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self) -> None:
        """This function will wait until the program has ended, and kill it after some seconds."""
        if self._process is None:
            return
        try:
            self._process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
