"""Files in a folder of ours: whole or not there at all, and for our eyes only.

A name is a plain one, never a path; nothing here follows a link. What is being written has a name that begins with
a dot, and a lock that the system drops when its writer dies: the next sweep then takes it away.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final

from accesscontrol.errors import NotFound, Unavailable

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_NEW: Final = ".new-"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StoreFailed(Unavailable):
    """The files can't be read or written at the moment."""


class NameTaken(Exception):
    """There is a file of that name already."""


class NewFile:
    """A file that nobody sees until it is published; leaving the `with` block throws away what was not.

    It is locked by its writer as long as it is open, so that a sweep knows it from what a dead one left.
    """

    def __init__(self, store: FileStore, folder: int) -> None:
        self._store, self._folder = store, folder
        self._name = f"{_NEW}{secrets.token_hex(8)}"
        descriptor = os.open(
            self._name,
            os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW,
            0o600,
            dir_fd=folder,
        )
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self.file: BinaryIO = os.fdopen(descriptor, "w+b")

    def __enter__(self) -> NewFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self.file.close()  # what it could not flush is thrown away
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)

    def write(self, data: bytes | memoryview) -> None:
        """This function will append to the file.

        :raises StoreFailed: the disk is full, or fails
        """
        with translated():
            self.file.write(data)

    def publish(self, name: str) -> None:
        """This function will give the file its name, once all of it is on the disk. It is written no more.

        :raises NameTaken: there is a file of that name, which stays
        :raises StoreFailed: the disk is full, or fails
        """
        require_name(name)
        with translated():
            self.file.flush()
            os.fsync(self.file.fileno())
            try:
                os.link(
                    self._name, name, src_dir_fd=self._folder, dst_dir_fd=self._folder, follow_symlinks=False
                )
            except FileExistsError:
                raise NameTaken(name) from None
            os.fsync(self._folder)


class FileStore:
    """The files of one folder, which is made at the first use: 0700, and its files 0600."""

    def __init__(self, folder: Path) -> None:
        self._path = folder

    def below(self, name: str) -> FileStore:
        """This function will return the files of a folder within this one, which is there then: as private as it."""
        require_name(name)
        with translated(), self._folder():
            return FileStore(self._path / name)

    def create(self) -> NewFile:
        """This function will begin a new file, to be used in a `with` block.

        :raises StoreFailed: the folder can't be used
        """
        with translated(), self.shared():
            return NewFile(self, self._open_folder())

    def names(self) -> list[str]:
        """This function will return the names of the files that are there, in order; links and the like are none."""
        with translated(), self._folder() as folder, os.scandir(folder) as entries:
            return sorted(e.name for e in entries if is_name(e.name) and e.is_file(follow_symlinks=False))

    def open(self, name: str) -> BinaryIO:
        """This function will open a file for reading.

        :raises NotFound: there is no file of that name
        """
        require_name(name)
        with translated(), self._folder() as folder:
            try:
                descriptor = os.open(
                    name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
                )
            except OSError as error:
                if error.errno in {errno.ENOENT, errno.ELOOP, errno.ENXIO}:
                    raise NotFound("There is no such file.") from None
                raise
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise NotFound("There is no such file.")
            return os.fdopen(descriptor, "rb")

    def size(self, name: str) -> int:
        """This function will return how many bytes a file has.

        :raises NotFound: there is no file of that name
        """
        with self.open(name) as file:
            return os.fstat(file.fileno()).st_size

    def modified(self, name: str) -> datetime:
        """This function will return when a file was written.

        :raises NotFound: there is no file of that name
        """
        with self.open(name) as file:
            return datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)

    def delete(self, name: str) -> None:
        """This function will delete a file; one that is not there is none the worse.

        :raises NotFound: no file can have that name
        """
        require_name(name)
        with translated(), self._folder() as folder:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def sweep(self) -> int:
        """This function will take away what dead writers have left, and return how many files that were."""
        swept = 0
        with translated(), self.alone(), self._folder() as folder, os.scandir(folder) as entries:
            for entry in [entry for entry in entries if entry.name.startswith(_NEW)]:
                with contextlib.suppress(FileNotFoundError, BlockingIOError):
                    descriptor = os.open(entry.name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                    try:
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        os.unlink(entry.name, dir_fd=folder)
                        swept += 1
                    finally:
                        os.close(descriptor)
        return swept

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """This function will keep sweeps away while several files are published that belong together."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """This function will wait until nobody publishes, and keep everyone from it meanwhile."""
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with self._folder() as folder:
            fcntl.flock(folder, how)
            yield

    @contextlib.contextmanager
    def _folder(self) -> Iterator[int]:
        descriptor = self._open_folder()
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_folder(self) -> int:
        """Open the folder, which must be a private one of ours."""
        with contextlib.suppress(FileExistsError):
            self._path.mkdir(mode=0o700, parents=True)
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            os.close(descriptor)
            raise StoreFailed(
                f"The folder {self._path.name} is not private: it must belong to the server's account, with mode 0700."
            )
        return descriptor


def is_name(name: object) -> bool:
    """This function will say whether a file here may have that name."""
    return isinstance(name, str) and bool(_NAME.fullmatch(name))


def require_name(name: object) -> None:
    """This function will do nothing where a file here may have that name.

    :raises NotFound: it is no plain name
    """
    if not is_name(name):
        raise NotFound("There is no such file.")


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """This function will tell in our words what the disk refuses.

    :raises StoreFailed: it does
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFailed(
                "The disk is full: the file could not be written, and nothing of it is left.",
                hint="Make room, and try again.",
            ) from error
        raise StoreFailed(f"The files can't be used: {error.strerror or 'the disk fails'}.") from error
