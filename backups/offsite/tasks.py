"""The jobs that keep the copies. Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from accesscontrol.actor import Actor
from backups.offsite import bucket, copying, expiring, lock, starting, watching
from jobs import kinds, schedule
from jobs.progress import Progress


@kinds.register(starting.KIND, repeatable=True, operation=copying.OPERATION, title="Copies offsite")
def copy_backups(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will copy what is not in the bucket yet, unless another job is at it."""
    if not bucket.is_configured():
        return {"copied": []}
    try:
        copied = copying.copy_all(actor=actor, progress=progress)
    except lock.Busy as busy:
        progress.log(busy.message)
        return {"copied": []}
    finally:
        watching.watch(timezone.now())
    return {"copied": copied}


@kinds.register(
    "expire_copies", repeatable=True, operation=expiring.OPERATION, title="Retention of copies offsite"
)
def expire_copies(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will delete the copies that have had their time."""
    if not bucket.is_configured():
        return {"deleted": []}
    return {"deleted": expiring.expire(actor=actor, now=timezone.now())}


def declare() -> None:
    """This function will put the jobs into the schedule."""
    schedule.declare(
        "Copies offsite",
        kind=starting.KIND,
        crontab="*/15 * * * *",
        description="Copies backups into the bucket that are not there yet, and reads them back.",
    )
    schedule.declare(
        "Retention of copies offsite",
        kind="expire_copies",
        crontab="40 5 * * *",
        description="Deletes copies that have had their time; never the newest, nor the last proven one.",
    )


if bucket.is_configured():  # otherwise nobody need see them
    declare()
