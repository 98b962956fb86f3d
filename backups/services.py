"""Making, listing, fetching and deleting backups. Restoring and validating them are matters of their own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Final

from django.db import transaction

from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, InvalidInput
from accesscontrol.policy import Operation
from audit import plans, timeouts
from audit.operation import audited
from audit.trail import Entry
from audit.work import Work
from backups import (
    access,
    catalogue,
    chains,
    database,
    increments,
    making,
    manifest,
    names,
    publishing,
    retention,
    snapshot,
    storage,
)
from backups.catalogue import Found
from backups.errors import BackupInvalid, DependentBackups
from backups.making import ALL_SECTIONS, Plan, Section
from backups.names import BackupName
from backups.offsite import starting as copies
from backups.retention import Kept
from backups.storage import Storage
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
class Deleted:
    """A backup that is there no more."""

    deleted: bool
    file: str
    freed_bytes: int
    with_it: list[str] = field(default_factory=list)  # what built on it, and is gone too


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
        _forget_changes(place)
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


def delete_backup(
    *,
    actor: Actor,
    backup_file: str,
    chain: bool = False,
    plan_token: str | None = None,
    asks: bool = False,
) -> Deleted:
    """This function will delete a backup, with all its files; for a face that `asks` it answers with the plan.

    With `chain`, all that builds on it goes too: without it, that can't be restored.

    :raises Forbidden: the actor may not manage backups
    :raises NotFound: there is no such backup
    :raises DependentBackups: others build on it, and are not to go with it
    :raises ConfirmationRequired: with the plan, and the token by which to agree to it
    """
    work = Work("DELETE_BACKUP", actor)
    access.require_management(actor)
    place = storage.configured()
    name = names.parse(backup_file)
    with place.alone():  # nobody begins to build on what goes
        sha256, found = _sha256(place, name), catalogue.read(place)[0]
        later = _dependents(found, name.file)
        if later and not chain:
            raise DependentBackups(
                f"{len(later)} backups build on this one, and can't be restored without it.",
                hint="Delete them first, the last one before the others; or with `chain` all at once.",
                dependents=later,
            )
        plan = _deletion_plan(found, name, later)
        with database.translated(), transaction.atomic():
            timeouts.begin(actor, flushes=True)
            arguments, state = {"backup_file": name.file, "chain": chain}, {**plan, "sha256": sha256}
            plans.require(actor, "DELETE_BACKUP", arguments, state, plan, plan_token, asks=asks)
            for one in map(names.parse, later):
                _tell_of_deletion(Work("DELETE_BACKUP", actor), one, _sha256(place, one))
            _tell_of_deletion(work, name, sha256)
        freed = sum(_remove(place, names.parse(file)) for file in [*later, name.file])
    return Deleted(True, name.file, freed, later)


def _dependents(found: list[Found], file: str) -> list[str]:
    """What builds on a backup, the last one first."""
    later = [backup for backup in found if file in backup.chain]
    return [backup.file for backup in sorted(later, key=lambda one: len(one.chain), reverse=True)]


def _deletion_plan(found: list[Found], name: BackupName, later: list[str]) -> dict[str, object]:
    """What deleting a backup takes away, and what would be left."""
    others = [backup for backup in found if backup.file not in {name.file, *later}]
    alike = [b for b in others if (b.type, b.table) == (name.kind, name.table)]
    mine = next((backup for backup in found if backup.file == name.file), None)
    return {
        "file": name.file,
        "with_it": later,
        "size_bytes": sum(one.size_bytes for one in found if one.file in {name.file, *later})
        if mine
        else None,
        "record_count": mine.record_count if mine else None,
        "is_proven": bool(mine and mine.is_proven),
        "left_of_its_kind": len(alike),
        "proven_left_of_its_kind": sum(backup.is_proven for backup in alike),
    }


def expire(*, actor: Actor, now: datetime, dry_run: bool = False) -> list[str]:
    """This function will delete the backups that the rules of retention let go, and return their names, oldest first.

    A dry run returns the names only. What interrupted backups have left is swept away too.

    :raises Forbidden: the actor may not manage backups
    """
    access.require_management(actor)
    place = storage.configured()
    with place.alone():
        found, _ = catalogue.read(place)
        going = retention.expired([_kept(backup) for backup in found], now)
        depth = {backup.file: len(backup.chain) for backup in found}
        for file in [] if dry_run else sorted(going, key=depth.__getitem__, reverse=True):
            work, name = Work("DELETE_BACKUP", actor), names.parse(file)
            with database.translated(), transaction.atomic():
                timeouts.begin(actor, flushes=True)
                _tell_of_deletion(work, name, _sha256(place, name))
            _remove(place, name)
    if not dry_run:
        storage.sweep(place, now)
        _forget_changes(place)
    return going


def _forget_changes(place: Storage) -> None:
    """Take out of the log what no backup builds on any more; where one is being made, the next time."""
    with suppress(Conflict), database.translated(), snapshot.coordinator() as connection:
        chains.prune(place, connection)


def _kept(backup: Found) -> Kept:
    """A backup as the rules look at it: each table is a series, and so are the full ones."""
    series = f"{backup.type} {backup.table}"
    return Kept(backup.file, backup.created_at, backup.is_proven, series, tuple(backup.chain))


def _tell_of_deletion(work: Work, name: BackupName, sha256: str | None) -> None:
    """Write the audit row of a deletion: nothing goes before it is there."""
    work.entry.record_id = name.file
    work.entry.table_name = name.table
    work.entry.changes = {"file": {"old": name.file}, "sha256": {"old": sha256}}
    work.finish()


def _remove(place: Storage, name: BackupName) -> int:
    """Delete a backup's files, and return how many bytes they had."""
    files = (name.manifest_file, name.file, name.app_file)  # without the first it is no backup
    present = set(place.names())
    freed = sum(place.size(file) for file in files if file in present)
    for file in files:
        place.delete(file)
    return freed


def _sha256(place: Storage, name: BackupName) -> str | None:
    """What the manifest says; a backup of which it can't be read can be deleted too.

    :raises NotFound: there is no such backup
    """
    try:
        return manifest.read(place, name).sha256
    except BackupInvalid:
        return None


def _require_one_of(argument: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidInput(
            f"{argument} must be one of {', '.join(allowed)}.", argument=argument, allowed=list(allowed)
        )
