"""A backup comes to be there: its files, its audit row, and last its manifest; or nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db import transaction

from accesscontrol.errors import Conflict
from audit import timeouts
from audit.answers import Once
from audit.work import Work
from backups import database, manifest, names
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
    *,
    may_move: bool = True,
    once: Once | None = None,
) -> Manifest:
    """This function will publish files, and what describes them, under a name or that of the next free second.

    All that the backup saw is on the server's disk before anyone sees the backup; so is its audit row. What is asked
    for `once` is published once.

    :raises Conflict: the name is taken, and it may not be another
    :raises django.db.Error, StoreFailed: nothing is there
    """
    database.flush()
    with storage.create() as note, storage.alone():
        if once is not None and (kept := once.find()):
            return manifest.read(storage, names.parse(kept.answer))
        name = _free(storage, name, may_move)
        described, published = describe(name), []
        note.write(described.encode())
        try:
            for file_name, file in files(name).items():
                published.append(file_name)
                file.publish(file_name)
            with transaction.atomic():
                timeouts.begin(work.entry.actor, flushes=True)
                if once is not None:
                    once.take()
                    once.keep(described.file)
                tell(work, described)
                published.append(name.manifest_file)
                note.publish(name.manifest_file)
        except BaseException:
            for file_name in reversed(published):
                storage.delete(file_name)
            raise
    return described


def _free(storage: Storage, name: BackupName, may_move: bool) -> BackupName:
    taken = {
        stem for file in storage.names() if (stem := names.stem_of_file(file) or names.stem_of_manifest(file))
    }
    while name.stem in taken:
        if not may_move:
            raise Conflict(f"There is a backup {name.file} already.", file=name.file)
        name = name.later()
    return name


def tell(work: Work, described: Manifest) -> None:
    """This function will write the audit row of work on a backup."""
    work.entry.record_id = described.file
    work.entry.table_name = described.table
    work.entry.record_count = min(described.record_count, 2**31 - 1)
    work.entry.changes = {
        "file": {"new": described.file},
        "sha256": {"new": described.sha256},
        "size_bytes": {"new": described.size_bytes},
    }
    work.finish()
