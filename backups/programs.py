"""The only runner of PostgreSQL's programs: found, of the right version, and gone when they are not wanted any more."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

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
    program = path_of("pg_dump")
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


class Program:
    """One program at work, to be used in a `with` block, at whose end it is gone, however that comes."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        environment: Mapping[str, str],
        stdout: int = subprocess.DEVNULL,
    ) -> None:
        self._name = name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(  # noqa: S603 - our own list, no shell
            [path_of(name), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=self._errors,
            env=environment,
            cwd="/",
            start_new_session=True,
            pipesize=BLOCK_BYTES,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._end()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def finish(self, progress: Progress) -> None:
        """This function will wait until the program has done its work, and watch meanwhile that it is still wanted.

        :raises Cancelled: it is not
        :raises ProgramFailed: it ended without having done its work
        """
        status = None
        while status is None:
            progress.check()
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._process.wait(_POLL_MS / 1000)
        self._require_done()

    def _require_done(self) -> None:
        status = self._process.wait()
        if status == 0:
            return
        self._errors.seek(0)
        said = self._errors.read(4_000).decode(errors="replace")
        self._explain(said)
        _logger.error("program_failed", program=self._name, status=status, said=said)
        raise ProgramFailed(
            f"{self._name} ended before its work was done (status {status}); nothing was left behind.",
            hint="The server's log has what it said.",
        )

    def _explain(self, said: str) -> None:
        """Raise what is better than "it failed"; what the program said is known to mean it."""

    def _end(self) -> None:
        """Ask the whole group to end, then end it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE_S)
                return


class Dump(Program):
    """One pg_dump at work."""

    def __init__(self, arguments: Sequence[str]) -> None:
        super().__init__("pg_dump", arguments, database.environment(), subprocess.PIPE)

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

    def _explain(self, said: str) -> None:
        if "LOCK TABLE" in said:
            raise LocksTaken


def path_of(name: str) -> Path:
    """This function will return where a program of PostgreSQL is."""
    return Path(settings.POSTGRESQL_BIN) / name
