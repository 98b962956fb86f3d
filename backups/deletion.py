"""Backups go: because somebody wants that, or because they have had their time. Never one that another builds on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime

import structlog
from django.db import transaction

from accesscontrol.actor import Actor
from accesscontrol.errors import Refused
from audit import plans, timeouts
from audit.answers import Once
from audit.work import Work
from backups import access, catalogue, chains, database, manifest, names, retention, snapshot, storage
from backups.catalogue import Found
from backups.errors import BackupInvalid, DependentBackups
from backups.names import BackupName
from backups.retention import Kept
from backups.storage import Storage

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Deleted:
    """A backup that is there no more."""

    deleted: bool
    file: str
    freed_bytes: int
    with_it: list[str] = field(default_factory=list)  # what built on it, and is gone too


def delete_backup(
    *,
    actor: Actor,
    backup_file: str,
    chain: bool = False,
    plan_token: str | None = None,
    asks: bool = False,
    once: Once | None = None,
) -> Deleted:
    """This function will delete a backup, with all its files; for a face that `asks` it answers with the plan.

    With `chain`, all that builds on it goes too: without it, that can't be restored. What is asked for `once` is done
    once.

    :raises Forbidden: the actor may not manage backups
    :raises NotFound: there is no such backup
    :raises DependentBackups: others build on it, and are not to go with it
    :raises ConfirmationRequired: with the plan, and the token by which to agree to it
    :raises Conflict: what is asked for `once` is not what was asked for under the same key
    """
    work = Work("DELETE_BACKUP", actor)
    access.require_management(actor)
    place = storage.configured()
    name = names.parse(backup_file)
    with place.alone():  # nobody begins to build on what goes
        if once is not None and (kept := once.find()):
            return Deleted(**json.loads(kept.answer))
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
        gone = Deleted(True, name.file, freed, later)
        if once is not None:
            _keep(once, gone)
    return gone


def _keep(once: Once, gone: Deleted) -> None:
    """Keep the answer once it is true: who asks again after a death before this hears that there is no such backup."""
    with database.translated(), transaction.atomic():
        once.take()
        once.keep(json.dumps(asdict(gone)))


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
        forget_changes(place)
    return going


def forget_changes(place: Storage) -> None:
    """This function will take out of the log what no backup builds on any more; where that can't be now, next time.

    Whoever has made or deleted a backup calls this when that is done: a failure takes nothing from it.
    """
    try:
        with database.translated(), snapshot.coordinator() as connection:
            chains.prune(place, connection)
    except Refused as refusal:
        logger.warning("changes_not_forgotten", error=type(refusal).__name__)


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
