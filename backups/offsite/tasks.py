"""The jobs that keep the copies. Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from accesscontrol.actor import Actor
from backups.offsite import bucket, copying, lock, starting, watching
from jobs import kinds, schedule
from jobs.progress import Progress


@kinds.register(starting.KIND, operation=copying.OPERATION, title="Copies offsite")
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


def declare() -> None:
    """This function will put the jobs into the schedule."""
    schedule.declare(
        "Copies offsite",
        kind=starting.KIND,
        crontab="*/15 * * * *",
        description="Copies backups into the bucket that are not there yet, and reads them back.",
    )


if bucket.is_configured():  # otherwise nobody need see them
    declare()
