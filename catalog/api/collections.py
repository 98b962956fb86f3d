"""The records of a table: lists, new ones, and many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpResponse
from rest_framework.request import Request

from accesscontrol.answers import Json
from accesscontrol.api.content import answer
from accesscontrol.api.described import Schema, describes
from accesscontrol.api.parameters import given_in
from accesscontrol.api.preferences import Preferences
from accesscontrol.policy import Operation
from audit.api.terms import WRITING, WriteParameters, terms_of
from audit.operation import Terms
from catalog.api import listing, schemas, where_schemas
from catalog.api.records import TOLD, WRITE_REFUSALS, DeleteParameters, deletion_of, told, written
from catalog.api.tables import TableView
from catalog.services import batch, records
from catalog.services.writing import Change

COUNTS = {"type": "array", "items": {"type": "integer"}, "description": "How many each part wrote."}
DELETION = {"type": ["string", "null"], "enum": ["soft", "hard", None]}


def _of(make: Callable[..., Schema]) -> Callable[[TableView], Schema]:
    """What makes a schema, for the view that the document is made of."""
    return lambda view: make(view.caller, view.table)


def _added(view: TableView) -> Schema:
    keys = {"type": "array", "items": schemas.key_of(view.table)}
    many = schemas.batch(view.caller, view.table, "inserted", keys=keys)
    return {"anyOf": [schemas.record(view.caller, view.table), schemas.added(view.table), many]}


class CollectionView(TableView):
    """All records of a table."""

    operations = {
        "GET": "QUERY",
        "HEAD": "QUERY",
        "POST": "INSERT",
        "PATCH": "BATCH_UPDATE",
        "DELETE": "BATCH_DELETE",
    }

    rights = {
        "GET": Operation.READ,
        "POST": Operation.INSERT,
        "PATCH": Operation.UPDATE,
        "DELETE": Operation.DELETE,
    }

    @property
    def operation(self) -> str:
        """What the request does, as the trail names it: a list of records is a batch."""
        request = self.request
        if request.method == "POST" and isinstance(getattr(request, "_full_data", None), list):
            return "BATCH_INSERT"
        return super().operation

    @describes(query=listing.parameters_of, answers={200: _of(schemas.page)}, sends={200: ("Link",)})
    def get(self, request: Request) -> HttpResponse:
        """List records."""
        page = listing.find(self.actor, self.table, request.GET)
        return answer(listing.body_of(page), 200, listing.links_of(request, page))

    @describes(
        query=WriteParameters,
        headers=WRITING,
        body=lambda view: {
            "anyOf": [
                schemas.to_insert(view.caller, view.table),
                schemas.list_of(schemas.to_insert(view.caller, view.table), batch.MAX_RECORDS),
            ]
        },
        answers={201: _added, 200: _added},
        sends={201: ("Location?", "ETag?", *TOLD), 200: ("ETag?", *TOLD)},
        refuses=WRITE_REFUSALS,
    )
    def post(self, request: Request) -> HttpResponse:
        """Add a record, or a list of up to 1,000: all of them or none."""
        terms = terms_of(request)
        if isinstance(request.data, list):
            self.meter.count(self)  # as the batch that it turns out to be
            change = batch.insert_records(
                actor=self.actor, table=self.table, records=request.data, terms=terms
            )
            keys = [self.table.format_key(record) for record in change.records]
            whole = {} if Preferences.of(request).minimal else {"records": Json(change.records.json())}
            body = {"inserted": change.count, "keys": keys, "change_id": change.change_id, **whole}
            return told(request, change, answer(body, 200 if terms.dry_run else 201))
        change = records.insert_record(actor=self.actor, table=self.table, data=request.data, terms=terms)
        return self._added(request, change, terms)

    @describes(
        query=WriteParameters,
        headers=WRITING,
        body=_of(schemas.updates),
        answers={200: lambda view: schemas.batch(view.caller, view.table, "updated", counts=COUNTS)},
        sends={200: TOLD},
        refuses=WRITE_REFUSALS,
    )
    def patch(self, request: Request) -> HttpResponse:
        """Apply a list of up to 100 updates, {"where", "data"} each: all of them or none."""
        change = batch.update_records(
            actor=self.actor, table=self.table, updates=self.parts, terms=terms_of(request)
        )
        return told(request, change, answer(self._batch("updated", request, change)))

    @describes(
        query=deletion_of,
        headers=WRITING,
        body=lambda view: schemas.list_of(where_schemas.where(view.caller, view.table), batch.MAX_PARTS),
        answers={
            200: lambda view: schemas.batch(view.caller, view.table, "deleted", counts=COUNTS, type=DELETION)
        },
        sends={200: TOLD},
        refuses=WRITE_REFUSALS,
    )
    def delete(self, request: Request) -> HttpResponse:
        """Delete what a list of up to 100 conditions matches: all of it or nothing."""
        parameters = DeleteParameters.read(given_in(request.GET))
        change = batch.delete_records(
            actor=self.actor,
            table=self.table,
            conditions_=self.parts,
            soft_delete=parameters.soft,
            terms=terms_of(request, parameters),
        )
        body = {**self._batch("deleted", request, change), "type": change.type}
        return told(request, change, answer(body))

    def _added(self, request: Request, change: Change, terms: Terms) -> HttpResponse:
        """Answer with the new record, or where less is preferred with its key: only that says which it is."""
        status = 200 if terms.dry_run else 201
        key = self.table.format_key(change.records[0])
        if Preferences.of(request).minimal:
            response = told(request, change, answer({"key": key, "change_id": change.change_id}, status))
        else:
            response = written(request, change, status)
        if not terms.dry_run:
            response["Location"] = request.build_absolute_uri(f"{request.path}{key}/")
        return response

    @property
    def parts(self) -> list[Any]:
        """The body, of which each item is a part of a batch; the service says so where it is no list."""
        return cast("list[Any]", self.request.data)

    @staticmethod
    def _batch(deed: str, request: Request, change: Any) -> dict[str, Any]:
        """What a batch answers: how many in all and by each part, and the records unless less is preferred."""
        whole = {} if Preferences.of(request).minimal else {"records": Json(change.records.json())}
        return {deed: change.count, "counts": change.counts, "change_id": change.change_id, **whole}
