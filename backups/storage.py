"""Where backups are kept: a folder now; anything that can do these few things later."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from django.conf import settings

from backups import names
from jobs.files import FileStore, NewFile

GRACE: Final = timedelta(days=1)


class Storage(Protocol):
    """What a place for backups must be able to do. Names are plain ones, and a file is there whole or not at all."""

    def create(self) -> NewFile:
        """Begin a new file, which is there once it is published under a name that is free."""

    def names(self) -> list[str]:
        """Return the names of all files."""

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading; NotFound where there is none."""

    def size(self, name: str) -> int:
        """Return a file's bytes; NotFound where there is none."""

    def modified(self, name: str) -> datetime:
        """Return when a file was written; NotFound where there is none."""

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""

    def alone(self) -> AbstractContextManager[None]:
        """Wait until nobody publishes, and keep everyone from it."""

    def sweep(self) -> int:
        """Take away what dead writers have left."""


def configured() -> Storage:
    """This function will return the place that the settings name."""
    return FileStore(Path(settings.BACKUP_DIR))


def sweep(storage: Storage, now: datetime) -> int:
    """This function will take away what interrupted backups have left: half a file, or one without its manifest.

    The latter only after a day: somebody may be copying files here one by one.

    :return: how many files that were
    """
    with storage.alone():
        present = storage.names()
        whole = {stem for name in present if (stem := names.stem_of_manifest(name))}
        left = [
            name
            for name in present
            if (stem := names.stem_of_file(name))
            and stem not in whole
            and now - storage.modified(name) > GRACE
        ]
        for name in left:
            storage.delete(name)
    return len(left) + storage.sweep()
