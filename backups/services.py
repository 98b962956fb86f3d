"""Making, listing and fetching backups. Deleting, restoring and validating them are matters of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Final

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.policy import Operation
from audit.operation import audited
from audit.trail import Entry
from audit.work import Work
from backups import (
    access,
    catalogue,
    database,
    deletion,
    increments,
    making,
    manifest,
    names,
    publishing,
    storage,
)
from backups.catalogue import Found
from backups.making import ALL_SECTIONS, Plan, Section
from backups.offsite import starting as copies
from catalog import registry
from jobs.progress import SILENT, Progress

MAX_LISTED: Final = 1_000
TYPES: Final = ("full", "incremental", "table", "foreign")
SORTS: Final = ("date", "size")


@dataclass(frozen=True)
class Made:
    """A backup that was made."""

    backup_file: str
    type: str
    table: str | None
    size_bytes: int
    tables: int
    record_count: int
    duration_ms: float
    compressed: bool
    sha256: str
    position: str | None


@dataclass(frozen=True)
class MadeIncremental:
    """An incremental backup that was made; rows are counted as they are now beside the base, whatever came between."""

    backup_file: str
    base_backup: str
    chain: list[str]  # the full backup, what builds on it, and last this one
    inserted: int
    updated: int
    deleted: int
    tables: int  # that changed
    size_bytes: int
    record_count: int  # of all tables, with what did not change
    duration_ms: float
    compressed: bool
    sha256: str
    position: str | None


@dataclass(frozen=True)
class Listing:
    """The backups that there are; `total` and `total_bytes` count those too that the limit leaves out."""

    backups: list[Found]
    total: int
    total_bytes: int
    unreadable: list[str]  # what lies among the manifests and is none


@dataclass(frozen=True)
class Download:
    """A backup's file, open for reading: whoever asked for it closes it."""

    file: BinaryIO
    name: str
    size_bytes: int


def create_full(
    *, actor: Actor, compress: bool = True, include_schema: bool = True, progress: Progress = SILENT
) -> Made:
    """This function will back up the whole catalog and, encrypted, what the application itself keeps.

    Without `include_schema` the catalog's part has the rows alone, for tables that are there already.

    :raises Forbidden: the actor may not back up every table with every column
    :raises Conflict: another backup is being made
    :raises Cancelled: it is not wanted any more; nothing is left
    :raises TimedOut, Unavailable: the database, pg_dump or the disk fails; nothing is left
    """
    work = Work("BACKUP_FULL", actor)
    access.require_all(actor, Operation.BACKUP)
    sections: tuple[Section, ...] = ALL_SECTIONS if include_schema else ("data",)
    return _create(work, Plan(None, compress, sections), progress)


def create_table(
    *,
    actor: Actor,
    table: str,
    data_only: bool = False,
    schema_only: bool = False,
    compress: bool = True,
    progress: Progress = SILENT,
) -> Made:
    """This function will back up one table with its indexes, constraints, triggers and sequence.

    :raises InvalidInput: there is no such table, or neither data nor schema would be left
    :raises Forbidden: the actor may not back it up, with every column
    :raises Conflict, Cancelled, TimedOut, Unavailable: as for a full backup
    """
    found = registry.get(table)
    work = Work("BACKUP_TABLE", actor, found.name)
    access.require_table(actor, Operation.BACKUP, found)
    if data_only and schema_only:
        raise InvalidInput("data_only and schema_only leave nothing; give one of them or neither.")
    sections: tuple[Section, ...] = ALL_SECTIONS
    if data_only:
        sections = ("data",)
    elif schema_only:
        sections = ("pre-data", "post-data")
    return _create(work, Plan(found.name, compress, sections), progress)


