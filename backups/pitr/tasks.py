"""The jobs that keep any moment within reach. Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone

from accesscontrol.actor import Actor
from backups.pitr import services, watching
from jobs import kinds, schedule
from jobs.progress import Progress


@kinds.register("base_backup", operation="BACKUP_FULL", title="Copy of the whole server")
def base_backup(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will take a base, and let go what is not needed any more."""
    made = services.take_base(actor=actor, progress=progress, **arguments)
    gone = services.expire(actor=actor, now=timezone.now())
    watching.watch(timezone.now())
    return {"base": made.name, "deleted": gone}


@kinds.register("watch_receiver", operation="LIST_BACKUPS", title="Watch over the receiver")
def watch_receiver(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will open or close the alerts about the receiver and the bases."""
    return {"alerts": watching.watch(timezone.now(), **arguments)}


def declare() -> None:
    """This function will put the jobs into the schedule."""
    schedule.declare(
        "Copy of the whole server",
        kind="base_backup",
        crontab="0 1 * * *",
        description="Takes a base, from which any later moment can be brought back.",
    )
    schedule.declare(
        "Watch over the receiver",
        kind="watch_receiver",
        crontab="*/15 * * * *",
        description="Raises an alert where what the server writes is not received, or leads on from no base.",
    )


if settings.POINT_IN_TIME:  # otherwise nobody need see them
    declare()
