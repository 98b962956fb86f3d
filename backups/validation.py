"""Finds out whether a backup is what its manifest says and, `deep`, whether it can be restored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from psycopg import Connection

from accesscontrol.actor import Actor
from audit import timeouts
from audit.work import Work
from backups import (
    access,
    database,
    loading,
    merging,
    names,
    owner,
    preflight,
    scratch,
    storage,
    stored,
    switching,
)
from backups.errors import BackupInvalid
from backups.models import Verification
from backups.preflight import Check, Step
from backups.stored import Backup
from jobs.progress import SILENT, Progress


@dataclass(frozen=True)
class Validation:
    """What was looked at, and what was found."""

    backup_file: str
    valid: bool
    deep: bool
    checks: list[Check]
    tables: int
    record_count: int
    duration_ms: float


def validate_backup(
    *, actor: Actor, backup_file: str, deep: bool = False, progress: Progress = SILENT
) -> Validation:
    """This function will look at a backup: who answers for it, its size, sha256, content and schema.

    `deep`, it is restored into a database of its own, and every table counted and compared; that database is gone
    afterwards. What is found is kept, for whoever lists the backups.

    :raises Forbidden: the actor may not manage backups
    :raises NotFound: there is no such backup
    :raises Unavailable: `deep`, and this process does not know the owner; or the database can't be reached
    :raises Cancelled: it is not wanted any more
    """
    work = Work("VALIDATE_BACKUP", actor)
    access.require_management(actor)
    file = names.parse(backup_file).file
    try:
        backup = stored.find(storage.configured(), file)
    except BackupInvalid as refusal:
        return _keep(work, None, file, [Check("manifest", False, refusal.message)], deep=deep)
    checks = [Check("manifest", True, f"of {backup.manifest.created_at}")]
    with database.translated():
        checks += preflight.checks(backup, _steps(backup, deep=deep), progress)
        if deep:
            checks += _deep(backup, checks, progress)
    return _keep(work, backup, file, checks, deep=deep)


def _steps(backup: Backup, *, deep: bool) -> Iterator[tuple[str, Step]]:
    yield "signature", preflight.trusted
    yield "size", preflight.sized
    yield "sha256", preflight.hashed
    if backup.manifest.type == "incremental":
        yield "chain", preflight.linked
    if backup.claims.app is not None:
        yield "accounts", preflight.app_hashed
    if not (deep and backup.manifest.is_signed):  # restoring one of ours reads it too
        yield "content", preflight.readable
    yield "schema", preflight.known


def _deep(backup: Backup, checks: list[Check], progress: Progress) -> Iterator[Check]:
    """Restore what has passed so far: nothing else is ever run."""
    if not all(check.ok for check in checks):
        yield Check("restore", False, "not tried: see above")
        return
    try:
        with owner.connect() as connection:
            scratch.sweep(connection)
            switching.sweep(connection)  # every day, since the newest backup is proven every day
            told = _restored(connection, backup, progress)
    except BackupInvalid as refusal:
        yield Check("restore", False, refusal.message)
    else:
        yield Check("restore", True, told)


def _restored(connection: Connection[Any], backup: Backup, progress: Progress) -> str:
    members = {member.name for member in backup.base.claims.members}
    if backup.manifest.type == "table" or (members and "pre-data" not in members):
        tables = merging.rehearse(connection, backup, progress)
        return f"the rows of {len(tables)} tables were loaded, counted and compared"
    with scratch.database(connection) as name, owner.connect(name) as other:
        _restore(other, backup, progress)
    return "restored into a database of its own: every table has its rows, its checksum and its structure"


def _restore(connection: Connection[Any], backup: Backup, progress: Progress) -> None:
    """Restore all of it, compare, and take it back: nothing of it need ever reach the disk."""
    claims = backup.claims
    with connection.transaction(force_rollback=True):
        connection.execute(owner.LIMITS)
        progress.begin("Load", backup.text_bytes or 0)
        loading.load(connection, backup.parts(), "public", progress)
        loading.require_tables(connection, backup.tables)
        loading.require_same(connection, claims.tables, progress)
        loading.require_structure(connection, claims.schema_fingerprint)
        if claims.app is not None:
            progress.begin("Accounts and settings")
            connection.execute("CREATE SCHEMA app")
            loading.load(connection, backup.app_parts(), "app", progress)


def _keep(work: Work, backup: Backup | None, file: str, checks: list[Check], *, deep: bool) -> Validation:
    """Keep what was found, together with the audit row."""
    valid = all(check.ok for check in checks)
    record_count = backup.claims.record_count if backup else 0
    work.entry.record_id = file
    work.entry.changes = {"valid": {"new": valid}, "deep": {"new": deep}, "checks": {"new": _json(checks)}}
    with database.translated(), transaction.atomic():
        timeouts.begin(work.entry.actor, flushes=True)
        if backup is not None:
            Verification.objects.create(
                sha256=backup.manifest.sha256,
                file=file,
                deep=deep,
                valid=valid,
                checks=_json(checks),
                username=work.entry.actor.username or "",
            )
        work.finish()
    return Validation(
        backup_file=file,
        valid=valid,
        deep=deep,
        checks=checks,
        tables=len(backup.claims.tables) if backup else 0,
        record_count=record_count,
        duration_ms=round(work.elapsed_ms, 3),
    )


def _json(checks: list[Check]) -> list[dict[str, Any]]:
    return [asdict(check) for check in checks]
