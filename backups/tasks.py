"""The kinds of jobs about backups, and when they are run by themselves. Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.urls import reverse
from django.utils import timezone

from accesscontrol.actor import Actor
from accesscontrol.errors import NotFound
from backups import deletion, restoring, services, validation, watching
from backups.errors import FullBackupNeeded
from backups.offsite import tasks as offsite_tasks  # noqa: F401 - its kinds are ours
from backups.pitr import tasks as pitr_tasks  # noqa: F401 - its kinds are ours
from jobs import kinds, schedule
from jobs.models import Job
from jobs.progress import Progress


def backup_of(job: Job) -> dict[str, str]:
    """This function will return where programs find the backup that a job has made, or looked at."""
    file = (job.result or {}).get("backup_file")
    return {"backup": reverse("api:backup", args=[file])} if file else {}


@kinds.register("backup_full", repeatable=True, title="Full backup", resources=backup_of)
def backup_full(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will make a full backup."""
    return asdict(services.create_full(actor=actor, progress=progress, **arguments))


@kinds.register("backup_incremental", repeatable=True, title="Incremental backup", resources=backup_of)
def backup_incremental(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will back up what changed; `or_full` says to make a full backup where that can't be told."""
    or_full = arguments.pop("or_full", False)
    try:
        return asdict(services.create_incremental(actor=actor, progress=progress, **arguments))
    except FullBackupNeeded as refusal:
        if not or_full:
            raise
        progress.log(refusal.message)
    return backup_full(actor, {}, progress)


@kinds.register("backup_table", repeatable=True, title="Backup of a table", resources=backup_of)
def backup_table(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will back up one table."""
    return asdict(services.create_table(actor=actor, progress=progress, **arguments))


@kinds.register("validate_backup", repeatable=True, title="Check of a backup", resources=backup_of)
def validate_backup(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will look at a backup, and tell whoever watches."""
    found = validation.validate_backup(actor=actor, progress=progress, **arguments)
    watching.watch(timezone.now())
    return asdict(found)


@kinds.register(
    "prove_newest", repeatable=True, operation="VALIDATE_BACKUP", title="Proof of the newest backup"
)
def prove_newest(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will restore the newest full backup, or that of another `type`, aside, and compare.

    :raises NotFound: there is none
    """
    kind = arguments.pop("type", "full")
    newest = services.list_backups(actor=actor, type=kind, limit=1).backups
    if not newest:
        raise NotFound(f"There is no {kind} backup yet.")
    return validate_backup(actor, {"backup_file": newest[0].file, "deep": True, **arguments}, progress)


@kinds.register("restore_full", repeatable=False, title="Full restore")
def restore_full(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will restore the whole, as somebody agreed to."""
    return asdict(restoring.restore_full(actor=actor, progress=progress, **arguments))


@kinds.register("restore_table", repeatable=False, title="Restore of a table")
def restore_table(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will restore one table, as somebody agreed to."""
    return asdict(restoring.restore_table(actor=actor, progress=progress, **arguments))


@kinds.register("expire_backups", repeatable=True, operation="DELETE_BACKUP", title="Retention of backups")
def expire_backups(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will delete the backups that have had their time."""
    return {"deleted": deletion.expire(actor=actor, now=timezone.now(), **arguments)}


@kinds.register("watch_backups", repeatable=True, operation="LIST_BACKUPS", title="Watch over backups")
def watch_backups(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will open or close the alerts about backups."""
    return {"alerts": watching.watch(timezone.now(), **arguments)}


schedule.declare(
    "Full backup",
    kind="backup_full",
    crontab="0 2 * * *",
    description="Backs up all tables and, encrypted, accounts and settings.",
)
schedule.declare(
    "Incremental backup",
    kind="backup_incremental",
    crontab="0 */4 * * *",
    arguments={"or_full": True},
    description="Backs up what changed since the last backup; everything, where that can't be told.",
)
schedule.declare(
    "Proof of the newest backup",
    kind="prove_newest",
    crontab="0 3 * * *",
    description="Restores the newest full backup into a database of its own, and compares.",
)
schedule.declare(
    "Proof of the newest chain",
    kind="prove_newest",
    crontab="0 21 * * *",
    arguments={"type": "incremental"},
    description="Restores the newest incremental backup, with all that it builds on, and compares.",
)
schedule.declare(
    "Watch over backups",
    kind="watch_backups",
    crontab="30 */6 * * *",
    description="Raises an alert where no backup of the last day has been proven.",
)
schedule.declare(
    "Retention of backups",
    kind="expire_backups",
    crontab="0 5 * * *",
    description="Deletes backups that have had their time; never the newest, nor the last proven one.",
)
