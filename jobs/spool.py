"""Messages as files, for one machine: a small broker that loses none.

A message is written under another name and then renamed, so that nobody reads half of it. Who takes it moves it into a
folder of theirs, and deletes it when the work is done; that folder has a lock which the system drops when they die, and
whoever comes next moves back what a dead one had taken.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SUFFIX: Final = ".json"
_TAKEN: Final = "taken"
_LOCK: Final = "lock"


@dataclass
class _Desk:
    """Where one process keeps what it has taken; a lock of this kind is not inherited by its children."""

    path: Path
    lock: int
    pid: int


_desks: set[Path] = (
    set()
)  # of this process, whose locks don't keep itself out, and are lost when their file is closed


class Spool:
    """The messages of a folder. Names of queues have no dot and no slash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._desk: _Desk | None = None

    def open(self) -> None:
        """This function will make the folder where it is missing.

        :raises OSError: it can't be made or used
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / _TAKEN).mkdir(mode=0o700, exist_ok=True)

    def put(self, queue: str, text: str) -> None:
        """This function will publish a message.

        :raises OSError: it can't be written; nobody sees any of it
        """
        self.open()
        name = f"{time.time_ns():020}-{uuid.uuid4()}.{queue}{_SUFFIX}"
        hidden = self.folder / f".{name}"
        try:
            descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            hidden.rename(self.folder / name)
        except BaseException:
            with contextlib.suppress(OSError):
                hidden.unlink()
            raise

    def take(self, queue: str) -> tuple[Path, str] | None:
        """This function will return the oldest message of a queue, and where it lies until it is done with."""
        for name in self._names(queue):
            taken = self._own() / name
            try:
                (self.folder / name).rename(taken)
            except FileNotFoundError:
                continue  # another was faster
            return taken, taken.read_text(encoding="utf-8")
        return None

    def finish(self, taken: Path) -> None:
        """This function will forget a message that was taken."""
        taken.unlink(missing_ok=True)

    def give_back(self, taken: Path) -> None:
        """This function will put a message that was taken back into its place."""
        with contextlib.suppress(FileNotFoundError):
            taken.rename(self.folder / taken.name)

    def size(self, queue: str) -> int:
        """This function will return how many messages of a queue wait."""
        return len(self._names(queue))

    def purge(self, queue: str) -> int:
        """This function will delete the messages of a queue that wait, and return their number."""
        names = self._names(queue)
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
        return len(names)

    def recover(self) -> int:
        """This function will put back what dead processes had taken, and return how many messages that were."""
        self.open()
        count = 0
        for desk in (self.folder / _TAKEN).iterdir():
            if desk in _desks:
                continue
            with contextlib.suppress(OSError), (desk / _LOCK).open("r+b") as lock:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for message in desk.glob(f"*{_SUFFIX}"):
                    self.give_back(message)
                    count += 1
                (desk / _LOCK).unlink()
                desk.rmdir()
        return count

    def close(self) -> None:
        """This function will give back what this process has taken, and leave."""
        desk, self._desk = self._desk, None
        if desk is None or desk.pid != os.getpid():
            return
        for message in desk.path.glob(f"*{_SUFFIX}"):
            self.give_back(message)
        with contextlib.suppress(OSError):
            (desk.path / _LOCK).unlink()
            desk.path.rmdir()
        os.close(desk.lock)
        _desks.discard(desk.path)

    def _names(self, queue: str) -> list[str]:
        """The names of the messages of a queue that wait, the oldest first."""
        end = f".{queue}{_SUFFIX}"
        try:
            found = os.listdir(self.folder)  # noqa: PTH208 - names are all that is wanted, four times a second
        except FileNotFoundError:
            return []
        return sorted(name for name in found if name.endswith(end) and not name.startswith("."))

    def _own(self) -> Path:
        """This process's own folder, which is locked before anybody else can see it."""
        if self._desk is None or self._desk.pid != os.getpid():
            self.open()
            name = f"{os.getpid()}-{uuid.uuid4()}"
            hidden = self.folder / f".{name}"
            hidden.mkdir(mode=0o700)
            lock = os.open(hidden / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.lockf(lock, fcntl.LOCK_EX)
            path = self.folder / _TAKEN / name
            _desks.add(path)
            hidden.rename(path)
            self._desk = _Desk(path, lock, os.getpid())
        return self._desk.path
