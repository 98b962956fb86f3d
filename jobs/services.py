"""Jobs for the faces: put one into the queue, look at them, cancel one.

People see their own jobs, a key or token with a scope those that it started; those with the right manage_backups see
all. What a job does is in the trail as the operation that it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, NotFound
from accesscontrol.policy import Right
from audit import trail
from audit.answers import Once
from audit.models import KeptAnswer
from jobs import ending, kinds, waking
from jobs.logs import append
from jobs.models import Job, State
from jobs.progress import Cancelled

MAX_LISTED = 1_000


def enqueue(
    *,
    actor: Actor,
    kind: str,
    arguments: Mapping[str, Any] | None = None,
    slot: str | None = None,
    once: Once | None = None,
) -> Job:
    """This function will put a job into the queue, and wake a worker when the transaction commits.

    `arguments` are of JSON and not secret; the face has checked them and the actor's right, the service that does the
    work does so again. With a `slot` there is one job of the kind for it, and for what is asked for `once` there is
    one: the one that is there already is returned.

    :raises AuthenticationRequired: nobody is logged in
    :raises InvalidInput: no such kind
    :raises Conflict: what is asked for `once` is not what was asked for under the same key
    """
    policy.require_account(actor)
    assert actor.user is not None  # noqa: S101 - what require_account is for
    values: dict[str, Any] = {
        "operation": kinds.get(kind).operation,
        "arguments": trail.storable(dict(arguments or {})),
        "user": actor.user,
        "username": actor.username,
        "channel": str(actor.channel),
        "client_info": trail.storable(dict(actor.client_info)),
        "request_id": actor.request_id,
        "scope": None if actor.scope is None else actor.scope.texts,
    }
    with transaction.atomic():
        if once is not None and (kept := once.take()):
            return _begun(kept)
        if slot is None:
            job, is_new = Job.objects.create(kind=kind, **values), True
        else:
            job, is_new = Job.objects.get_or_create(kind=kind, slot=slot, defaults=values)
        if is_new:
            transaction.on_commit(partial(waking.wake, job.pk))
        if once is not None:
            once.keep(str(job.pk))
    return job


def begun(once: Once | None) -> Job | None:
    """This function will return the job that was put into the queue for what is asked for once, or None.

    :raises InvalidInput: the key is empty or too long
    :raises Conflict: something else was asked for under the same key
    """
    kept = once.find() if once is not None else None
    return None if kept is None else _begun(kept)


def seen_by(actor: Actor) -> QuerySet[Job]:
    """This function will return the jobs that the actor may see, the newest first, for a face to narrow down.

    :raises AuthenticationRequired: nobody is logged in
    """
    policy.require_account(actor)
    jobs = Job.objects.select_related("user")
    if policy.holds(actor, Right.MANAGE_BACKUPS).allowed:
        return jobs
    own = jobs.filter(user=actor.user)
    if actor.scope is None:
        return own
    return own.filter(client_info__contains=actor.credential) if actor.credential else own.none()


def get(*, actor: Actor, job_id: int) -> Job:
    """This function will return a job that the actor may see.

    :raises NotFound: there is none
    """
    return _one(seen_by(actor), job_id)


def list_jobs(
    *,
    actor: Actor,
    kind: str | None = None,
    state: str | None = None,
    limit: int = 100,
    before: int | None = None,
) -> list[Job]:
    """This function will return the jobs that the actor may see, the newest first, or those older than a number."""
    found = seen_by(actor)
    if before is not None:
        found = found.filter(pk__lt=before)
    if kind is not None:
        found = found.filter(kind=kind)
    if state is not None:
        found = found.filter(state=state)
    return list(found[: max(0, min(limit, MAX_LISTED))])


@transaction.atomic
def cancel(*, actor: Actor, job_id: int) -> Job:
    """This function will end a job that waits, and ask one that runs to end: its worker learns it within a second.

    :raises NotFound: there is none
    :raises Conflict: it has ended
    """
    job = _one(seen_by(actor).select_for_update(of=("self",)), job_id)
    if job.is_finished:
        raise Conflict(f"Job {job.pk} has ended: it is {job.state}.", job=job.pk, state=job.state)
    append(job.pk, [f"Cancelled by {actor.username}."])
    if job.state == State.QUEUED:
        ending.refused(job, Cancelled(f"Cancelled by {actor.username} before it began."))
    elif job.cancel_requested_at is None:
        Job.objects.filter(pk=job.pk).update(cancel_requested_at=Now())
    job.refresh_from_db()
    return job


def start_again(*, actor: Actor, job_id: int) -> Job:
    """This function will put the work of a job that failed or was cancelled into the queue anew, for whom it was.

    :raises NotFound: there is none
    :raises Conflict: it goes on, is done, or was another's
    """
    job = get(actor=actor, job_id=job_id)
    if not may_start_again(actor, job):
        raise Conflict(
            f"Job {job.pk} can't be started again.",
            hint="Only what failed or was cancelled can, by whom it was for.",
            job=job.pk,
            state=job.state,
        )
    return enqueue(actor=actor, kind=job.kind, arguments=job.arguments)


def may_start_again(actor: Actor, job: Job) -> bool:
    """This function will say whether a job has left nothing, and is the actor's to start anew."""
    is_own = job.user_id is not None and job.user_id == getattr(actor.user, "pk", None)
    return is_own and job.state in {State.FAILED, State.CANCELLED}


def _begun(kept: KeptAnswer) -> Job:
    return Job.objects.select_related("user").get(pk=int(kept.answer))


def _one(jobs: QuerySet[Job], job_id: int) -> Job:
    job = jobs.filter(pk=job_id).first()
    if job is None:
        raise NotFound(f"There is no job {job_id}.", job=job_id)
    return job
