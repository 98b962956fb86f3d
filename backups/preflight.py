"""What is looked at before anything of a backup reaches a database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from accesscontrol.errors import NotFound
from backups import encryption, manifest, names, script, unpacking
from backups.errors import BackupInvalid
from backups.manifest import AppFile, Link, Manifest
from backups.models import Trust
from backups.script import ChangedKeys, Part, TableRows
from backups.storage import Storage
from catalog import registry
from jobs.progress import SILENT, Progress

MAX_RATIO: Final = 100  # of a foreign file, which does not say how large it gets: text shrinks to a third
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


@dataclass(frozen=True)
class Backup:
    """A backup as it lies there, and what may be believed of its manifest."""

    storage: Storage
    manifest: Manifest

    @property
    def claims(self) -> Manifest:
        """The manifest, if we signed it; of another, only which file it is."""
        found = self.manifest
        if found.is_signed:
            return found
        unknown: dict[str, Any] = {
            "tables": {},
            "sequences": {},
            "migrations": [],
            "app": None,
            "members": [],
            "chain": None,
        }
        return found.model_copy(
            update={**unknown, "uncompressed_bytes": None, "schema_fingerprint": None, "server_version": None}
        )

    @cached_property
    def chain(self) -> list[Backup]:
        """What must be restored one after the other to have it: a full backup, the changes since, and last itself.

        :raises BackupInvalid: one is not there, or is another than it was
        """
        links = self.claims.chain.before if self.claims.chain else []
        return [*(self._linked(link) for link in links), self]

    @property
    def base(self) -> Backup:
        """The full backup that it begins with, which may be itself."""
        return self.chain[0]

    def _linked(self, link: Link) -> Backup:
        try:
            found = manifest.read(self.storage, names.parse(link.file))
        except NotFound:
            raise BackupInvalid(f"It builds on {link.file}, which is not there.") from None
        if found.sha256 != link.sha256 or not found.is_signed:
            raise BackupInvalid(f"It builds on {link.file}, which is not what it was then.")
        return Backup(self.storage, found)

    @property
    def text_bytes(self) -> int | None:
        """How long the scripts are that it is restored from, if that is known."""
        sizes = [one.claims.uncompressed_bytes for one in self.chain]
        return None if None in sizes else sum(filter(None, sizes))

    @property
    def tables(self) -> list[str]:
        """The tables that it must bring: those that it says, or those that we know."""
        return list(self.claims.tables or registry.names())

    def blocks(self) -> Iterator[bytes]:
        """This function will yield the script that the file holds.

        :raises BackupInvalid: it can't be unpacked, or is not of the size that was declared
        """
        declared = self.claims.uncompressed_bytes
        limit = self.manifest.size_bytes * MAX_RATIO if declared is None else declared
        with self.storage.open(self.manifest.file) as file:
            source = unpacking.unzipped(file) if self.manifest.compressed else file
            yield from unpacking.bounded(source, limit, is_exact=declared is not None)

    def parts(self) -> Iterator[Part]:
        """This function will yield the parts of the script; of a chain, all that they come to.

        What a full backup has behind its rows (indexes, rules, triggers) comes behind the changes.

        :raises BackupInvalid: pg_dump would not have written that
        """
        if self.base is self:
            yield from script.parts(self.blocks())
            return
        waiting: str | None = None
        for part in script.parts(self.base.blocks()):
            if waiting is not None:
                yield waiting
            waiting = part if isinstance(part, str) else None
            if waiting is None:
                yield part
        for later in self.chain[1:]:
            yield from later.changes()
        if waiting is not None:
            yield waiting
        yield _sequences(self.claims)

    def changes(self) -> Iterator[TableRows]:
        """This function will yield the keys that an incremental backup takes away, and the rows that it brings.

        :raises BackupInvalid: we would not have written that
        """
        chain = self.claims.chain
        for table, changes in (chain.changes if chain else {}).items():
            if changes.keys is None:
                yield ChangedKeys(table, (), iter(()))
        yield from script.changes(self.blocks())

    def app_parts(self) -> Iterator[Part]:
        """This function will yield the parts of the script of schema app.

        :raises BackupInvalid: it was changed, or no key of ours opens it
        """
        with self.storage.open(self.app_file.file) as file:
            yield from script.parts(unpacking.inflated(encryption.decrypted(file)), "app")

    @property
    def app_file(self) -> AppFile:
        """The encrypted file of schema app; of an incremental backup, that of the full one.

        :raises BackupInvalid: it has none
        """
        app = self.base.claims.app
        if app is None:
            raise BackupInvalid("The backup has no accounts in it: only a full one of ours has.")
        return app


def find(storage: Storage, backup_file: str) -> Backup:
    """This function will return the backup of that name.

    :raises NotFound: there is none
    :raises BackupInvalid: its manifest is none
    """
    return Backup(storage, manifest.read(storage, names.parse(backup_file)))


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


def _sequences(claims: Manifest) -> str:
    """What puts each sequence to where it was."""
    return "\n".join(
        sql.SQL("SELECT pg_catalog.setval({}, {}, {});")
        .format(f"public.{name}", state.last_value, state.is_called)
        .as_string()
        for name, state in claims.sequences.items()
    )


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
