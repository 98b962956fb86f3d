"""Restoring backups: the whole catalog, made what it was or merged; or one table, merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from django.db import transaction
from psycopg import Connection, sql

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.policy import Operation
from audit import plans, timeouts
from audit.work import Work
from backups import (
    access,
    database,
    gate,
    merging,
    owner,
    planning,
    preflight,
    services,
    storage,
    stored,
    switching,
)
from backups.merging import ON_CONFLICT
from backups.stored import Backup
from catalog import registry
from catalog.table import Table
from jobs.progress import SILENT, Progress

_LIVE: Final = """
SELECT c.relname FROM pg_catalog.pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relname = ANY(%s)
"""


@dataclass(frozen=True)
class Restored:
    """What a restore did, or would do; `tables` says how many rows of which it wrote, skipped and overwrote."""

    backup_file: str
    restored_tables: int
    record_count: int
    skipped: int
    overwritten: int
    safety_backup: str | None
    duration_ms: float
    dry_run: bool = False
    table: str | None = None
    change_id: str | None = None  # by which a merge can be undone
    tables: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def restore_full(
    *,
    actor: Actor,
    backup_file: str,
    drop_existing: bool = False,
    on_conflict: str = "error",
    dry_run: bool = False,
    plan_token: str | None = None,
    safety_backup: bool = True,
    asks: bool = False,
    progress: Progress = SILENT,
) -> Restored:
    """This function will bring the catalog back from a full backup.

    With `drop_existing` it becomes what the backup holds, in one transaction, and a new epoch begins. Without, the
    backup's records are merged into those that are there: one that is there with other values is an error, or is kept
    (`skip`), or is overwritten. Accounts, roles, keys and schedules stay those of now; the audit trail goes on. For a
    face that `asks` it answers with the plan.

    :raises Forbidden: the actor may not restore every table with every column
    :raises NotFound: there is no such backup
    :raises BackupInvalid: it is not signed by us nor trusted, was changed, or is not what it should be
    :raises TrailDiffers: the audit trail was changed since the backup was made
    :raises Conflict: another restore is at work, or the catalog has something else in it
    :raises TimedOut: the catalog was in use for too long
    :raises Unavailable: this process does not know the owner, or the database can't be reached
    :raises Cancelled: it is not wanted any more; nothing was changed
    :raises ConfirmationRequired: with the plan, and the token by which to agree to it
    """
    work = Work("RESTORE_FULL", actor)
    access.require_all(actor, Operation.RESTORE)
    _require_way(on_conflict)
    backup = _found(backup_file, progress)
    if backup.manifest.type == "table":
        raise InvalidInput("This is the backup of one table.", hint="Restore it with restore_table.")
    if drop_existing:
        _require_structure(backup)
        if dry_run:
            return _only_planned(work, backup)
    work.entry.record_id = backup.manifest.file
    if not dry_run:
        arguments = {
            "backup_file": backup.manifest.file,
            "drop_existing": drop_existing,
            "on_conflict": on_conflict,
        }
        plan = (
            planning.full(backup) if drop_existing else planning.merge(backup, registry.names(), on_conflict)
        )
        _require_agreed(actor, "RESTORE_FULL", arguments, backup, plan, plan_token, asks=asks)
    with database.translated(), owner.connect() as connection, gate.only_one(connection):
        if drop_existing:
            return _replace(connection, backup, work, progress, saves=safety_backup)
        tables = [table for table in registry.load_order() if not table.append_only]
        saves = safety_backup and not dry_run
        return _merge(connection, backup, work, tables, on_conflict, progress, saves=saves, dry_run=dry_run)


def restore_table(
    *,
    actor: Actor,
    backup_file: str,
    table: str,
    on_conflict: str = "error",
    dry_run: bool = False,
    plan_token: str | None = None,
    safety_backup: bool = True,
    asks: bool = False,
    progress: Progress = SILENT,
) -> Restored:
    """This function will merge the records that a backup has of one table into those that are there.

    None is deleted, and whatever refers to one still does. The change has versions, and can be undone. For a face that
    `asks` it answers with the plan.

    :raises InvalidInput: there is no such table
    :raises ReadOnlyTable: nobody writes it, but a restore of the whole
    :raises Forbidden: the actor may not restore it, with every column
    :raises NotFound: there is no such backup, or it has no rows of the table
    :raises DuplicateKey: a record is there with other values, and `on_conflict` is error; or breaks a uniqueness rule
    :raises ForeignKeyViolation: a record would refer to one that is not there
    :raises BackupInvalid, Conflict, TimedOut, Unavailable, Cancelled, ConfirmationRequired: as for a full restore
    """
    found = registry.get(table)
    work = Work("RESTORE_TABLE", actor, found.name)
    access.require_table(actor, Operation.RESTORE, found)
    _require_way(on_conflict)
    backup = _found(backup_file, progress)
    work.entry.record_id = backup.manifest.file
    if not dry_run:
        arguments = {"backup_file": backup.manifest.file, "table": found.name, "on_conflict": on_conflict}
        plan = planning.merge(backup, [found.name], on_conflict)
        _require_agreed(actor, "RESTORE_TABLE", arguments, backup, plan, plan_token, asks=asks)
    with database.translated(), owner.connect() as connection, gate.only_one(connection):
        saves = safety_backup and not dry_run
        return _merge(
            connection, backup, work, [found], on_conflict, progress, saves=saves, dry_run=dry_run, only=found
        )


def _require_way(on_conflict: str) -> None:
    if on_conflict not in ON_CONFLICT:
        raise InvalidInput(
            f"on_conflict must be one of {', '.join(ON_CONFLICT)}.",
            argument="on_conflict",
            allowed=list(ON_CONFLICT),
        )


def _require_agreed(
    actor: Actor,
    operation: str,
    arguments: Mapping[str, Any],
    backup: Backup,
    plan: Mapping[str, Any],
    token: str | None,
    *,
    asks: bool,
) -> None:
    """Answer with the plan first."""
    with database.translated(), transaction.atomic():
        timeouts.begin(actor, flushes=True)
        plans.require(actor, operation, arguments, backup.manifest.sha256, plan, token, asks=asks)


def _found(backup_file: str, progress: Progress) -> Backup:
    """The backup, once it is known to be ours and whole."""
    backup = stored.find(storage.configured(), backup_file)
    preflight.require(backup, progress)
    preflight.known(backup, progress)
    return backup


def _require_structure(backup: Backup) -> None:
    members = [member.name for member in backup.base.claims.members]
    if members and "pre-data" not in members:
        raise InvalidInput(
            "The backup has rows alone, and no tables to put in the place of those that are there.",
            hint="Restore it without drop_existing.",
        )


def _replace(
    connection: Connection[Any], backup: Backup, work: Work, progress: Progress, *, saves: bool
) -> Restored:
    """Make the catalog what the backup holds."""
    warnings = _warn_of_schema(backup)
    switching.sweep(connection)
    saved = _save(connection, work.entry.actor, progress) if saves else None
    work.entry.client_info = {"safety_backup": saved}
    switched = switching.switch(connection, backup, work, progress)
    if switching.sweep(connection):
        warnings.append(
            "The former tables are still being read; the next restore, or sweep, takes them away."
        )
    rows = backup.claims.tables
    return Restored(
        backup_file=backup.manifest.file,
        restored_tables=len(switched.tables),
        record_count=backup.claims.record_count,
        skipped=0,
        overwritten=0,
        safety_backup=saved,
        duration_ms=round(work.elapsed_ms, 3),
        tables=[{"table": name, "restored": rows[name].rows} for name in switched.tables if name in rows],
        warnings=warnings,
    )


def _merge(
    connection: Connection[Any],
    backup: Backup,
    work: Work,
    tables: Sequence[Table],
    on_conflict: str,
    progress: Progress,
    *,
    saves: bool,
    dry_run: bool,
    only: Table | None = None,
) -> Restored:
    """Merge the backup's records into those that are there."""
    saved = _save(connection, work.entry.actor, progress, only) if saves else None
    work.entry.client_info = {"safety_backup": saved} if saved else {}
    work.entry.change_id, work.entry.dry_run = uuid4(), dry_run
    merged = merging.merge(connection, backup, work, tables, on_conflict, progress)
    if dry_run:
        with database.translated(), transaction.atomic():
            timeouts.begin(work.entry.actor, flushes=True)
            work.finish()
    return Restored(
        backup_file=backup.manifest.file,
        restored_tables=len(merged),
        record_count=sum(one.inserted + one.overwritten for one in merged),
        skipped=sum(one.skipped for one in merged),
        overwritten=sum(one.overwritten for one in merged),
        safety_backup=saved,
        duration_ms=round(work.elapsed_ms, 3),
        dry_run=dry_run,
        table=only.name if only else None,
        change_id=None if dry_run else str(work.entry.change_id),
        tables=[one.as_dict() for one in merged],
    )


