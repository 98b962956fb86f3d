"""A backup comes to be there: its files, its audit row, and last its manifest; or nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db import transaction

from audit import timeouts
from audit.work import Work
from backups import database, names
from backups.manifest import Manifest
from backups.names import BackupName
from backups.storage import Storage
from jobs.files import NewFile


def publish(
    storage: Storage,
    work: Work,
    name: BackupName,
    files: Callable[[BackupName], Mapping[str, NewFile]],
    describe: Callable[[BackupName], Manifest],
) -> Manifest:
    """This function will publish files, and what describes them, under a name or that of the next free second.

    All that the backup saw is on the server's disk before anyone sees the backup; so is its audit row.

    :raises django.db.Error, StoreFailed: nothing is there
    """
    database.flush()
    with storage.create() as note, storage.alone():
        name = _free(storage, name)
        described, published = describe(name), []
        note.write(described.encode())
        try:
            for file_name, file in files(name).items():
                published.append(file_name)
                file.publish(file_name)
            with transaction.atomic():
                timeouts.begin(flushes=True)
                _tell(work, described)
                published.append(name.manifest_file)
                note.publish(name.manifest_file)
        except BaseException:
            for file_name in reversed(published):
                storage.delete(file_name)
            raise
    return described


def _free(storage: Storage, name: BackupName) -> BackupName:
    taken = {
        stem for file in storage.names() if (stem := names.stem_of_file(file) or names.stem_of_manifest(file))
    }
    while name.stem in taken:
        name = name.later()
    return name


def _tell(work: Work, described: Manifest) -> None:
    """Write the audit row."""
    work.entry.record_id = described.file
    work.entry.record_count = min(described.record_count, 2**31 - 1)
    work.entry.changes = {
        "file": {"new": described.file},
        "sha256": {"new": described.sha256},
        "size_bytes": {"new": described.size_bytes},
    }
    work.finish()
