"""What messages make workers do. Each may come twice, late, or never."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from accesscontrol import buckets
from jobs import running, schedule, waking
from jobs import sweep as sweeping

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
