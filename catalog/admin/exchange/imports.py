"""Importing on a table's pages: bring a file, say what goes where, look at what it would do, have it done."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from accesscontrol import policy
from accesscontrol.errors import InvalidInput, LimitExceeded, Refused
from accesscontrol.pages import sentence
from accesscontrol.policy import Operation
from accesscontrol.uploads import take_files
from accesscontrol.web import actor_of
from catalog.admin.exchange.forms import DELIMITERS as NAMED_DELIMITERS
from catalog.admin.exchange.forms import ON_CONFLICT, TermsForm, UploadForm
from catalog.admin.exchange.pages import ExchangePages, page, refused_form, require_import
from catalog.exchange import peeking, rules, steps, uploads
from catalog.exchange.formats import DELIMITERS
from catalog.exchange.order import OnConflict, Order
from catalog.exchange.peeking import Head
from catalog.exchange.relation import GENERATED
from catalog.exchange.uploads import Upload
from jobs import showing
from jobs.models import Job, State

IMPORT: Final = "IMPORT_CSV"  # as what a refusal is told before anybody knows the format
FORM_BYTES: Final = 1 << 20  # what an upload has beside its file
FAULTS_SHOWN: Final = 100  # on one page


class Imports(ExchangePages):
    """The part of a table's pages that imports."""

    def exchange_urls(self) -> list[Any]:
        """This function will return the addresses of the pages."""
        one = "import/<str:token>/"
        return [
            self.at("import/", self.import_view, "import"),
            self.at(one, self.terms_view, "import_terms"),
            self.at(f"{one}preview/", self.preview_view, "import_preview"),
            self.at(f"{one}faults/", self.faults_view, "import_faults"),
            *super().exchange_urls(),
        ]

    # A file is brought ------------------------------------------------------------------------------

    @csrf_exempt  # which would read all that comes: first see from whom, and how much; then it is asked for
    @page(require_import, IMPORT, "GET", "POST")
    def import_view(self, request: HttpRequest) -> HttpResponseBase:
        """Show what a file may have, and take one."""
        if request.method == "GET":
            return self._upload_page(request, UploadForm(self.known(request)))
        refusal, status = _too_much(request)
        if refusal is None:
            take_files(request)
            return csrf_protect(self._receive_upload)(request)
        self.record_refusal(request, IMPORT, refusal)
        form = UploadForm(self.known(request))
        return self._upload_page(request, form, error=sentence(refusal), status=status)

    def _receive_upload(self, request: HttpRequest) -> HttpResponse:
        form = UploadForm(self.known(request), data=request.POST, files=request.FILES)
        if not form.is_valid():
            self.record_refusal(request, IMPORT, refused_form(form))
            return self._upload_page(request, form, status=400)
        brought = form.cleaned_data["import_file"]
        try:
            upload = uploads.keep(
                actor=actor_of(request),
                table=self.table,
                file_name=brought.name,
                source=brought.file,
                now=timezone.now(),
                format=form.format,
            )
            try:
                self._beginning(request, upload)
            except Refused:
                uploads.forget(upload)
                raise
        except Refused as refusal:
            self.record_refusal(request, IMPORT, refusal)
            return self._upload_page(request, form, error=sentence(refusal), status=refusal.status)
        return HttpResponseRedirect(self.url("import_terms", upload.token))

    def _upload_page(
        self, request: HttpRequest, form: UploadForm, *, error: str = "", status: int = 200
    ) -> HttpResponse:
        known, told, required = self.known(request), self.descriptions(), self._required_columns()
        context = {
            "title": _("Import into %(table)s") % {"table": self.opts.verbose_name_plural},
            "form": form,
            "error": error,
            "limit": f"{settings.IMPORT_MAX_UPLOAD_MB} MB",
            "max_bytes": settings.IMPORT_MAX_UPLOAD_MB * 1_000_000,
            "columns": [(name, told[name], name in required) for name in known.columns],
            "ways": self._import_ways(request),
        }
        return self.exchange_page(request, "upload", context, status=status)

    # What goes where --------------------------------------------------------------------------------

    @page(require_import, IMPORT, "GET", "POST")
    def terms_view(self, request: HttpRequest, token: str) -> HttpResponseBase:
        """Show which column each field of the file probably goes into, and take what is chosen."""
        upload = self._brought(request, token)
        head = self._beginning(request, upload)
        known = self.known(request)
        form = TermsForm(
            known,
            head.names,
            peeking.guess(known, head.names),
            self._import_ways(request),
            [unique for unique in self._table_rules.uniques if set(unique.columns) <= known.columns.keys()],
            self._required_columns(),
            data=request.POST or None,
        )
        if request.method == "POST" and self._preview_made(request, upload, head, form):
            return HttpResponseRedirect(self.url("import_preview", upload.token))
        return self._terms_page(request, upload, head, form)

    def _preview_made(self, request: HttpRequest, upload: Upload, head: Head, form: TermsForm) -> bool:
        """Keep the terms, and have a preview made; a refusal is told to the trail, and by the form.

        :raises Forbidden: the form was forged: the person may not import on such terms
        """
        actor = actor_of(request)
        way: Any = request.POST.get("on_conflict")
        if way in ON_CONFLICT:
            Order(actor, self.table, upload.format, way).require_allowed()
        operation = f"IMPORT_{upload.format.upper()}"
        if not form.is_valid():
            self.record_refusal(request, operation, refused_form(form))
            return False
        reading = {"delimiter": head.delimiter, "has_headers": self._names_columns(request)}
        try:
            steps.choose(actor=actor, table=self.table, upload=upload, terms={**form.terms(), **reading})
            steps.start_look(actor=actor, table=self.table, upload=upload)
        except Refused as refusal:
            self.record_refusal(request, operation, refusal)
            form.add_error(None, sentence(refusal))
            return False
        return True

    def _terms_page(self, request: HttpRequest, upload: Upload, head: Head, form: TermsForm) -> HttpResponse:
        columns = [
            (bound, [row[place] if place < len(row) else "" for row in head.rows])
            for place, (_name, bound) in enumerate(form.fields_of_file)
        ]
        required = self._required_columns()
        context = {
            "title": _("What goes where?"),
            "upload": upload,
            "size": filesizeformat(upload.size_bytes),
            "form": form,
            "columns": columns,
            "unfilled": sorted(required - {form[f"to_{place}"].value() for place in range(len(head.names))}),
            "delimiters": NAMED_DELIMITERS if upload.format == "csv" else (),
            "delimiter": head.delimiter,
            "has_headers": self._names_columns(request),
            "updates": any(way in {"update", "update_only"} for way in self._import_ways(request)),
        }  # fmt: skip
        return self.exchange_page(request, "terms", context, status=400 if form.errors else 200)

    # What it would do -------------------------------------------------------------------------------

    @page(require_import, IMPORT, "GET", "POST")
    def preview_view(self, request: HttpRequest, token: str) -> HttpResponseBase:
        """Show what the import would do and all that is wrong, and start it."""
        upload, actor = self._brought(request, token), actor_of(request)
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
        found = steps.found(actor=actor_of(request), table=self.table, upload=self._brought(request, token))
        if found is None:
            return HttpResponseRedirect(self.url("import_preview", token))
        answer = StreamingHttpResponse(_lines(found["faults"]), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="faults_{self.table.name}.csv"'
        return answer

    # ------------------------------------------------------------------------------------------------

    def _brought(self, request: HttpRequest, token: str) -> Upload:
        return uploads.find(actor=actor_of(request), table=self.table, token=token)

    def _beginning(self, request: HttpRequest, upload: Upload) -> Head:
        given = request.GET.get("delimiter")
        if given is not None and given not in DELIMITERS:
            raise InvalidInput("delimiter must be one of the characters , ; | : ~ ^ or a tab.")
        with upload.open() as source:
            return peeking.look(
                source, upload.format, delimiter=given, has_headers=self._names_columns(request)
            )

    def _names_columns(self, request: HttpRequest) -> bool:
        return request.GET.get("headers") != "no"

    def _import_ways(self, request: HttpRequest) -> list[OnConflict]:
        """What may become of rows, by the person's rights."""
        actor = actor_of(request)
        adds, changes = (
            policy.decide(actor, operation, self.table).allowed
            for operation in (Operation.INSERT, Operation.UPDATE)
        )
        ways: list[tuple[OnConflict, bool]] = [
            ("error", adds), ("skip", adds), ("update", adds and changes), ("update_only", changes),
        ]  # fmt: skip
        return [way for way, may in ways if may]

    @property
    def _table_rules(self) -> rules.Rules:
        return rules.of_table(self.table)

    def _required_columns(self) -> frozenset[str]:
        """The columns without which there is no new record."""
        defaults = self._table_rules.defaults
        return frozenset(
            name
            for name, field in self.table.columns.items()
            if not field.null and defaults[name] in {None, ""} and defaults[name] != GENERATED
        )


_ENDED_BADLY: Final = frozenset({State.FAILED, State.CANCELLED})


def _too_much(request: HttpRequest) -> tuple[Refused | None, int]:
    """Why what comes is not to be read, and the status that says so; both before anything of it is read."""
    most = settings.IMPORT_MAX_UPLOAD_MB
    told = request.META.get("CONTENT_LENGTH") or ""
    if not (told.isascii() and told.isdecimal()):
        return InvalidInput(_("How large the file is must be said before it is sent.")), 411
    if int(told) > most * 1_000_000 + FORM_BYTES:
        words = _("The file is larger than %(most)d MB.") % {"most": most}
        return LimitExceeded(words, hint=_("Import it in parts.")), 413
    return None, 200


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
