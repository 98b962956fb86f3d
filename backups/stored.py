"""A backup as it lies there: what may be believed of its manifest, and the parts of what it would restore."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from psycopg import sql

from accesscontrol.errors import NotFound
from backups import encryption, manifest, names, script, unpacking
from backups.errors import BackupInvalid
from backups.manifest import AppFile, Link, Manifest
from backups.script import ChangedKeys, Part, TableRows
from backups.storage import Storage
from catalog import registry

MAX_RATIO: Final = 100  # of a foreign file, which does not say how large it gets: text shrinks to a third


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


def _sequences(claims: Manifest) -> str:
    """What puts each sequence to where it was."""
    return "\n".join(
        sql.SQL("SELECT pg_catalog.setval({}, {}, {});")
        .format(f"public.{name}", state.last_value, state.is_called)
        .as_string()
        for name, state in claims.sequences.items()
    )
