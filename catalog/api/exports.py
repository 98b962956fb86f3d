"""Exports: sent as they come, or made into a file by a job and fetched when it is done."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final, Literal

from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accesscontrol.api import downloads
from accesscontrol.api.content import JsonRenderer
from accesscontrol.api.described import Schema, describes, parameter_schemas
from accesscontrol.api.parameters import Flag, JsonObject, Names, Parameters, Whole
from accesscontrol.api.streams import Streamed
from accesscontrol.arguments import Arguments
from accesscontrol.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    LimitExceeded,
    NotFound,
    RangeNotSatisfiable,
)
from accesscontrol.policy import Operation
from audit.api.terms import once_of
from catalog import registry
from catalog.api import filters, listing
from catalog.api.tables import SomeTableView, TableView
from catalog.exchange import fetching, starting, streaming
from catalog.exchange.layout import Kind, Layout
from catalog.exchange.selection import MAX_LIMIT
from jobs import services as jobs
from jobs.api.shown import STARTED, JobShown, started

MEDIA_TYPES: Final[dict[Kind, str]] = {
    "csv": "text/csv",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def _renderer(kind: Kind) -> type[BaseRenderer]:
    members = {
        "media_type": MEDIA_TYPES[kind],
        "format": kind,
        "charset": None,
        "render": JsonRenderer.render,
    }
    return type(f"{kind.capitalize()}Renderer", (BaseRenderer,), members)


Delimiter = Literal[",", ";", "|", "\t", ":", "~", "^"]


class ExportParameters(Parameters):
    """What the address of an export takes beside the filters of its columns."""

    format: Literal["csv", "json", "ndjson", "xlsx"] | None = Field(
        None, description="Default: what Accept asks for, and else csv."
    )
    fields: Names | None = Field(None, description="Columns to export. Default: all.")
    where: JsonObject | None = Field(
        None, description='More than filters can say, in the where language: {"$or": [{…}, {…}]}.'
    )
    order_by: Names | None = Field(
        None, description="Columns to sort by; with `-` before a name from the greatest. Default: by key."
    )
    limit: Whole | None = Field(None, ge=1, le=MAX_LIMIT, description="Most records to export. Default: all.")
    include_deleted: Flag = Field(False, description="Export records in the trash as well.")
    delimiter: Delimiter = Field(",", description="Between the fields of CSV: , ; | : ~ ^ or a tab.")
    include_headers: Flag = Field(True, description="Name the columns in the first row of CSV.")
    escape_formulas: Flag = Field(
        False,
        description="Put an apostrophe before texts that a spreadsheet would run as a formula.",
    )


def _parameters(view: TableView) -> dict[str, Schema]:
    known, own = listing.parameters_of(view), parameter_schemas(ExportParameters)
    filters_ = {name: schema for name, schema in known.items() if name not in listing.Asked.model_fields}
    return {**filters_, **own, **{name: known[name] for name in ("where", "order_by", "fields")}}


class ExportView(TableView):
    """The records of a table, to be sent as they come."""

    operations = {"GET": "EXPORT_CSV"}
    rights = {"GET": Operation.EXPORT}
    renderer_classes = tuple(_renderer(kind) for kind in MEDIA_TYPES)
    http_method_names = ["get"]  # a HEAD would do all of the work

    @property
    def operation(self) -> str:
        """What the request does, as the trail names it: by the format that is asked for."""
        return Layout(self._kind(self.request.GET.get("format"))).operation

    @describes(
        query=_parameters,
        answers={200: {}},
        sends={200: ("Content-Disposition",)},
        refuses=(LimitExceeded,),
        media_type=tuple(MEDIA_TYPES.values()),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Export records: as CSV, JSON, NDJSON or XLSX, any number of them, sent while they are read."""
        asked, given = listing.split(ExportParameters, request.GET)
        kind = self._kind(asked.format)
        try:
            stream = streaming.stream(
                actor=self.actor,
                table=self.table,
                layout=Layout(
                    kind, asked.delimiter, asked.include_headers, escape_formulas=asked.escape_formulas
                ),
                columns=asked.fields,
                where=filters.where_of(self.table, given, asked.where),
                order_by=listing.order_of(asked.order_by),
                limit=asked.limit,
                include_deleted=asked.include_deleted,
            )
        except InvalidInput as refusal:
            raise listing.about_parameters(refusal, given, ExportParameters) from refusal
        return Streamed(request, stream, MEDIA_TYPES[kind], f"{self.table.name}.{kind}")

    def _kind(self, named: str | None) -> Kind:
        chosen: Any = named or getattr(getattr(self.request, "accepted_renderer", None), "format", "csv")
        return chosen if chosen in MEDIA_TYPES else "csv"


