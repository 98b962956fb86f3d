"""The trail in the admin: read only, each person as far as their rights go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, NotFound, ReadOnlyTable, Refused
from accesscontrol.pages import CHANGE, VIEW, sentence
from accesscontrol.web import actor_of
from audit import browsing, queries
from audit.models import AuditLog
from audit.overview import overview
from catalog import registry
from catalog.admin.exchange.exports import Chosen, Exports
from catalog.admin.exchange.pages import require_export
from catalog.admin.trail import asking, entries, filters, summary
from catalog.admin.trail.asking import Asked
from catalog.admin.trail.undoing import Undoing
from catalog.services import counting

PER_PAGE: Final = 50
OVERVIEW_PERIOD: Final = "24h"
MAX_KEY_DIGITS: Final = 18


class TrailPages(Undoing, Exports):
    """Who did what, when, and how it went. Nobody writes here."""

    table = registry.get("audit_logs")
    audited_table = table.name
    search_fields = ("=id",)  # of whoever refers to the trail; its own page has filters
    actions = None

    def require(self, request: HttpRequest, doing: str) -> None:
        """Let everybody with an account look: they see what is theirs. Nobody writes."""
        policy.require_account(actor_of(request))
        if doing != VIEW:
            raise ReadOnlyTable("Nobody can change the audit trail.", table="audit_logs")

    def chosen(self, request: HttpRequest, query: QueryDict) -> Chosen:
        """Read the address as the list of entries does, for an export."""
        asked = asking.read(query, actor_of(request))
        if asked.fault is not None:
            raise asked.fault
        return Chosen(asked.where)

    def get_urls(self) -> list[Any]:
        """Return the addresses of the pages."""
        view = self.admin_site.admin_view(self.overview_view)
        return [path("overview/", view, name="audit_auditlog_overview"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the trail, newest first, a day after the other."""
        actor = actor_of(request)
        asked = asking.read(request.GET, actor)

        def show(chosen: Q) -> dict[str, Any]:
            page = browsing.page(actor=actor, chosen=chosen, place=asked.place, limit=PER_PAGE)
            return {
                "entries": page.entries,
                "days": entries.by_day(page.entries),
                "total": _total(actor, chosen),
                "turning": entries.turning(asked, page),
            }

        return self._shown(request, "list", _("Audit trail"), asked, show)

    def overview_view(self, request: HttpRequest) -> HttpResponse:
        """Show what the entries of a period come to."""
        actor = actor_of(request)
        asked = asking.read(request.GET, actor, period=OVERVIEW_PERIOD)

        def show(chosen: Q) -> dict[str, Any]:
            found = overview(actor=actor, chosen=chosen, start=asked.start, end=asked.end)
            return summary.context(found, asked)

        return self._shown(request, "overview", _("Overview of the audit trail"), asked, show)

    def _shown(
        self, request: HttpRequest, page: str, title: str, asked: Asked, show: Callable[[Q], dict[str, Any]]
    ) -> HttpResponse:
        """A page of what is asked for, with its filters; where that can't be asked, it says why."""
        actor, status = actor_of(request), 200
        try:
            self.require(request, VIEW if request.method == "GET" else CHANGE)
            shown = show(asked.condition(actor))
        except InvalidInput as fault:
            self.record_refusal(request, VIEW, fault)
            shown, status = {"fault": sentence(fault)}, fault.status
        except Refused as refusal:
            return self.turned_away(request, VIEW, refusal)
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "entries": [],
            "asked": asked,
            "export_url": self._export_url(request, asked),
            "filters": filters.form(actor, asked),
            "chosen": filters.chosen(asked),
            **shown,
        }
        return TemplateResponse(request, f"admin/trail/{page}.html", context, status=status)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Show one entry."""
        actor = actor_of(request)
        try:
            self.require(request, VIEW if request.method == "GET" and object_id else CHANGE)
            entry = browsing.one(actor=actor, key=_key(object_id))
        except Refused as refusal:
            return self.turned_away(request, VIEW, refusal)
        context = {**self.admin_site.each_context(request), **entries.one(actor, entry)}
        return TemplateResponse(request, "admin/trail/entry.html", context)

    def _export_url(self, request: HttpRequest, asked: Asked) -> str:
        """Where the entries that are shown can be had as a file, for who may export the trail."""
        may = self.lets(request, require_export) and asked.fault is None
        return f"{self.url('export')}{asked.address()}" if may else ""


def _total(actor: Actor, chosen: Q) -> dict[str, Any]:
    """How many entries there are in all, exact up to 10,000."""
    rows = AuditLog.objects.filter(queries.visible_to(actor)).filter(chosen)
    number, is_estimate = counting.count(rows, exact=False)
    return {"number": f"{number:,}", "count": number, "is_estimate": is_estimate}


def _key(text: str | None) -> int:
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= MAX_KEY_DIGITS):
        raise NotFound("There is no such entry.")
    return int(text)


def register(site: AdminSite) -> None:
    """This function will give the trail its pages."""
    site.register(AuditLog, TrailPages)
