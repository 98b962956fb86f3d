"""What an import would do, on a table's pages: look at its preview and at all that is wrong, have it done."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from django.contrib import messages
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accesscontrol import policy
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog.admin.exchange.pages import ExchangePages, page, require_import
from catalog.exchange import steps, uploads
from catalog.exchange.uploads import Upload
from jobs import showing
from jobs.models import Job, State

IMPORT: Final = "IMPORT_CSV"  # as what a refusal is told before anybody knows the format
FAULTS_SHOWN: Final = 100  # on one page

_ENDED_BADLY: Final = frozenset({State.FAILED, State.CANCELLED})


class Previews(ExchangePages):
    """The part of a table's pages that shows what a file would do, and has it imported."""

    def exchange_urls(self) -> list[Any]:
        """This function will return the addresses of the pages."""
        one = "import/<str:token>/"
        return [
            self.at(f"{one}preview/", self.preview_view, "import_preview"),
            self.at(f"{one}faults/", self.faults_view, "import_faults"),
            *super().exchange_urls(),
        ]

    def brought(self, request: HttpRequest, token: str) -> Upload:
        """This function will return a file that the person has brought.

        :raises NotFound: there is none, or none of theirs
        """
        return uploads.find(actor=actor_of(request), table=self.table, token=token)

    @page(require_import, IMPORT, "GET", "POST")
    def preview_view(self, request: HttpRequest, token: str) -> HttpResponseBase:
        """Show what the import would do and all that is wrong, and start it."""
        upload, actor = self.brought(request, token), actor_of(request)
        if request.method == "POST":
            return self._start_import(request, upload)
        found = steps.found(actor=actor, table=self.table, upload=upload)
        job = steps.job_of(actor=actor, upload=upload)
        if found is None and job is None:
            return HttpResponseRedirect(self.url("import_terms", token))
        going = job if job is not None and not job.is_finished else None
        context = {
            "title": _("Preview of the import"),
            "upload": upload,
            "job": job if found is None or going else None,
            "progress": showing.progress(job) if job else None,
            "failure": job.error if job and found is None and job.state in _ENDED_BADLY else None,
            "going": going,
            "may_undo": policy.decide(actor, Operation.DELETE, self.table).allowed,
            **(self._preview_found(request, found) if found else {}),
        }
        return self.exchange_page(request, "preview", context)

    def _preview_found(self, request: HttpRequest, found: dict[str, Any]) -> dict[str, Any]:
        pages = max(1, -(-len(found["faults"]) // FAULTS_SHOWN))
        asked = request.GET.get("page", "1")
        number = (
            min(max(int(asked), 1), pages) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else 1
        )
        start = (number - 1) * FAULTS_SHOWN
        return {
            "found": found,
            "faults": found["faults"][start : start + FAULTS_SHOWN],
            "unlisted": found["fault_count"] - len(found["faults"]),
            "by_column": Counter(fault["column"] or "" for fault in found["faults"]).most_common(),
            "page_number": number,
            "pages": range(1, pages + 1) if pages > 1 else (),
            "new_rows": [
                (row, [values.get(name) for name in found["columns"]]) for row, values in found["new_rows"]
            ],
            "to_do": (found["new"] or 0) + (found["changed"] or 0),
            "is_ready": found["plan_token"] is not None,
            "key_name": self.table.key_format,
            "may_read": self.lets_read(request),
        }  # fmt: skip

    def _start_import(self, request: HttpRequest, upload: Upload) -> HttpResponse:
        """Start the import, once; a preview that is too old to be agreed to is made again first."""
        actor = actor_of(request)
        running = steps.job_of(actor=actor, upload=upload)
        if running is not None and not running.is_finished:
            return _to_job(running)
        found = steps.found(actor=actor, table=self.table, upload=upload)
        expires_at = parse_datetime((found or {}).get("expires_at") or "")
        if expires_at is not None and expires_at <= timezone.now():
            steps.start_look(actor=actor, table=self.table, upload=upload)
            messages.warning(request, _("The preview was more than ten minutes old. Here is a new one."))
            return HttpResponseRedirect(self.url("import_preview", upload.token))
        return _to_job(steps.start(actor=actor, table=self.table, upload=upload))

    @page(require_import, IMPORT, "GET")
    def faults_view(self, request: HttpRequest, token: str) -> HttpResponseBase:
        """Send the list of all faults, as CSV."""
        found = steps.found(actor=actor_of(request), table=self.table, upload=self.brought(request, token))
        if found is None:
            return HttpResponseRedirect(self.url("import_preview", token))
        answer = StreamingHttpResponse(_lines(found["faults"]), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="faults_{self.table.name}.csv"'
        return answer


def _to_job(job: Job) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[job.pk]))


class _Echo:
    """What the writer of CSV writes into, to be given out at once."""

    def write(self, line: str) -> str:
        return line


def _lines(faults: list[dict[str, Any]]) -> Iterator[str]:
    writer: Any = csv.writer(_Echo())
    yield "\ufeff"  # for spreadsheets, which would take UTF-8 for something else
    yield writer.writerow(["row", "column", "what is wrong"])
    for fault in faults:
        yield writer.writerow([fault["row"], fault["column"] or "", _harmless(fault["message"])])


def _harmless(text: str) -> str:
    """A text that no spreadsheet runs."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
