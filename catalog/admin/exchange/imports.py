"""Importing on a table's pages: bring a file, and say what goes where."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
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
from catalog.admin.exchange.pages import page, refused_form, require_import
from catalog.admin.exchange.previews import IMPORT, Previews
from catalog.exchange import peeking, rules, steps, uploads
from catalog.exchange.formats import DELIMITERS
from catalog.exchange.order import OnConflict, Order
from catalog.exchange.peeking import Head
from catalog.exchange.relation import GENERATED
from catalog.exchange.uploads import Upload

FORM_BYTES: Final = 1 << 20  # what an upload has beside its file


class Imports(Previews):
    """The part of a table's pages that imports."""

    def exchange_urls(self) -> list[Any]:
        """This function will return the addresses of the pages."""
        return [
            self.at("import/", self.import_view, "import"),
            self.at("import/<str:token>/", self.terms_view, "import_terms"),
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
        upload = self.brought(request, token)
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

    # ------------------------------------------------------------------------------------------------

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
