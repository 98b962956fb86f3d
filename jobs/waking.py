"""Messages to the workers. One that is lost costs seconds, never a job: the sweep sends another."""

from __future__ import annotations

from typing import Any, Final

import structlog
from django.conf import settings
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from jobs.models import Job

RUN_JOB: Final = "jobs.tasks.run_job"
SWEEP: Final = "jobs.tasks.sweep"
SWEEP_LIMITS: Final = "jobs.tasks.sweep_limits"
RUN_SCHEDULED: Final = "jobs.tasks.run_scheduled"

logger = structlog.get_logger(__name__)


def wake(job_id: int) -> bool:
    """This function will tell a worker of a queued job, and say whether the broker took the message."""
    if not send(RUN_JOB, job_id):
        return False
    Job.objects.filter(pk=job_id).update(dispatched_at=Now())
    return True


def send(task: str, *arguments: Any) -> bool:
    """This function will send one message, without patience: whoever calls may be a person's request."""
    application = import_string(settings.CELERY_APP)
    try:
        application.send_task(task, args=arguments, retry=False)
    except Exception as error:  # noqa: BLE001 - every broker's library has errors of its own
        logger.warning("broker_unreachable", task=task, error=f"{type(error).__name__}: {error}")
        return False
    return True
