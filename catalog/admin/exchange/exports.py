"""Exporting on a table's pages: what a list shows, in a file; at once, or as a job where it takes longer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
)
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol.errors import InvalidInput, Refused
from accesscontrol.pages import ServicePages, sentence
from accesscontrol.web import actor_of
from audit.operation import MAX_AFFECTED
from catalog.admin.exchange.forms import ExportForm
from catalog.admin.exchange.pages import ExchangePages, page, refused_form, require_export
from catalog.admin.picked import keys_of
from catalog.exchange import fetching
from catalog.exchange.exporting import export
from catalog.exchange.fetching import Download
from catalog.exchange.selection import Selection
from jobs import services as jobs

EXPORT: Final = "EXPORT_CSV"  # as what a refusal is told before anybody has chosen a format
AT_ONCE_ROWS: Final = 10_000  # which a page can wait for
KEYS: Final = "keys"  # of the records that somebody has ticked


@dataclass(frozen=True)
class Chosen:
    """What a list shows: the condition on its records, words to search for, and whether they are in the trash."""

    where: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    in_trash: bool = False

    def arguments(self) -> dict[str, Any]:
        """This function will return the arguments of an export of just these records."""
        where = self._and({"deleted_at": {"$null": False}}) if self.in_trash else dict(self.where)
        return {"where": where, "words": self.words, "include_deleted": self.in_trash}

    def only(self, keys: list[int]) -> Chosen:
        """This function will return those of the records that have these keys."""
        return replace(self, where=self._and({"id": {"$in": keys}}))

    def _and(self, condition: dict[str, Any]) -> dict[str, Any]:
        return {"$and": [dict(self.where), condition]} if self.where else condition


class Exports(ExchangePages):
    """The part of a table's pages that exports."""

    operations = {**ServicePages.operations, "export": EXPORT}

    def chosen(self, request: HttpRequest, query: QueryDict) -> Chosen:
        """This function will return what the list of that address shows.

        :raises InvalidInput: the address can't be followed
        """
        raise NotImplementedError

    def exchange_urls(self) -> list[Any]:
        """This function will return the addresses of the pages."""
        return [
            self.at("export/", self.export_view, "export"),
            self.at("export/<int:job_id>/", self.export_file_view, "export_file"),
        ]

    @page(require_export, EXPORT, "GET", "POST")
    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask what shall be in the file, and make it."""
        chosen = self.chosen(request, request.GET)
        keys = _keys(request)
        if keys:
            chosen = chosen.only(keys)
        form = ExportForm(self.known(request), data=request.POST or None)
        if request.method == "GET":
            return self._ask_export(request, form, chosen, keys)
        if not form.is_valid():
            self.record_refusal(request, EXPORT, refused_form(form))
            return self._ask_export(request, form, chosen, keys)
        options = {**chosen.arguments(), **form.options()}
        try:
            return self._make_export(request, chosen, options)
        except Refused as refusal:
            self.record_refusal(request, f"EXPORT_{options['format'].upper()}", refusal)
            form.add_error(None, sentence(refusal))
            return self._ask_export(request, form, chosen, keys)

    @page(require_export, EXPORT, "GET")
    def export_file_view(self, request: HttpRequest, job_id: int) -> HttpResponseBase:
        """Send the file that a job has made."""
        return _sent(fetching.open_made(actor=actor_of(request), table=self.table, job_id=job_id))

    @admin.action(description=gettext_lazy("Export"), permissions=["export"])
    def export_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask what of the chosen records shall be in the file."""
        if request.POST.get("select_across") == "1":  # all that the list shows
            return HttpResponseRedirect(f"{self.url('export')}?{request.GET.urlencode()}")
        try:
            require_export(actor_of(request), self.table)
            keys = keys_of(queryset)
            chosen = self.chosen(request, request.GET).only(keys)
            return self._ask_export(request, ExportForm(self.known(request)), chosen, keys)
        except Refused as refusal:
            self.record_refusal(request, EXPORT, refusal)
            messages.error(request, sentence(refusal))
            return None

    def has_export_permission(self, request: HttpRequest) -> bool:
        """This function will say whether the person may export records here."""
        return self.lets(request, require_export)

    def _make_export(self, request: HttpRequest, chosen: Chosen, options: dict[str, Any]) -> HttpResponseBase:
        """The file, or the job that makes it."""
        actor = actor_of(request)
        count, is_estimate = self._count_chosen(request, chosen)
        if count <= AT_ONCE_ROWS and not is_estimate:
            made = export(actor=actor, table=self.table, **options)
            return _sent(fetching.open_file(made.export_file))
        arguments = {"table": self.table.name, **options}
        job = jobs.enqueue(actor=actor, kind=f"export_{options['format']}", arguments=arguments)
        return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[job.pk]))

    def _count_chosen(self, request: HttpRequest, chosen: Chosen) -> tuple[int, bool]:
        return Selection(actor_of(request), self.table, None, limit=None, **chosen.arguments()).count()

    def _ask_export(
        self, request: HttpRequest, form: ExportForm, chosen: Chosen, keys: list[int]
    ) -> HttpResponse:
        count, is_estimate = self._count_chosen(request, chosen)
        context = {
            "title": _("Export %(table)s") % {"table": self.opts.verbose_name_plural},
            "form": form,
            "count": count,
            "is_estimate": is_estimate,
            "is_job": count > AT_ONCE_ROWS,
            "keys": keys,
            "keys_name": KEYS,
            "is_narrowed": bool(chosen.where or chosen.words or chosen.in_trash),
            "in_trash": chosen.in_trash,
            "everything_url": self.url("export"),
            "address": f"{self.url('export')}?{request.GET.urlencode()}",
        }  # fmt: skip
        return self.exchange_page(request, "export", context, status=400 if form.errors else 200)


def _keys(request: HttpRequest) -> list[int]:
    """The keys that a form holds, which came from a list.

    :raises InvalidInput: they are none, or too many
    """
    texts = request.POST.get(KEYS, "").split(",") if request.POST.get(KEYS) else []
    if len(texts) > MAX_AFFECTED or any(not t.isascii() or not t.isdecimal() or len(t) > 18 for t in texts):
        raise InvalidInput(_("These are no records of a list."), argument=KEYS)
    return [int(text) for text in texts]


def _sent(download: Download) -> FileResponse:
    """A file, block by block."""
    answer = FileResponse(download.file, as_attachment=True, filename=download.name)
    answer["Content-Length"] = str(download.size_bytes)
    return answer
