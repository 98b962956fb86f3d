"""What messages make workers do, each of which may come twice, late, or never; and what there is to tidy up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celery import shared_task
from django.utils.translation import gettext_noop

from accesscontrol import buckets, logins
from accesscontrol.actor import Actor
from jobs import kinds, running, schedule, waking
from jobs import sweep as sweeping
from jobs.progress import Progress

schedule.declare_task(
    "Sweep of jobs", task=waking.SWEEP, every_s=15, description="Finds jobs that were forgotten."
)
schedule.declare_task(
    "Sweep of limits", task=waking.SWEEP_LIMITS, every_s=60, description="Forgets callers who left long ago."
)


@shared_task(name=waking.RUN_JOB)  # type: ignore[untyped-decorator]
def run_job(job_id: int) -> None:
    """This function will run a job, unless another worker does."""
    running.run(job_id)


@shared_task(name=waking.SWEEP)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """This function will find jobs that were forgotten."""
    sweeping.sweep()


@shared_task(name=waking.SWEEP_LIMITS)  # type: ignore[untyped-decorator]
def sweep_limits() -> None:
    """This function will forget the limits of callers who have nothing to wait for."""
    buckets.forget_full()


@shared_task(name=waking.RUN_SCHEDULED)  # type: ignore[untyped-decorator]
def run_scheduled(kind: str, **_arguments: Any) -> None:
    """This function will put the present slot of a kind into the queue, once however often it is called."""
    schedule.run_due(kind)


@kinds.register("expire_sessions", repeatable=True, title=gettext_noop("Sweep of sessions"))
def expire_sessions(actor: Actor, arguments: dict[str, Any], progress: Progress) -> Mapping[str, Any]:
    """This function will forget the sessions that are over."""
    return {"sessions": logins.expire(actor=actor)}


schedule.declare(
    "Sweep of sessions",
    kind="expire_sessions",
    crontab="45 3 * * *",
    description="Forgets the sessions that are over: whoever logged in then has to log in anew.",
)
