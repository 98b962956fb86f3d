"""A job as programs are shown it, and the answer to a request that has started one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from pydantic import Field
from rest_framework.request import Request

from accesscontrol.actor import Actor
from accesscontrol.api.content import answer
from jobs import kinds
from jobs.models import Job, State

STARTED: Final = ("Location", "Retry-After?")
"""The headers of answers to requests whose work goes on."""

RETRY_AFTER_S: Final = 1  # what a worker tells of itself it tells twice as often
_SUBJECTS: Final = ("table", "backup_file")
_OWN: Final = frozenset({"columns"})  # of a result, which may name what is hidden from others


@dataclass(frozen=True)
class JobProgress:
    label: Annotated[str, Field(description="The part that is being done.")]
    done: int
    total: Annotated[int | None, Field(description="null: nobody knows how much there is to do.")]
    unit: str


@dataclass(frozen=True)
class JobLine:
    at: datetime
    text: str


@dataclass(frozen=True)
class JobShown:
    """A piece of long work."""

    id: int
    kind: str
    operation: Annotated[str, Field(description="As the audit trail names it.")]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    is_finished: bool
    cancel_requested: bool
    table: str | None
    backup_file: str | None
    user_id: str
    channel: str
    request_id: UUID
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: Annotated[JobProgress | None, Field(description="While it runs.")]
    log: list[JobLine]
    result: Annotated[dict[str, Any] | None, Field(description="What it did, once it is done.")]
    error: Annotated[dict[str, Any] | None, Field(description="Why it failed: the one error object.")]
    links: Annotated[
        dict[str, str], Field(description="Where to go on: self, cancel, and what the job has made.")
    ]


def shown(request: Request, actor: Actor, job: Job) -> JobShown:
    """This function will return a job as whoever may see it is shown it."""
    is_own = actor.user is not None and job.user_id == actor.user.pk
    return JobShown(
        id=job.pk,
        kind=job.kind,
        operation=job.operation,
        state=job.state,  # type: ignore[arg-type] # one of State
        is_finished=job.is_finished,
        cancel_requested=job.cancel_requested_at is not None,
        **{name: _text(job.arguments.get(name)) for name in _SUBJECTS},
        user_id=job.username,
        channel=job.channel,
        request_id=job.request_id,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        progress=_progress(job),
        log=[JobLine(**line) for line in job.log],
        result=_result(job.result, is_own=is_own),
        error=job.error,
        links=_links(request, job, is_own=is_own),
    )


def started(request: Request, actor: Actor, job: Job) -> HttpResponse:
    """This function will answer a request whose work goes on: 202, with the job and where to ask for it."""
    told = shown(request, actor, job)
    return answer(told, 202, {"Location": told.links["self"], **retry_after(job)})


def retry_after(job: Job) -> dict[str, str]:
    """This function will return when to look again, while there is something to wait for."""
    return {} if job.is_finished else {"Retry-After": str(RETRY_AFTER_S)}


def _progress(job: Job) -> JobProgress | None:
    if job.state != State.RUNNING:
        return None
    return JobProgress(job.label, job.done, job.total or None, job.unit)


def _result(result: Any, *, is_own: bool) -> dict[str, Any] | None:
    if not isinstance(result, dict):
        return None
    return {name: value for name, value in result.items() if is_own or name not in _OWN}


def _links(request: Request, job: Job, *, is_own: bool) -> dict[str, str]:
    paths = {"self": reverse("api:job", args=[job.pk])}
    if not job.is_finished:
        paths["cancel"] = reverse("api:job-cancel", args=[job.pk])
    if is_own:
        paths |= kinds.resources(job)
    return {name: request.build_absolute_uri(path) for name, path in paths.items()}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
