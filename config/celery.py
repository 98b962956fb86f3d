"""The Celery application: jobs are rows, a message only wakes a worker for one."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote, urlsplit

from celery import Celery
from django.conf import settings

SPOOL_SCHEME: Final = "spool"
# Who sends a message is perhaps a person's request, and does not wait for a broker that is away: the sweep sends again.
IMPATIENT: Final = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


def _broker(url: str) -> dict[str, Any]:
    """Return what Celery needs to know of the broker that `url` names."""
    if urlsplit(url).scheme == SPOOL_SCHEME:
        return {
            "broker_url": "filesystem://localhost//",  # any that Celery knows: the transport is our own
            "broker_transport": "jobs.transport:Transport",
            "broker_transport_options": {**IMPATIENT, "folder": unquote(urlsplit(url).path)},
        }
    return {
        "broker_url": url,
        "broker_transport_options": {
            **IMPATIENT,
            # A message is kept until its job ends; one that comes again meanwhile finds the job locked.
            "visibility_timeout": 600,
            "unacked_restore_throttle": 1,  # otherwise Redis looks for such messages on every tenth occasion only
            "socket_connect_timeout": 2,
            "socket_timeout": 10,
        },
    }


app = Celery("database-admin-server")
app.conf.update(
    **_broker(settings.BROKER_URL),
    broker_connection_timeout=2,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a worker outlives any absence of the broker
    accept_content=["json"],
    task_serializer="json",
    event_serializer="json",
    task_ignore_result=True,
    result_expires=None,  # there are no results to clean up every night
    imports=["jobs.tasks"],
    task_default_queue="jobs",
    task_acks_late=True,
    task_reject_on_worker_lost=True,  # it comes again at once, and finds the job without a worker
    worker_prefetch_multiplier=1,
    worker_lost_wait=1,
    worker_enable_remote_control=False,  # a job is cancelled by its row
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,  # a job needs no broker once it runs
    beat_scheduler="django_celery_beat.schedulers:DatabaseScheduler",
    timezone="UTC",
)
