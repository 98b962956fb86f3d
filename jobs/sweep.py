"""What keeps jobs from being lost, whatever happened to messages and workers. Done every few seconds, and cheap."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from jobs import interruption, locks, schedule, waking
from jobs.models import Job, State

PATIENCE: Final = timedelta(seconds=15)  # with a message, before it counts as lost
MAX_WOKEN: Final = 1_000
KEPT: Final = timedelta(days=90)  # what has ended; the trail tells of it for ever


def sweep() -> None:
    """This function will have jobs go on whose worker died, put missed slots into the queue, and wake workers anew.

    What ended long ago is forgotten.
    """
    settle_lost()
    schedule.run_due()
    wake_queued()
    forget_old()


def settle_lost() -> int:
    """This function will queue or end what is said to run and is not, and return how many jobs that were."""
    running = Job.objects.filter(state=State.RUNNING).values_list("pk", flat=True)
    return sum(_settle_if_lost(job_id) for job_id in list(running))


@transaction.atomic
def _settle_if_lost(job_id: int) -> bool:
    if not locks.is_free(job_id):
        return False
    job = Job.objects.select_related("user").filter(pk=job_id, state=State.RUNNING).first()
    if job is None:
        return False  # it has ended meanwhile
    interruption.settle(job)
    return True


def wake_queued() -> int:
    """This function will send messages for jobs that none woke, and return how many.

    A job may wait for long because the workers are busy: each message for it comes twice as late as the one before.
    """
    queued = Job.objects.filter(state=State.QUEUED).annotate(now=Now()).order_by("pk")
    woken = 0
    for job in queued[:MAX_WOKEN]:
        sent = job.dispatched_at
        if sent is None or job.now - sent > max(PATIENCE, sent - job.created_at):
            if not waking.wake(job.pk):
                break  # the broker is away
            woken += 1
    return woken


def forget_old() -> int:
    """This function will delete the jobs that ended longer ago than `KEPT`, and return how many.

    The last one of each entry of the schedule stays, however old: without it its slot would be run again.
    """
    old = Job.objects.filter(finished_at__lt=Now() - KEPT)
    if not old.exists():
        return 0
    deleted, _ = old.exclude(slot__in=schedule.last_slots()).delete()
    return deleted
