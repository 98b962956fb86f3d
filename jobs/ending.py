"""How a job ends: with a result, or with a refusal that the trail is told of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from accesscontrol.errors import Refused
from audit import refusals, trail
from jobs.models import Job, State
from jobs.progress import Cancelled


def done(job_id: int, result: Mapping[str, Any]) -> None:
    """This function will keep what a job returned, unless it has been kept."""
    Job.objects.filter(pk=job_id, state=State.RUNNING).update(
        state=State.DONE, result=trail.storable(dict(result)), error=None, finished_at=Now()
    )


@transaction.atomic
def refused(job: Job, refusal: Refused) -> None:
    """This function will keep why a job failed, or that it was cancelled, and write so to the trail.

    One that is done stays so, whatever went wrong after its work was committed.
    """
    state = State.CANCELLED if isinstance(refusal, Cancelled) else State.FAILED
    is_kept = Job.objects.filter(pk=job.pk, state__in=[State.QUEUED, State.RUNNING]).update(
        state=state, error=trail.storable(refusal.as_dict()), finished_at=Now()
    )
    if not is_kept:
        return
    table = job.arguments.get("table")
    refusals.record(job.actor(), job.operation, table if isinstance(table, str) else None, refusal)
