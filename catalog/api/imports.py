"""Imports: a file is brought and looked at, its plan is agreed to, and a job imports it.

Always a job, however small the file: a client that loses its connection loses nothing, one way of waiting serves every
size, and no web worker is kept by a transaction of hours. What is looked at first is looked at in the request where
that takes a moment, so that faults and plan are in its answer.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final, Literal

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from pydantic import Field
from rest_framework.request import Request

from accesscontrol import policy
from accesscontrol.api import bodies
from accesscontrol.api.bodies import FORM_BYTES
from accesscontrol.api.content import answer
from accesscontrol.api.described import describes
from accesscontrol.api.parameters import Flag, JsonObject, Names, Parameters, given_in
from accesscontrol.api.preferences import Preferences
from accesscontrol.errors import (
    ConfirmationRequired,
    InvalidInput,
    LimitExceeded,
    NotFound,
)
from accesscontrol.policy import Operation, Planned
from audit.answers import Once
from audit.api.terms import once_of, plan_token_of
from catalog import registry
from catalog.api import import_shown
from catalog.api.import_shown import ImportShown
from catalog.api.tables import SomeTableView
from catalog.exchange import steps, uploads
from catalog.exchange.formats import Format
from catalog.exchange.order import Order
from catalog.exchange.uploads import Upload
from catalog.table import Table
from jobs import services as jobs
from jobs.api.shown import STARTED, JobShown, started

FORMATS: Final[dict[str, Format]] = {
    "text/csv": "csv",
    "application/json": "json",
    "application/x-ndjson": "json",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}


class ImportParameters(Parameters):
    """What is imported, and on what terms: in the address, or beside the file in its form."""

    table: str = Field(max_length=63)
    format: Literal["csv", "json", "xlsx"] | None = Field(
        None, description="Default: what the content's type says, or the end of the file's name."
    )
    on_conflict: Literal["error", "skip", "update", "update_only"] = Field(
        "error",
        description="What becomes of a record that is there already: refuse the file, keep it, or update it."
        " update_only: one that is not there is at fault.",
    )
    delimiter: str = Field(
        ",", min_length=1, max_length=1, description="Between the fields of CSV: , ; | : ~ ^ or a tab."
    )
    has_headers: Flag = Field(
        True, description="The first row of CSV names the columns; false: they come in the table's order."
    )
    mapping: JsonObject | None = Field(
        None, description='Which column each field goes into, null for none: {"Full name": "name"}.'
    )
    match: Names | None = Field(
        None, description="By which columns a record that is there is known. Default: its key."
    )

    @property
    def terms(self) -> dict[str, Any]:
        """The same, as an import takes it."""
        return {
            "on_conflict": self.on_conflict,
            "delimiter": self.delimiter,
            "has_headers": self.has_headers,
            "mapping": _mapping(self.mapping),
            "match": self.match,
        }


class ImportView(SomeTableView):
    """A view of imports."""

    tag = "exchange"
    rights = dict.fromkeys(("GET", "POST", "DELETE"), Operation.IMPORT)

    def proceed(self, request: Request, table: Table, upload: Upload, once: Once | None) -> HttpResponse:
        """This function will look at a file, ask whoever brought it, or have it imported.

        :raises InvalidInput: rows are at fault; `details.errors` lists them
        :raises ConfirmationRequired: nothing is; `details.plan` says what would be done
        """
        actor, token, preferences = self.actor, plan_token_of(request), Preferences.of(request)
        if token is None or preferences.dry_run:
            looking = steps.start_look(actor=actor, table=table, upload=upload, once=once)
            if preferences.dry_run:
                return preferences.tell(
                    answer(import_shown.told(request, actor, table, upload))
                    if looking is None
                    else started(request, actor, looking)
                )
            is_free = policy.is_free_of_plans(actor, Planned(f"IMPORT_{upload.format.upper()}"))
            if looking is not None and not is_free:
                return started(request, actor, looking)
            if looking is None:
                found = import_shown.told(request, actor, table, upload)
                import_shown.require_sound(found)
                if not is_free:
                    raise import_shown.confirmation(found)
        job = steps.start_agreed(actor=actor, table=table, upload=upload, plan_token=token, once=once)
        return started(request, actor, job)


class ImportsView(ImportView):
    """Files to be imported."""

    operations = {"POST": "IMPORT_CSV"}
    parser_classes = ()
    takes_files = True

    @property
    def most_bytes(self) -> int:
        """How large a request's body may be."""
        return self._most_of_file + FORM_BYTES

    @property
    def _most_of_file(self) -> int:
        return int(settings.IMPORT_MAX_UPLOAD_MB) * 1_000_000

    @describes(
        query=ImportParameters,
        body={"type": "string"},
        takes="text/csv",
        headers=("Prefer", "Plan-Token", "Idempotency-Key"),
        answers={200: ImportShown, 202: JobShown},
        sends={200: ("Preference-Applied",), 202: (*STARTED, "Preference-Applied?")},
        refuses=(ConfirmationRequired, LimitExceeded),
    )
    def post(self, request: Request) -> HttpResponse:
        """Import a file, all or nothing: first you get a plan (409), then with its token a job imports it (202).

        The body is the file: CSV, JSON, NDJSON or XLSX by its content's type; or a form has it as `file`. What is
        wrong with its rows is told by row and column (400); a large file is looked at by a job first (202). With
        Prefer: dry-run it is only looked at.
        """
        plain = request._request  # noqa: SLF001 - whose body nobody has read
        given = given_in(plain.GET)
        if plain.content_type in FORMATS:  # so that who may not is told before the file has come
            self._require_allowed(ImportParameters.read(given), FORMATS[plain.content_type])
        brought = bodies.brought(plain, FORMATS, self._most_of_file)
        if twice := given.keys() & brought.fields.keys():
            raise InvalidInput(f"The parameter {min(twice)!r} is given twice.", argument=min(twice))
        fields = {name: text for name, text in brought.fields.items() if name != "csrfmiddlewaretoken"}
        asked = ImportParameters.read({**given, **fields})
        format_ = asked.format or FORMATS.get(brought.media_type)
        table = self._require_allowed(asked, format_)
        upload = uploads.keep(
            actor=self.actor,
            table=table,
            file_name=brought.name,
            source=brought.file,
            now=timezone.now(),
            format=format_,
        )
        self.about(operation=f"IMPORT_{upload.format.upper()}", table=table.name)
        once = once_of(request, self.actor, [upload.sha256, upload.format, asked.model_dump()])
        if job := jobs.begun(once):
            uploads.forget(upload)
            return started(request, self.actor, job)
        steps.choose(actor=self.actor, table=table, upload=upload, terms=asked.terms)
        return self.proceed(request, table, upload, once)

    def _require_allowed(self, asked: ImportParameters, format_: Format | None) -> Table:
        named: Format = asked.format or format_ or "csv"
        self.about(operation=f"IMPORT_{named.upper()}", table=asked.table)
        table = registry.get(asked.table)
        Order(self.actor, table, named, **asked.terms).require_allowed()
        return table


