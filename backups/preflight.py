"""What is looked at before anything of a backup reaches a database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from django.db.migrations.loader import MigrationLoader

from accesscontrol.errors import NotFound
from backups import unpacking
from backups.errors import BackupInvalid
from backups.models import Trust
from backups.script import TableRows
from backups.stored import Backup
from catalog import registry
from jobs.progress import SILENT, Progress

RESTORED_APPS: Final = frozenset(
    table.model._meta.app_label for table in registry.all_tables() if not table.append_only
)
"""Whose migrations a restore takes back too: all tables of theirs are restored."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


def require(backup: Backup, progress: Progress = SILENT, *, with_app: bool = False) -> None:
    """This function will do nothing where the file is ours, or trusted, and whole.

    What we have not signed is read to its end, too, before any of it is believed.

    :raises BackupInvalid: it is not
    """
    steps = [trusted, sized, hashed, linked]
    if with_app:
        steps.append(app_hashed)
    if not backup.manifest.is_signed:
        steps.append(readable)
    for step in steps:
        step(backup, progress)


Step = Callable[[Backup, Progress], str]


def trusted(backup: Backup, _: Progress) -> str:
    """This function will say who answers for the file.

    :raises BackupInvalid: nobody does
    """
    if backup.manifest.is_signed:
        return "signed with a key of ours"
    trust = Trust.objects.filter(sha256=backup.manifest.sha256).first()
    if trust is None:
        raise BackupInvalid(
            "Nobody answers for this file: it is not signed with a key of ours, or was changed since.",
            hint="If it was signed with an older key, add that to BACKUP_KEY.",
        )
    return f"not signed, but trusted by {trust.username}"


def sized(backup: Backup, _: Progress) -> str:
    """This function will say how large the file is, as its manifest does.

    :raises BackupInvalid: it is of another size, or not there
    """
    return _sized(backup, backup.manifest.file, backup.manifest.size_bytes)


def hashed(backup: Backup, progress: Progress) -> str:
    """This function will say that the file has the sha256 that its manifest names.

    :raises BackupInvalid: it has another
    """
    return _hashed(backup, backup.manifest.file, backup.manifest.sha256, progress)


def linked(backup: Backup, progress: Progress) -> str:
    """This function will say that all backups that it builds on are there, as they were.

    :raises BackupInvalid: one is not
    """
    before = backup.chain[:-1]
    for one in before:
        sized(one, progress)
        hashed(one, progress)
    if not before:
        return "builds on no other"
    return f"builds on {len(before)}, beginning with {before[0].manifest.file}: all there, as they were"


def app_hashed(backup: Backup, progress: Progress) -> str:
    """This function will say that the file with the accounts is the one that the manifest names.

    :raises BackupInvalid: it is another, or there is none
    """
    app = backup.app_file
    _sized(backup, app.file, app.size_bytes)
    return _hashed(backup, app.file, app.sha256, progress)


def readable(backup: Backup, progress: Progress) -> str:
    """This function will read the whole script, of which nothing is run, and say what is in it.

    :raises BackupInvalid: it can't be unpacked, is not of the declared size, or is no dump
    """
    progress.begin("Read", backup.claims.uncompressed_bytes or 0)
    tables, size = 0, 0
    for part in backup.parts():
        progress.check()
        if isinstance(part, TableRows):
            tables += 1
            for block in part.blocks:
                progress.check()
                progress.advance(len(block))
                size += len(block)
    return f"a dump of {tables} tables, {size} bytes of rows"


def known(backup: Backup, _: Progress) -> str:
    """This function will say which schema the backup has, by the migrations that made it.

    :raises BackupInvalid: a newer version of this program made it
    """
    applied = {(app, name) for app, name in backup.claims.migrations if app in RESTORED_APPS}
    ours = {key for key in MigrationLoader(None).disk_migrations if key[0] in RESTORED_APPS}
    if unknown := sorted(applied - ours):
        raise BackupInvalid(
            f"The backup was made by a newer version of this program: it has the migration {unknown[0][1]}.",
            hint="Update the program first.",
        )
    if not applied:
        return "not said"
    return (
        "as this program makes it" if applied == ours else "older: `manage.py migrate` brings it up to date"
    )


def checks(backup: Backup, steps: Iterator[tuple[str, Step]], progress: Progress) -> Iterator[Check]:
    """This function will look at one thing after the other, and yield what it found."""
    for name, step in steps:
        try:
            yield Check(name, True, step(backup, progress))
        except (BackupInvalid, NotFound) as refusal:  # NotFound: the file, whose manifest is there
            yield Check(name, False, refusal.message)


def _sized(backup: Backup, file: str, declared: int) -> str:
    try:
        size = backup.storage.size(file)
    except NotFound:
        raise BackupInvalid("The backup's file is not there, though its manifest is.") from None
    if size != declared:
        raise BackupInvalid(f"The file has {size} bytes, and should have {declared}.")
    return f"{size} bytes"


def _hashed(backup: Backup, file: str, declared: str, progress: Progress) -> str:
    digest = hashlib.sha256()
    progress.begin("Check", backup.manifest.size_bytes)
    with backup.storage.open(file) as source:
        while block := source.read(unpacking.BLOCK_BYTES):
            progress.check()
            progress.advance(len(block))
            digest.update(block)
    if digest.hexdigest() != declared:
        raise BackupInvalid("The file was changed since it was made: its sha256 is another.")
    return declared