def create_incremental(
    *,
    actor: Actor,
    base_backup: str | None = None,
    compress: bool = True,
    progress: Progress = SILENT,
) -> MadeIncremental:
    """This function will back up what changed in all tables since another backup, by default the last one.

    :raises Forbidden: the actor may not back up every table with every column
    :raises FullBackupNeeded: what changed since then can't be told for certain
    :raises NotFound: there is no such base
    :raises Conflict: another backup is being made
    :raises Cancelled: it is not wanted any more; nothing is left
    :raises TimedOut, Unavailable: the database or the disk fails; nothing is left
    """
    work = Work("BACKUP_INCREMENTAL", actor)
    access.require_all(actor, Operation.BACKUP)
    place = storage.configured()
    place.sweep()
    with (
        database.translated(),
        increments.draft(place, base_backup, progress, compress=compress) as draft,
    ):
        made = publishing.publish(place, work, draft.name, draft.files, draft.described)
    copies.soon()
    chain = made.chain
    if chain is None or chain.parent is None:
        raise AssertionError("an incremental backup builds on another")
    changes = chain.changes.values()
    progress.log(f"{made.file}: what changed since {chain.parent.file}, {made.size_bytes} bytes.")
    return MadeIncremental(
        backup_file=made.file,
        base_backup=chain.parent.file,
        chain=[*(link.file for link in chain.before), made.file],
        inserted=sum(change.inserted for change in changes),
        updated=sum(change.updated for change in changes),
        deleted=sum(change.deleted for change in changes),
        tables=len(changes),
        size_bytes=made.size_bytes,
        record_count=made.record_count,
        duration_ms=round(work.elapsed_ms, 3),
        compressed=made.compressed,
        sha256=made.sha256,
        position=made.position,
    )


def _create(work: Work, plan: Plan, progress: Progress) -> Made:
    place = storage.configured()
    place.sweep()  # what a killed one left may be what fills the disk
    with database.translated(), making.draft(plan, place, progress) as draft:
        made = publishing.publish(place, work, draft.name, draft.files, draft.described)
    if made.type == "full":
        deletion.forget_changes(place)
    progress.log(f"{made.file}: {made.record_count} rows, {made.size_bytes} bytes.")
    copies.soon()
    return Made(
        backup_file=made.file,
        type=made.type,
        table=made.table,
        size_bytes=made.size_bytes,
        tables=len(made.tables),
        record_count=made.record_count,
        duration_ms=round(work.elapsed_ms, 3),
        compressed=made.compressed,
        sha256=made.sha256,
        position=made.position,
    )


@audited("LIST_BACKUPS")
def list_backups(
    entry: Entry,
    *,
    actor: Actor,
    type: str | None = None,  # noqa: A002 - a caller's word
    sort_by: str = "date",
    limit: int = 100,
) -> Listing:
    """This function will return the backups there are, the newest or largest first.

    :raises Forbidden: the actor may not manage backups
    :raises InvalidInput: there is no such type or order
    """
    access.require_management(actor)
    if type is not None:
        _require_one_of("type", type, TYPES)
    _require_one_of("sort_by", sort_by, SORTS)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LISTED:
        raise InvalidInput(f"limit must be a whole number from 1 to {MAX_LISTED}.", argument="limit")
    found, unreadable = catalogue.read(storage.configured())
    chosen = [backup for backup in found if type in (None, backup.type)]
    if sort_by == "size":
        chosen.sort(key=lambda backup: backup.size_bytes, reverse=True)
    entry.record_count = len(chosen[:limit])
    return Listing(chosen[:limit], len(chosen), sum(backup.size_bytes for backup in chosen), unreadable)


@audited("DOWNLOAD_BACKUP")
def open_download(entry: Entry, *, actor: Actor, backup_file: str, manifest_only: bool = False) -> Download:
    """This function will open a backup's file, or its manifest. That with accounts and secrets stays here.

    :raises Forbidden: the actor may not manage backups, or not see every column
    :raises NotFound: there is no such backup
    """
    access.require_files(actor)
    place = storage.configured()
    name = names.parse(backup_file)
    described = manifest.read(place, name)
    entry.record_id = described.file
    entry.table_name = described.table
    file = name.manifest_file if manifest_only else name.file
    return Download(place.open(file), file, place.size(file))


def _require_one_of(argument: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidInput(
            f"{argument} must be one of {', '.join(allowed)}.", argument=argument, allowed=list(allowed)
        )