class NewExport(Arguments):
    """What a file is to hold, and how it is written."""

    table: str = Field(max_length=63)
    format: Literal["csv", "json", "xlsx"] = "csv"
    fields: list[str] | None = Field(None, min_length=1, description="Columns to export. Default: all.")
    where: dict[str, Any] | None = None
    order_by: list[str] | None = Field(None, description="As in the address of a list: -created_at, id.")
    limit: int | None = Field(None, ge=1, le=MAX_LIMIT)
    include_deleted: bool = False
    delimiter: Delimiter = ","
    include_headers: bool = True
    pretty: bool = Field(False, description="Each column of JSON on a line of its own.")
    escape_formulas: bool = False


class ExportsView(SomeTableView):
    """Files of exports."""

    operations = {"POST": "EXPORT_CSV"}
    tag = "exchange"
    rights = {"POST": Operation.EXPORT}

    @describes(
        headers=("Idempotency-Key",),
        body=NewExport,
        answers={202: JobShown},
        sends={202: STARTED},
        refuses=(Conflict,),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Have a file made of records, by a job: its link `file` leads to it once it is done."""
        asked = NewExport.read(request.data)
        self.about(operation=f"EXPORT_{asked.format.upper()}", table=asked.table)
        job = starting.start_export(
            actor=self.actor,
            table=registry.get(asked.table),
            layout=Layout(
                asked.format,
                asked.delimiter,
                asked.include_headers,
                asked.pretty,
                asked.escape_formulas,
            ),
            columns=asked.fields,
            where=asked.where,
            order_by=listing.order_of(asked.order_by),
            limit=asked.limit,
            include_deleted=asked.include_deleted,
            once=once_of(request, self.actor, request.data),
        )
        return started(request, self.actor, job)


class ExportFileView(SomeTableView):
    """The file that a job has made."""

    operations = {"GET": "QUERY", "HEAD": "QUERY"}
    tag = "exchange"
    rights = {"GET": Operation.EXPORT}
    renderer_classes = (JsonRenderer, *ExportView.renderer_classes)

    def variables(self, name: str) -> dict[str, Any]:
        """This function will return the schema of a job's number."""
        return {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}

    @describes(
        headers=downloads.HEADERS,
        answers={200: {}, 206: {}, 304: None},
        sends={status: (*names, "Repr-Digest") for status, names in downloads.SENT.items()},
        refuses=(NotFound, Forbidden, RangeNotSatisfiable),
        media_type=tuple(MEDIA_TYPES.values()),
    )
    def get(self, request: Request, job_id: int) -> HttpResponseBase:
        """Download the file that a job of yours has made, or a part of it: its sha256 is in Repr-Digest."""
        job = jobs.get(actor=self.actor, job_id=job_id)
        if not job.kind.startswith("export_"):
            raise NotFound("There is no such export.", job=job_id)
        table = registry.get(job.arguments["table"])
        download = fetching.open_made(actor=self.actor, table=table, job_id=job_id)
        kind: Any = download.name.rpartition(".")[2]
        digest = digest_of((job.result or {})["sha256"])
        return downloads.sent(request, download, MEDIA_TYPES[kind], {"Repr-Digest": digest})


def digest_of(sha256: str) -> str:
    """This function will return the header Repr-Digest (RFC 9530) of a file."""
    return f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:"
