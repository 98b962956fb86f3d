"""What the pages of backups have in common: who may open one, how refusals are told, and where they lead."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeAlias

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accesscontrol.errors import Refused
from accesscontrol.pages import sentence
from accesscontrol.web import actor_of
from backups import access
from jobs.models import Job

PAGE_STATUSES: Final = frozenset({401, 403, 404})  # nothing to go back to

View: TypeAlias = Callable[..., HttpResponseBase]


def page(operation: str, *methods: str) -> Callable[[View], View]:
    """This function will make a method a page, for who manages backups; its refusals are told, as of `operation`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(self: Frame, request: HttpRequest, *arguments: Any, **keywords: Any) -> HttpResponseBase:
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            try:
                access.require_management(actor_of(request))
                return view(self, request, *arguments, **keywords)
            except Refused as refusal:
                return self.refused(request, refusal, operation, **keywords)

        return guarded

    return decorate


class Frame:
    """What leads to the pages, and what is around them."""

    def __init__(self, site: AdminSite) -> None:
        self._site: Any = site

    def at(self, route: str, view: View, name: str) -> URLPattern:
        """This function will return an address, which is let in by the site."""
        found: URLPattern = path(route, self._site.admin_view(view), name=f"backups_{name}")
        return found

    def refused(
        self, request: HttpRequest, refusal: Refused, operation: str, backup_file: str | None = None
    ) -> HttpResponse:
        """This function will tell of a refusal: on a page of its own, or on that which the person came from."""
        table = refusal.details.get("table")
        self._site.record_refusal(request, refusal, operation=operation, table=table)
        if request.method == "GET" or refusal.status in PAGE_STATUSES:
            page: HttpResponse = self._site.refused_page(request, refusal)
            return page
        messages.error(request, sentence(refusal))
        return HttpResponseRedirect(url("one", backup_file) if backup_file else url("list"))

    def shown(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        """This function will return a page in the site's frame."""
        whole = {**self._site.each_context(request), **context}
        return TemplateResponse(request, f"admin/backups/{template}.html", whole)


def started(job: Job) -> HttpResponse:
    """This function will lead to the job, which shows how far it is."""
    return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[job.pk]))


def url(name: str, *arguments: str) -> str:
    """This function will return the address of one of these pages."""
    return reverse(f"admin:backups_{name}", args=arguments)
