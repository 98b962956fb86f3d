"""Making a backup: one snapshot, the dump of each section as a gzip member, schema app encrypted, and the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from psycopg import Connection

from accesscontrol.errors import TimedOut
from backups import capture, dumping, keys, manifest, names, programs, snapshot
from backups.encryption import Encrypted
from backups.manifest import AppFile, Manifest, Member
from backups.names import BackupName
from backups.programs import Dump, LocksTaken
from backups.reading import Facts, Reading
from backups.snapshot import Snapshot
from backups.storage import Storage
from backups.streams import Gzip, Measured
from catalog import registry
from jobs.files import NewFile
from jobs.progress import Progress

Section = Literal["pre-data", "data", "post-data"]
ALL_SECTIONS: Final[tuple[Section, ...]] = ("pre-data", "data", "post-data")
_APP: Final = ["--schema=app", *(f"--exclude-table-data={name}" for name in capture.LOGS)]
ATTEMPTS: Final = 5  # where another transaction queues for a table between our lock and pg_dump's


@dataclass(frozen=True)
class Plan:
    """What shall be backed up: all, or one table; and which parts of it."""

    table: str | None = None
    compress: bool = True
    sections: tuple[Section, ...] = ALL_SECTIONS

    @property
    def selection(self) -> str:
        """The argument of pg_dump that selects it."""
        return "--schema=public" if self.table is None else f"--table=public.{self.table}"

    @property
    def schemas(self) -> tuple[str, ...]:
        """The schemas whose tables are locked."""
        return ("app", "public") if self.table is None else ("public",)

    def read_tables(self, moment: Snapshot) -> list[str]:
        """This function will return the tables whose rows are in it."""
        return moment.of_schema("public") if "data" in self.sections else []


@dataclass(frozen=True)
class Draft:
    """A backup that is whole, and not there yet."""

    file: NewFile
    app_file: NewFile | None
    name: BackupName
    manifest: Manifest  # as it will be under this name

    def files(self, name: BackupName) -> dict[str, NewFile]:
        """This function will return its files by the names that they get."""
        return {name.file: self.file} | ({name.app_file: self.app_file} if self.app_file else {})

    def described(self, name: BackupName) -> Manifest:
        """This function will return the signed manifest of the backup under a name."""
        app = self.manifest.app
        renamed = app.model_copy(update={"file": name.app_file}) if app else None
        return self.manifest.model_copy(update={"file": name.file, "app": renamed}).sealed()


@contextmanager
def draft(plan: Plan, storage: Storage, progress: Progress) -> Iterator[Draft]:
    """This function will make a backup, and throw away at the end what was not published.

    :raises Conflict: another backup is being made
    :raises Cancelled: it is not wanted any more
    :raises TimedOut: another transaction keeps a table locked
    :raises Unavailable: the database, its program or the disk fails
    """
    with snapshot.coordinator() as connection:
        version = programs.pg_dump_version(server_version=connection.info.server_version)
        for _ in range(ATTEMPTS):
            with ExitStack() as files:
                file = files.enter_context(storage.create())
                app_file = files.enter_context(storage.create()) if plan.table is None else None
                try:
                    made = _write(plan, connection, file, app_file, version, progress)
                except LocksTaken:
                    progress.log("Another transaction wants a table for itself; once more.")
                    continue
                yield made
                return
    raise TimedOut(
        "Other transactions want tables for themselves again and again.",
        hint="Try again later.",
        outcome="none",
    )


def _write(
    plan: Plan,
    connection: Connection[Any],
    file: NewFile,
    app_file: NewFile | None,
    version: str,
    progress: Progress,
) -> Draft:
    """Write the files of one snapshot."""
    progress.begin("Locks")
    with ExitStack() as stack:
        moment = stack.enter_context(snapshot.take(connection, plan.schemas, progress, only=plan.table))
        name = names.new(
            "full" if plan.table is None else "table",
            moment.taken_at,
            table=plan.table,
            compressed=plan.compress,
        )
        # All of them now, so that each has its locks at once: the later ones wait with full pipes.
        dumps = {
            section: stack.enter_context(dumping.begin(moment, [plan.selection, f"--section={section}"]))
            for section in plan.sections
        }
        app_dump = stack.enter_context(dumping.begin(moment, _APP)) if app_file else None
        reading = stack.enter_context(Reading(moment, plan.read_tables(moment), plan.table, apps()))
        progress.begin("Dump")
        measured = Measured(file)
        members, size = _sections(dumps, measured, plan.compress, progress)
        app = _app(app_dump, app_file, name, progress) if app_dump and app_file else None
        facts = reading.result(progress)
    return Draft(file, app_file, name, _manifest(name, moment, facts, measured, members, size, version, app))


def _sections(
    dumps: Mapping[Section, Dump], measured: Measured, compress: bool, progress: Progress
) -> tuple[list[Member], int]:
    """Write each section as a member that can be read for itself, and count the bytes of their text."""
    members, size = [], 0
    for section, dump in dumps.items():
        start = measured.size
        sink = Gzip(measured) if compress else measured
        size += dumping.copy(dump, sink, progress, has_triggers=section == "post-data")
        members.append(Member(name=section, start=start, end=measured.size))
    return members, size


def _app(dump: Dump, file: NewFile, name: BackupName, progress: Progress) -> AppFile:
    """Write schema app, which holds secrets: encrypted."""
    progress.begin("Accounts and settings")
    measured, key = Measured(file), keys.newest()
    dumping.copy(dump, Gzip(Encrypted(measured, key)), progress)
    return AppFile(file=name.app_file, size_bytes=measured.size, sha256=measured.sha256, key_id=key.id)


def _manifest(
    name: BackupName,
    moment: Snapshot,
    facts: Facts,
    measured: Measured,
    members: list[Member],
    size: int,
    version: str,
    app: AppFile | None,
) -> Manifest:
    return Manifest(
        type=name.kind,
        file=name.file,
        table=name.table,
        created_at=manifest.timestamp(moment.taken_at),
        size_bytes=measured.size,
        sha256=measured.sha256,
        uncompressed_bytes=size,
        compressed=name.compressed,
        members=members,
        snapshot=moment.visible,
        position=moment.position,
        schema_fingerprint=facts.fingerprint,
        server_version=moment.server_version,
        tool_version=version,
        database=moment.database,
        system_id=moment.system_id,
        tables=facts.tables,
        sequences=facts.sequences,
        migrations=facts.migrations,
        app=app,
        chain=facts.place if name.kind == "full" else None,
    )


def apps() -> list[str]:
    """This function will return the applications whose migrations make the tables of the catalog."""
    return sorted({table.model._meta.app_label for table in registry.all_tables()})
