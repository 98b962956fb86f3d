"""The worker's side: one job, from the queue to its end."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.db.models import F
from django.db.models.functions import Now

from accesscontrol import keys, throttling
from accesscontrol.errors import InternalError, Refused
from jobs import ending, interruption, kinds, locks, waking
from jobs.models import Job, State
from jobs.reporting import Reporter

STORE_PATIENCE_S: Final = 60  # for a database that is away when the work is done
RETRY_S: Final = 1

logger = structlog.get_logger(__name__)


def run(job_id: int) -> None:
    """This function will run a job that is queued, however often it is called for it, and keep how it ended.

    A job that is said to run while nobody holds its lock has lost its worker: it goes on, or is marked as failed.
    """
    with locks.held(job_id) as is_ours:
        if not is_ours:
            return
        is_claimed = Job.objects.filter(pk=job_id, state=State.QUEUED).update(
            state=State.RUNNING,
            started_at=Now(),
            heartbeat_at=Now(),
            worker=f"{socket.gethostname()}:{os.getpid()}",
            attempts=F("attempts") + 1,
        )
        job = Job.objects.select_related("user").filter(pk=job_id).first()
        if job is None:
            return
        if is_claimed:
            with structlog.contextvars.bound_contextvars(
                job=job.pk, kind=job.kind, request_id=str(job.request_id)
            ):
                _work(job)
        elif job.state == State.RUNNING and interruption.settle(job):
            waking.wake(job.pk)


def _work(job: Job) -> None:
    """Do the work, and keep its result or why there is none."""
    logger.info("job_started", user=job.username)
    actor, started = job.actor(), time.monotonic()
    try:
        keys.require_there(actor)
        kind = kinds.get(job.kind)
        with Reporter(job.pk) as reporter:
            result = kind.run(actor, job.arguments, reporter)
    except Refused as refusal:
        kept, refused = refusal, refusal  # `except` forgets its name
        _store(lambda: ending.refused(job, kept))
        logger.info("job_refused", code=refused.code, error=refused.message)
    except Exception:
        logger.exception("job_crashed")
        _store(lambda: ending.refused(job, InternalError(job=job.pk)))
    except BaseException:  # the worker is told to end
        interruption.settle(job, is_handed_back=True)
        raise
    else:
        _store(lambda: ending.done(job.pk, result))
        logger.info("job_done")
    throttling.charge(actor, time.monotonic() - started)


def _store(write: Callable[[], None]) -> None:
    """Write how a job ended; while the database is away, again and again."""
    deadline = time.monotonic() + STORE_PATIENCE_S
    while True:
        try:
            write()
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise  # the sweep finds it
            connection.close()
            time.sleep(RETRY_S)
        else:
            return
