"""One record: read, changed, replaced, deleted, and taken out of the trash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from accesscontrol import policy
from accesscontrol.answers import Json
from accesscontrol.api import conditions
from accesscontrol.api.content import answer
from accesscontrol.api.described import Schema, describes, parameter_schemas
from accesscontrol.api.parameters import Flag, given_in
from accesscontrol.api.preferences import Preferences
from accesscontrol.errors import (
    Conflict,
    InvalidInput,
    LimitExceeded,
    NotFound,
    PreconditionFailed,
    TooLarge,
    UnsupportedContent,
)
from accesscontrol.policy import Operation
from audit.api.terms import WRITING, WriteParameters, terms_of
from catalog.api import etags, schemas
from catalog.api.listing import Chosen, chosen_of
from catalog.api.tables import TableView
from catalog.errors import CheckViolation, DuplicateKey, ForeignKeyViolation, NotNullViolation
from catalog.services import columns, queries, records, trash, values
from catalog.services.writing import Change
from catalog.table import Table


class DeleteParameters(WriteParameters):
    """What the address of a deletion takes."""

    soft: Flag | None = Field(
        None,
        description="true: into the trash. false: for good. Default: into the trash where the table has one.",
    )


def deletion_of(view: TableView) -> dict[str, Schema]:
    """This function will return the schemas of what the address of a deletion takes, where there is a trash or none."""
    known = parameter_schemas(DeleteParameters)
    if not view.table.soft_delete:
        known["soft"] = {"type": "boolean", "enum": [False], "description": "The table has no trash."}
    return known


WRITE_REFUSALS = (
    Conflict, TooLarge, UnsupportedContent, LimitExceeded, DuplicateKey, ForeignKeyViolation, CheckViolation,
    NotNullViolation,
)  # fmt: skip
CONDITIONAL = (*WRITING, "If-Match")
TOLD = ("Change-Id", "Preference-Applied?")
"""The headers of answers to writes."""
WRITTEN = ("ETag", *TOLD)
"""The headers of answers to writes of one record."""


def _record(view: TableView) -> Schema:
    return schemas.record(view.caller, view.table)


def _part(view: TableView) -> Schema:
    return schemas.record(view.caller, view.table, is_whole=False)


class RecordView(TableView):
    """One record by its key."""

    operations = {"GET": "QUERY", "HEAD": "QUERY", "PATCH": "UPDATE", "PUT": "UPDATE", "DELETE": "DELETE"}

    rights = {
        "GET": Operation.READ,
        "PATCH": Operation.UPDATE,
        "PUT": Operation.UPDATE,
        "DELETE": Operation.DELETE,
    }

    @describes(
        query=chosen_of,
        headers=("If-None-Match",),
        answers={200: _part, 304: None},
        sends={200: ("ETag?",), 304: ("ETag",)},
        refuses=(NotFound,),
    )
    def get(self, request: Request, key: str) -> HttpResponse:
        """Read a record."""
        chosen = Chosen.read(given_in(request.GET))
        wanted = where_of(self.table, key)
        if chosen.fields or chosen.expand:  # a part, or more: no revision of the record can be made of it
            return answer(Json(self._found(self._part(wanted, chosen))))
        text = self._found(
            queries.get_record(
                actor=self.actor, table=self.table, key=wanted, include_deleted=chosen.include_deleted
            )
        )
        etag = etags.etag_of(text)
        if has := conditions.known(request, etag):
            return answer(None, 304, {"ETag": has})
        return answer(Json(text), 200, {"ETag": etag})

    def _part(self, key: dict[str, int], chosen: Chosen) -> str | None:
        page = queries.query_records(
            actor=self.actor,
            table=self.table,
            columns=chosen.fields,
            where=key,
            limit=1,
            count="none",
            include_deleted=chosen.include_deleted,
            expand=chosen.expand,
        )
        return next(iter(page.records.texts), None)

    def _found(self, text: str | None) -> str:
        if text is None:
            raise NotFound(f"There is no such record in {self.table.name}.", table=self.table.name)
        return text

    @describes(
        query=WriteParameters,
        headers=CONDITIONAL,
        body=lambda view: schemas.to_change(view.caller, view.table),
        answers={200: _record, 204: None},
        sends={200: WRITTEN, 204: WRITTEN},
        refuses=(NotFound, PreconditionFailed, *WRITE_REFUSALS),
    )
    def patch(self, request: Request, key: str) -> HttpResponse:
        """Change the columns named in the body."""
        return self._update(request, key, request.data)

    @describes(
        query=WriteParameters,
        headers=CONDITIONAL,
        body=lambda view: schemas.to_replace(view.caller, view.table),
        answers={200: _record, 204: None},
        sends={200: WRITTEN, 204: WRITTEN},
        refuses=(NotFound, PreconditionFailed, *WRITE_REFUSALS),
    )
    def put(self, request: Request, key: str) -> HttpResponse:
        """Replace the record: columns that the body leaves out become what they are without a value."""
        return self._update(request, key, whole_record(self, request.data))

    @describes(
        query=deletion_of,
        headers=CONDITIONAL,
        answers={204: None},
        sends={204: TOLD},
        refuses=(NotFound, PreconditionFailed, *WRITE_REFUSALS),
    )
    def delete(self, request: Request, key: str) -> HttpResponse:
        """Delete the record: into the trash where the table has one, or with soft=false for good."""
        parameters = DeleteParameters.read(given_in(request.GET))
        change = records.delete_records(
            actor=self.actor,
            table=self.table,
            where=where_of(self.table, key),
            soft_delete=parameters.soft,
            expect_one=True,
            revision=etags.expected(request),
            terms=terms_of(request, parameters),
        )
        return told(request, change, answer(None, 204))

    def _update(self, request: Request, key: str, data: Any) -> HttpResponse:
        change = records.update_records(
            actor=self.actor,
            table=self.table,
            data=data,
            where=where_of(self.table, key),
            expect_one=True,
            revision=etags.expected(request),
            terms=terms_of(request),
        )
        return written(request, change)


class RestoreView(TableView):
    """A record in the trash."""

    operations = {"POST": "RESTORE_RECORDS"}
    rights = {"POST": Operation.UPDATE}

    @describes(
        query=WriteParameters,
        headers=WRITING,
        answers={200: _record, 204: None},
        sends={200: WRITTEN, 204: WRITTEN},
        refuses=(NotFound, *WRITE_REFUSALS),
    )
    def post(self, request: Request, key: str) -> HttpResponse:
        """Take the record out of the trash."""
        change = trash.restore_records(
            actor=self.actor, table=self.table, where=where_of(self.table, key), terms=terms_of(request)
        )
        if not change.count:
            raise NotFound(
                f"There is no such record in the trash of {self.table.name}.", table=self.table.name
            )
        return written(request, change)


def where_of(table: Table, key: str) -> dict[str, int]:
    """This function will return the condition that finds the record of an address.

    :raises NotFound: the text is no key of the table, and so no record has it
    """
    try:
        return table.parse_key(key)
    except InvalidInput as refusal:
        raise NotFound(refusal.message, table=table.name) from refusal


def whole_record(view: TableView, data: object) -> object:
    """This function will return a body with every column that its sender may set, each left out as it is by default."""
    if not isinstance(data, Mapping):
        return data  # the service says what is wrong
    table, actor = columns.shown(view.actor, view.table), view.actor
    kept = policy.read_only_columns(actor, Operation.UPDATE, table.name)
    settable = [
        name
        for name in table.columns
        if name not in table.managed_columns and name not in table.key and name not in kept
    ]
    return {**{name: values.default_of(table, name) for name in settable}, **data}


def written(request: Request, change: Change, status: int = 200) -> HttpResponse:
    """This function will answer a write of one record: with the record, unless less is preferred."""
    (text,) = change.records.texts
    etag = {"ETag": etags.etag_of(text)}
    if Preferences.of(request).minimal:
        return told(request, change, answer(None, 204, etag))
    return told(request, change, answer(Json(text), status, etag))


def told(request: Request, change: Change, response: HttpResponse) -> HttpResponse:
    """This function will say which change an answer is about, and what was heeded of the preferences."""
    response["Change-Id"] = str(change.change_id)
    return Preferences.of(request).tell(response)