class BroughtView(ImportView):
    """A file that was brought."""

    operations = {"GET": "QUERY", "HEAD": "QUERY", "POST": "IMPORT_CSV", "DELETE": "QUERY"}

    def variables(self, name: str) -> dict[str, Any]:
        """This function will return the schema of what names a file."""
        if name == "table":
            return {"type": "string", "pattern": "^[a-z_][a-z0-9_]{0,62}$"}
        return {"type": "string", "pattern": "^[0-9a-f]{32}$"}

    @cached_property
    def table(self) -> Table:
        """The table that the file was brought for.

        :raises NotFound: there is none of that name
        """
        self.about(table=self.kwargs["table"])
        try:
            return registry.get(self.kwargs["table"])
        except InvalidInput as refusal:
            raise NotFound(refusal.message) from refusal

    @describes(answers={200: ImportShown}, refuses=(NotFound,))
    def get(self, request: Request, table: str, token: str) -> HttpResponse:
        """Read what was found in a file that you brought: what would be new and changed, and all that is wrong."""
        return answer(import_shown.told(request, self.actor, self.table, self._upload(token)))

    @describes(
        headers=("Prefer", "Plan-Token", "Idempotency-Key"),
        answers={200: ImportShown, 202: JobShown},
        sends={200: ("Preference-Applied",), 202: (*STARTED, "Preference-Applied?")},
        refuses=(NotFound, ConfirmationRequired),
    )
    def post(self, request: Request, table: str, token: str) -> HttpResponse:
        """Import a file that you brought: on the terms that it was brought with, and as its plan says."""
        once = once_of(request, self.actor, None)
        if job := jobs.begun(once):
            return started(request, self.actor, job)
        upload = self._upload(token)
        self.about(operation=f"IMPORT_{upload.format.upper()}")
        return self.proceed(request, self.table, upload, once)

    @describes(answers={204: None}, refuses=(NotFound,))
    def delete(self, request: Request, table: str, token: str) -> HttpResponse:
        """Forget a file that you brought: else that happens in a day."""
        uploads.forget(self._upload(token))
        return answer(None, 204)

    def _upload(self, token: str) -> Upload:
        return uploads.find(actor=self.actor, table=self.table, token=token)


def _mapping(given: Any) -> dict[str, str | None] | None:
    if given is None:
        return None
    if not all(value is None or isinstance(value, str) for value in given.values()):
        raise InvalidInput("mapping is an object of columns by the names of fields.", argument="mapping")
    return dict(given)
