"""The jobs that somebody may see, one of them, and its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from accesscontrol.api import links
from accesscontrol.api.content import answer
from accesscontrol.api.described import describes
from accesscontrol.api.parameters import Parameters, Whole, given_in
from accesscontrol.api.view import ServiceView
from accesscontrol.errors import Conflict, NotFound
from accesscontrol.policy import Right
from audit import cursors
from jobs import services
from jobs.api.shown import STARTED, JobShown, retry_after, shown, started


class JobParameters(Parameters):
    """What the address of the jobs takes."""

    state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None
    kind: Annotated[str, Field(max_length=63, pattern="^[a-z_]+$")] | None = Field(
        None, description="backup_full, export_csv, import_json …"
    )
    limit: Whole = Field(100, ge=1, le=500, description="Most jobs to return.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before: goes on there.")


@dataclass(frozen=True)
class JobPage:
    count: int
    limit: int
    next_cursor: Annotated[str | None, Field(description="Give it as `cursor` to read on; null at the end.")]
    jobs: list[JobShown]


class JobsView(ServiceView):
    """The jobs that somebody may see."""

    operations = {"GET": "QUERY", "HEAD": "QUERY"}
    tag = "jobs"
    others = Right.MANAGE_BACKUPS

    @describes(query=JobParameters, answers={200: JobPage}, sends={200: ("Link",)})
    def get(self, request: Request) -> HttpResponse:
        """List jobs, the newest first: your own, or with the right manage_backups all."""
        asked = JobParameters.read(given_in(request.GET))
        query = ("jobs", asked.state, asked.kind)
        before = None if asked.cursor is None else cursors.unseal(self.actor, query, asked.cursor)[0]
        found = services.list_jobs(
            actor=self.actor, kind=asked.kind, state=asked.state, limit=asked.limit + 1, before=before
        )
        jobs = found[: asked.limit]
        more = len(found) > asked.limit
        cursor = cursors.seal(self.actor, query, [jobs[-1].pk]) if more else None
        told = [shown(request, self.actor, job) for job in jobs]
        return answer(JobPage(len(jobs), asked.limit, cursor, told), 200, links.of_page(request, cursor))


class OneJobView(ServiceView):
    """A view of one job."""

    tag = "jobs"
    others = Right.MANAGE_BACKUPS

    def variables(self, name: str) -> dict[str, Any]:
        """This function will return the schema of a job's number."""
        return {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}


class JobView(OneJobView):
    """One job."""

    operations = {"GET": "QUERY", "HEAD": "QUERY"}

    @describes(answers={200: JobShown}, sends={200: ("Retry-After?",)}, refuses=(NotFound,))
    def get(self, request: Request, job_id: int) -> HttpResponse:
        """Read a job: how far it is, what it has logged, and how it ended."""
        job = services.get(actor=self.actor, job_id=job_id)
        return answer(shown(request, self.actor, job), 200, retry_after(job))


class CancelView(OneJobView):
    """The end of one job."""

    operations = {"POST": "QUERY"}

    @describes(answers={200: JobShown, 202: JobShown}, sends={202: STARTED}, refuses=(NotFound, Conflict))
    def post(self, request: Request, job_id: int) -> HttpResponse:
        """Cancel a job: one that waits ends at once (200), one that runs within a second or so (202)."""
        self.about(operation=services.get(actor=self.actor, job_id=job_id).operation)
        job = services.cancel(actor=self.actor, job_id=job_id)
        if job.is_finished:
            return answer(shown(request, self.actor, job))
        return started(request, self.actor, job)
