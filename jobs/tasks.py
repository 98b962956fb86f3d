"""What messages make workers do. Each may come twice, late, or never."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from jobs import running, schedule, waking
from jobs import sweep as sweeping

schedule.declare_task(
    "Sweep of jobs", task=waking.SWEEP, every_s=15, description="Finds jobs that were forgotten."
)


@shared_task(name=waking.RUN_JOB)  # type: ignore[untyped-decorator]
def run_job(job_id: int) -> None:
    """This function will run a job, unless another worker does."""
    running.run(job_id)


@shared_task(name=waking.SWEEP)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """This function will find jobs that were forgotten."""
    sweeping.sweep()


@shared_task(name=waking.RUN_SCHEDULED)  # type: ignore[untyped-decorator]
def run_scheduled(kind: str, **_arguments: Any) -> None:
    """This function will put the present slot of a kind into the queue, once however often it is called."""
    schedule.run_due(kind)
