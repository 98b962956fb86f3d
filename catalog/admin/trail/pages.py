"""The trail in the admin: read only, each person as far as their rights go."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _

from accesscontrol import policy
from accesscontrol.errors import InvalidInput, NotFound, ReadOnlyTable, Refused
from accesscontrol.pages import VIEW, sentence
from accesscontrol.web import actor_of
from audit import browsing, queries
from audit.browsing import Page
from audit.models import AuditLog
from audit.overview import overview
from catalog import registry
from catalog.admin.exchange.exports import Chosen, Exports
from catalog.admin.exchange.pages import require_export
from catalog.admin.trail import asking, filters, links, summary, undoing, words
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

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the trail, newest first, a day after the other."""
        actor = actor_of(request)
        asked = asking.read(request.GET, actor)
        page, fault = Page([], has_newer=False, has_older=False), None
        try:
            self.require(request, VIEW if request.method == "GET" else "QUERY")
            chosen = asked.condition(actor)
            page = browsing.page(actor=actor, chosen=chosen, place=asked.place, limit=PER_PAGE)
        except InvalidInput as refusal:
            self.record_refusal(request, VIEW, refusal)
            fault = sentence(refusal)
        except Refused as refusal:
            return self.turned_away(request, VIEW, refusal)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Audit trail"),
            "entries": page.entries,
            "days": _days(page.entries),
            "total": None if fault else self._total(request, asked),
            "turning": _turning(asked, page),
            "asked": asked,
            "export_url": self._export_url(request, asked),
            "filters": filters.form(actor, asked),
            "chosen": filters.chosen(asked),
            "fault": fault,
        }
        return TemplateResponse(request, "admin/trail/list.html", context, status=400 if fault else 200)

    def get_urls(self) -> list[Any]:
        """Return the addresses of the pages."""
        view = self.admin_site.admin_view(self.overview_view)
        return [path("overview/", view, name="audit_auditlog_overview"), *super().get_urls()]

    def overview_view(self, request: HttpRequest) -> HttpResponse:
        """Show what the entries of a period come to."""
        actor = actor_of(request)
        asked = asking.read(request.GET, actor, period=OVERVIEW_PERIOD)
        shown: dict[str, Any] = {}
        try:
            self.require(request, VIEW if request.method == "GET" else "QUERY")
            chosen = asked.condition(actor)
            found = overview(actor=actor, chosen=chosen, start=asked.start, end=asked.end)
            shown = summary.context(found, asked)
        except InvalidInput as fault:
            self.record_refusal(request, VIEW, fault)
            shown = {"fault": sentence(fault)}
        except Refused as refusal:
            return self.turned_away(request, VIEW, refusal)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Overview of the audit trail"),
            "asked": asked,
            "export_url": self._export_url(request, asked),
            "filters": filters.form(actor, asked),
            "chosen": filters.chosen(asked),
            **shown,
        }
        status = 400 if "fault" in shown else 200
        return TemplateResponse(request, "admin/trail/overview.html", context, status=status)

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
            self.require(request, VIEW if request.method == "GET" and object_id else "INSERT")
            entry = browsing.one(actor=actor, key=_key(object_id))
        except Refused as refusal:
            return self.turned_away(request, VIEW, refusal)
        about = {"table_name__exact": entry.table_name, "record_id__exact": entry.record_id}
        context = {
            **self.admin_site.each_context(request),
            "title": _("%(operation)s: %(subject)s")
            % {"operation": words.operation(entry.operation), "subject": words.subject(entry)}
            if entry.table_name or entry.record_id
            else words.operation(entry.operation),
            "entry": entry,
            "operation": words.operation(entry.operation),
            "who": words.who(entry),
            "when": words.moment(entry.timestamp),
            "channel": words.channel(entry.channel),
            "subject": words.subject(entry),
            "outcome": words.outcome(entry),
            "took": words.milliseconds(entry.execution_time),
            "client": words.client(entry),
            "changes": words.changes(entry),
            "record_url": links.record(actor, entry),
            "versions_url": links.versions(actor, entry),
            "undo_url": undoing.address(actor, entry),
            "same": {
                "who": _query(user_id__exact=entry.user_id),
                "operation": _query(operation__exact=entry.operation),
                "record": _query(**about) if entry.table_name and entry.record_id else "",
                "table": _query(table_name__exact=entry.table_name),
                "code": _query(error_code__exact=entry.error_code),
                "request": _query(request_id__exact=str(entry.request_id or "")),
                "change": _query(change_id__exact=str(entry.change_id or "")),
            },
        }
        return TemplateResponse(request, "admin/trail/entry.html", context)

    def _export_url(self, request: HttpRequest, asked: Asked) -> str:
        """Where the entries that are shown can be had as a file, for who may export the trail."""
        may = self.lets(request, require_export) and asked.fault is None
        return f"{self.url('export')}{asked.address()}" if may else ""

    def _total(self, request: HttpRequest, asked: Asked) -> dict[str, Any]:
        """How many entries there are in all, exact up to 10,000."""
        actor = actor_of(request)
        rows = AuditLog.objects.filter(queries.visible_to(actor)).filter(asked.condition(actor))
        number, is_estimate = counting.count(rows, exact=False)
        return {"number": f"{number:,}", "count": number, "is_estimate": is_estimate}


def _key(text: str | None) -> int:
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= MAX_KEY_DIGITS):
        raise NotFound("There is no such entry.")
    return int(text)


def _days(entries: list[AuditLog]) -> list[dict[str, Any]]:
    """The entries of a page by day, with what the list says of each."""
    return [
        {"date": date, "lines": [_line(entry) for entry in found]}
        for date, found in groupby(entries, key=lambda entry: entry.timestamp.date())
    ]


def _line(entry: AuditLog) -> dict[str, Any]:
    return {
        "entry": entry,
        "time": words.second(entry.timestamp),
        "operation": words.operation(entry.operation),
        "who": words.who(entry),
        "subject": words.subject(entry),
        "channel": words.channel(entry.channel),
        "outcome": words.outcome(entry),
        "took": words.milliseconds(entry.execution_time),
    }


def _turning(asked: Asked, page: Page) -> dict[str, str]:
    """The addresses of the pages before and behind; of the newest too, where this is another."""
    turning = {}
    if page.entries and page.has_newer:
        first = page.entries[0]
        turning["newest"] = asked.address()
        turning["newer"] = asked.address(after=asking.mark(first.timestamp, first.pk))
    if page.entries and page.has_older:
        last = page.entries[-1]
        turning["older"] = asked.address(before=asking.mark(last.timestamp, last.pk))
    return turning


def _query(**values: str | None) -> str:
    """The parameters that ask for entries alike; none where there is nothing to ask for."""
    return (
        Asked({name: value for name, value in values.items() if value}).address()
        if all(values.values())
        else ""
    )


def register(site: AdminSite) -> None:
    """This function will give the trail its pages."""
    site.register(AuditLog, TrailPages)
