"""Has the copies made by a job, as soon as there is something to copy."""

from __future__ import annotations

import structlog
from django.db import Error

from accesscontrol import service_users
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Refused
from backups.offsite import bucket
from jobs import schedule, services
from jobs.models import Job, State

KIND = "copy_backups"

logger = structlog.get_logger(__name__)


def soon() -> None:
    """This function will put a job into the queue that copies what is due, where there is a bucket and none waits yet.

    Whoever has made a backup calls this when it is there: that it can't be copied now takes nothing from it, and the
    schedule asks again.
    """
    if not bucket.is_configured():
        return
    try:
        if not Job.objects.filter(kind=KIND, state=State.QUEUED).exists():
            actor = Actor(service_users.get(schedule.USER, role=schedule.ROLE), Channel.TASK)
            services.enqueue(actor=actor, kind=KIND)
    except (Refused, Error) as error:
        logger.warning("copy_not_queued", error=type(error).__name__)
