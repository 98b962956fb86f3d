"""What becomes of a job whose worker ended in the middle of it: it goes on by itself, or has failed.

A transaction that keeps its result (`Progress.keep`) has the job's row locked until it is over. So whoever asks here
waits for a commit that was under way when its worker died, and finds the job done.
"""

from __future__ import annotations

from typing import Final

import structlog
from django.db import transaction

from accesscontrol.errors import Unavailable
from jobs import ending, kinds
from jobs.logs import append
from jobs.models import Job, State
from jobs.progress import Cancelled

MAX_ATTEMPTS: Final = 3  # that end with their worker: it may be the job that kills it

HANDED_BACK = "The worker was told to end. The job goes on by itself."
LOST = "The worker ended in the middle of it, in attempt {attempts} of {most}. The job goes on by itself."
GIVEN_UP = "Its worker ended in the middle of it {attempts} times; nothing of it counts."
UNKNOWN = (
    "The worker ended in the middle of it. All of it was done or nothing, and the audit trail says which."
)

logger = structlog.get_logger(__name__)


@transaction.atomic
def settle(job: Job, *, is_handed_back: bool = False) -> bool:
    """This function will put a job that nobody works on any more into the queue, and say whether it did.

    Where it must not be repeated, was cancelled, or has lost its worker too often, it has ended. An attempt that is
    handed back, by a worker that was told to end, does not count.
    """
    now = Job.objects.select_for_update().filter(pk=job.pk, state=State.RUNNING).first()
    if now is None:
        return False  # it has ended meanwhile
    attempts = now.attempts - is_handed_back
    logger.warning(
        "job_handed_back" if is_handed_back else "job_lost_its_worker",
        job=job.pk, kind=job.kind, worker=now.worker, attempt=now.attempts,
    )  # fmt: skip
    if now.cancel_requested_at is not None:
        ending.refused(job, Cancelled())
    elif not kinds.is_repeatable(job.kind):
        ending.refused(job, Unavailable(UNKNOWN, hint="Look before you start it again.", job=job.pk))
    elif attempts >= MAX_ATTEMPTS:
        ending.refused(job, Unavailable(GIVEN_UP.format(attempts=attempts), job=job.pk))
    else:
        _queue(now, attempts)
        told = HANDED_BACK if is_handed_back else LOST.format(attempts=attempts, most=MAX_ATTEMPTS)
        append(job.pk, [told])
        return True
    return False


def _queue(job: Job, attempts: int) -> None:
    Job.objects.filter(pk=job.pk).update(
        state=State.QUEUED,
        attempts=attempts,
        dispatched_at=None,
        started_at=None,
        heartbeat_at=None,
        worker="",
        label="",
        done=0,
        total=0,
    )
