"""The kinds of jobs about backups, and when they are run by themselves. Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from accesscontrol.actor import Actor
from backups import services
from jobs import kinds, schedule
from jobs.progress import Progress


@kinds.register("backup_full")
def backup_full(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will make a full backup."""
    return asdict(services.create_full(actor=actor, progress=progress, **arguments))


@kinds.register("backup_table")
def backup_table(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will back up one table."""
    return asdict(services.create_table(actor=actor, progress=progress, **arguments))


@kinds.register("expire_backups", operation="DELETE_BACKUP")
def expire_backups(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will delete the backups that have had their time."""
    return {"deleted": services.expire(actor=actor, now=timezone.now(), **arguments)}


schedule.declare(
    "Full backup",
    kind="backup_full",
    crontab="0 2 * * *",
    description="Backs up all tables and, encrypted, accounts and settings.",
)
schedule.declare(
    "Retention of backups",
    kind="expire_backups",
    crontab="0 5 * * *",
    description="Deletes backups that have had their time; never the newest, nor the last proven one.",
)
