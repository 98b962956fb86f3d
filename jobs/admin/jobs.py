"""Jobs in the admin: how far each is, how it ended, and a button that ends it. Nobody makes one here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Forbidden, NotFound, Refused
from accesscontrol.pages import VIEW, ServicePages, sentence
from accesscontrol.web import actor_of
from jobs import kinds, services, showing
from jobs.models import Job

MAX_POLLED: Final = 100


class StateFilter(admin.SimpleListFilter):
    """Jobs in one state."""

    title = gettext_lazy("state")
    parameter_name = "state__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return the states in words."""
        return [(str(state), name) for state, name in showing.STATES.items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the jobs in the chosen state."""
        return queryset.filter(state=self.value()) if self.value() else queryset


@admin.register(Job)
class JobAdmin(ServicePages):
    """People see their own jobs; those who manage backups see all."""

    names = (gettext_lazy("job"), gettext_lazy("jobs"))
    list_display = ("what", "how_far", "about", "started", "took", "who")
    list_filter = (StateFilter,)
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-id",)
    actions = None

    def require(self, request: HttpRequest, doing: str) -> None:
        """Let everybody with an account look at what is theirs."""
        policy.require_account(actor_of(request))
        if doing != VIEW:
            raise Forbidden("Jobs are started by what they do, and kept as they were.")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the jobs that this person may see."""
        return services.seen_by(actor_of(request))

    def get_urls(self) -> Any:
        """Return the addresses of the pages, and of what is no page."""
        site = self.admin_site
        return [
            path("progress/", site.admin_view(self.progress_view), name="jobs_job_progress"),
            path("<int:job_id>/cancel/", site.admin_view(self.cancel_view), name="jobs_job_cancel"),
            path("<int:job_id>/again/", site.admin_view(self.again_view), name="jobs_job_again"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the jobs, newest first."""
        extra = {
            "title": _("Jobs"),
            "description": _("Long work, and how far it is: imports, exports, backups, checks and restores."),
        }
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Show one job."""
        try:
            self.require(request, VIEW if request.method == "GET" and object_id else "QUERY")
            job = self._job(request, object_id)
        except Refused as refusal:
            return self.turned_away(request, VIEW, refusal)
        context = {
            **self.admin_site.each_context(request),
            "title": showing.title(job),
            "job": job,
            "subject": showing.subject(job),
            "progress": showing.progress(job),
            "took": showing.duration(job, timezone.now()),
            "outcome": showing.outcome(job),
            "error": job.error,
            "links": kinds.links(job) if job.user_id == request.user.pk else (),
            "may_start_again": services.may_start_again(actor_of(request), job),
        }
        return TemplateResponse(request, "admin/jobs/job.html", context)

    def cancel_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """End a job."""

        def cancel(actor: Actor) -> int:
            job = services.cancel(actor=actor, job_id=job_id)
            told = _("The job was cancelled.") if job.is_finished else _("The job was told to end.")
            messages.success(request, told)
            return job.pk

        return self._done(request, job_id, cancel)

    def again_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Start the work of a job anew."""
        return self._done(request, job_id, lambda actor: services.start_again(actor=actor, job_id=job_id).pk)

    def _done(self, request: HttpRequest, job_id: int, do: Callable[[Actor], int]) -> HttpResponse:
        """Do something with a job, and show the one that it leads to; a refusal is told as of the job's operation."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        actor = actor_of(request)
        try:
            operation = services.get(actor=actor, job_id=job_id).operation
        except Refused as refusal:
            return self.turned_away(request, VIEW, refusal)
        try:
            job_id = do(actor)
        except Refused as refusal:
            self.record_refusal(request, operation, refusal)
            messages.error(request, sentence(refusal))
        return HttpResponseRedirect(self.url("change", job_id))

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """Answer how far some jobs are: the page's script asks."""
        numbers = [int(number) for number in request.GET.getlist("id")[:MAX_POLLED] if _is_key(number)]
        jobs = services.seen_by(actor_of(request)).filter(pk__in=numbers)
        return JsonResponse({"jobs": [asdict(showing.progress(job)) for job in jobs]})

    def _job(self, request: HttpRequest, object_id: str | None) -> Job:
        if object_id is None or not _is_key(object_id):
            raise NotFound("There is no such job.")
        return services.get(actor=actor_of(request), job_id=int(object_id))

    @admin.display(description=gettext_lazy("what"))
    def what(self, job: Job) -> str:
        """This function will return what a job does."""
        return showing.title(job)

    @admin.display(description=gettext_lazy("about"), empty_value="")
    def about(self, job: Job) -> str:
        """This function will return which table or file it is about."""
        return showing.subject(job)

    @admin.display(description=gettext_lazy("state"))
    def how_far(self, job: Job) -> str:
        """This function will return how far a job is."""
        return render_to_string("admin/jobs/progress.html", {"progress": showing.progress(job)})

    @admin.display(description=gettext_lazy("started (UTC)"), empty_value="")
    def started(self, job: Job) -> str | None:
        """This function will return when a worker began."""
        return f"{job.started_at:%Y-%m-%d %H:%M:%S}" if job.started_at else None

    @admin.display(description=gettext_lazy("took"), empty_value="")
    def took(self, job: Job) -> str:
        """This function will return how long it took, or has taken so far."""
        return showing.duration(job, timezone.now())

    @admin.display(description=gettext_lazy("who"))
    def who(self, job: Job) -> str:
        """This function will return for whom it works."""
        return job.username


def _is_key(text: str) -> bool:
    """Whether a text can be the number of a job."""
    return text.isascii() and text.isdecimal() and len(text) < 19
