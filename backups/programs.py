"""The only runner of pg_dump: found, of the right version, and gone when it is not wanted any more."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import structlog
from django.conf import settings

from accesscontrol.errors import Unavailable
from backups import database
from backups.errors import ProgramFailed
from jobs.progress import Progress

BLOCK_BYTES: Final = 1 << 20
_POLL_MS: Final = 250
_PATIENCE_S: Final = 2
_VERSION: Final = re.compile(r"\(PostgreSQL\) ((\d+)[.\w]*)")

_logger = structlog.get_logger(__name__)


class LocksTaken(Exception):
    """The program waited for a table that another transaction has locked; with a new snapshot it may work."""


def pg_dump_version(*, server_version: int) -> str:
    """This function will return the version of pg_dump, once it is known that it will do for the server.

    :raises Unavailable: there is none, or it is older than the server
    """
    program = _program("pg_dump")
    try:
        said = subprocess.run(  # noqa: S603 - our own list, no shell
            [program, "--version"], capture_output=True, text=True, check=True, env={"LC_ALL": "C"}
        ).stdout
        found = _VERSION.search(said)
    except (OSError, subprocess.CalledProcessError) as error:
        _logger.warning("pg_dump_cannot_be_run", program=str(program), error=str(error))
        found = None
    if found is None:
        raise Unavailable("pg_dump can't be run.", hint="Set POSTGRESQL_BIN to the folder that has it.")
    if int(found[2]) < server_version // 10_000:
        raise Unavailable(
            f"pg_dump is of PostgreSQL {found[1]}, older than the server ({server_version // 10_000}),"
            " which it can't read.",
            hint="Set POSTGRESQL_BIN to the programs of the server's version or newer.",
        )
    return found[1]


class Dump:
    """One pg_dump at work, to be used in a `with` block, at whose end it is gone, however that comes."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(  # noqa: S603 - our own list, no shell
            [_program("pg_dump"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=database.environment(),
            cwd="/",
            start_new_session=True,
            pipesize=BLOCK_BYTES,
        )

    def __enter__(self) -> Dump:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._end()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def blocks(self, progress: Progress) -> Iterator[bytes]:
        """This function will yield what the program writes, and watch meanwhile that it is still wanted.

        :raises Cancelled: it is not
        :raises LocksTaken: another transaction keeps it from a table
        :raises ProgramFailed: it ended without having done its work
        """
        if self._process.stdout is None:
            raise ProgramFailed
        descriptor = self._process.stdout.fileno()
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        while True:
            progress.check()
            if not waiting.poll(_POLL_MS):
                continue
            block = os.read(descriptor, BLOCK_BYTES)
            if not block:
                break
            progress.advance(len(block))
            yield block
        self._require_done()

    def _require_done(self) -> None:
        status = self._process.wait()
        if status == 0:
            return
        self._errors.seek(0)
        said = self._errors.read(4_000).decode(errors="replace")
        if "LOCK TABLE" in said:
            raise LocksTaken
        _logger.error("pg_dump_failed", status=status, said=said)
        raise ProgramFailed(
            f"pg_dump ended before its work was done (status {status}); nothing was left behind.",
            hint="The server's log has what it said.",
        )

    def _end(self) -> None:
        """Ask the whole group to end, then end it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE_S)
                return


def _program(name: str) -> Path:
    return Path(settings.POSTGRESQL_BIN) / name
