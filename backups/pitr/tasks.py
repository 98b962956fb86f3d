"""The jobs that keep any moment within reach. Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone

from accesscontrol.actor import Actor
from backups.offsite import bucket, copying, lock
from backups.pitr import services, shipping, watching
from jobs import kinds, schedule
from jobs.progress import Progress


@kinds.register("base_backup", repeatable=True, operation="BACKUP_FULL", title="Copy of the whole server")
def base_backup(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will take a base, and let go what is not needed any more."""
    made = services.take_base(actor=actor, progress=progress, **arguments)
    gone = services.expire(actor=actor, now=timezone.now())
    watching.watch(timezone.now())
    return {"base": made.name, "deleted": gone}


@kinds.register("ship_log", repeatable=True, operation=copying.OPERATION, title="Log of the server")
def ship_log(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will see that the log is received, take a base where none leads to now, and send both offsite."""
    try:
        if watching.wants_base():
            services.take_base(actor=actor, progress=progress)
        sent = _ship(actor, progress) if bucket.is_configured() else []
    finally:
        alerts = watching.watch(timezone.now())
    return {"sent": len(sent), "alerts": alerts}


def _ship(actor: Actor, progress: Progress) -> list[str]:
    try:
        sent = shipping.ship(actor=actor, progress=progress)
        shipping.expire(actor=actor, now=timezone.now())
    except lock.Busy as busy:
        progress.log(busy.message)
        return []
    return sent


def declare() -> None:
    """This function will put the jobs into the schedule."""
    schedule.declare(
        "Copy of the whole server",
        kind="base_backup",
        crontab="0 1 * * *",
        description="Takes a base, from which any later moment can be brought back.",
    )
    schedule.declare(
        "Log of the server",
        kind="ship_log",
        crontab="*/15 * * * *",
        description="Sees that what the server writes is received, and sends it offsite where there is a bucket.",
    )


if settings.POINT_IN_TIME:  # otherwise nobody need see them
    declare()
