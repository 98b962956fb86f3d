"""How a job ends: with a result, or with a refusal that the trail is told of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from accesscontrol.errors import Refused, Unavailable
from audit import refusals, trail
from jobs.models import Job, State
from jobs.progress import Cancelled

STOPPED = "The worker ended before the work was done; nothing of it counts. Start it again."


def done(job: Job, result: Mapping[str, Any]) -> None:
    """This function will keep what a job returned."""
    Job.objects.filter(pk=job.pk).update(
        state=State.DONE, result=trail.storable(dict(result)), error=None, finished_at=Now()
    )


@transaction.atomic
def refused(job: Job, refusal: Refused) -> None:
    """This function will keep why a job failed, or that it was cancelled, and write so to the trail."""
    state = State.CANCELLED if isinstance(refusal, Cancelled) else State.FAILED
    Job.objects.filter(pk=job.pk).update(
        state=state, error=trail.storable(refusal.as_dict()), finished_at=Now()
    )
    table = job.arguments.get("table")
    refusals.record(job.actor(), job.operation, table if isinstance(table, str) else None, refusal)


def stopped(job: Job) -> None:
    """This function will note that the process which ran a job is gone."""
    refused(job, Unavailable(STOPPED, job=job.pk))