def _only_planned(work: Work, backup: Backup) -> Restored:
    """What making the catalog what the backup holds would come to."""
    plan = planning.full(backup)
    work.entry.dry_run, work.entry.record_id = True, backup.manifest.file
    with database.translated(), transaction.atomic():
        timeouts.begin(work.entry.actor, flushes=True)
        work.finish()
    return Restored(
        backup_file=backup.manifest.file,
        restored_tables=len(plan["tables"]),
        record_count=backup.claims.record_count,
        skipped=0,
        overwritten=0,
        safety_backup=None,
        duration_ms=round(work.elapsed_ms, 3),
        dry_run=True,
        tables=plan["tables"],
        warnings=_warn_of_schema(backup),
    )


def _warn_of_schema(backup: Backup) -> list[str]:
    said = preflight.known(backup, SILENT)
    return [f"The schema of the backup is {said}."] if said.startswith("older") else []


def _save(
    connection: Connection[Any], actor: Actor, progress: Progress, only: Table | None = None
) -> str | None:
    """Back up what is there now, unless there is nothing, and return the backup's name."""
    if not _holds_something(connection):
        return None
    progress.log("First a backup of what is there now.")
    if only is not None:
        return services.create_table(actor=actor, table=only.name, progress=progress).backup_file
    return services.create_full(actor=actor, progress=progress).backup_file


def _holds_something(connection: Connection[Any]) -> bool:
    """Whether there is a record that did not come with the tables."""
    given = [table.name for table in registry.all_tables() if table.read_only]
    names = [name for (name,) in connection.execute(_LIVE, [given])]
    if not names:
        return False
    some = sql.SQL(" UNION ALL ").join(
        sql.SQL("(SELECT 1 FROM {} LIMIT 1)").format(sql.Identifier("public", name)) for name in names
    )
    return connection.execute(sql.SQL("SELECT EXISTS ({})").format(some)).fetchone() == (True,)
