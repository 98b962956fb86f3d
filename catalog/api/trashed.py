"""Many records in the trash: taken out of it, and removed for good."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from accesscontrol.answers import Json
from accesscontrol.api.content import answer
from accesscontrol.api.described import Schema, describes
from accesscontrol.api.preferences import Preferences
from accesscontrol.arguments import Arguments
from accesscontrol.policy import Operation
from audit.api.terms import WRITING, WriteParameters, terms_of
from catalog.api import schemas
from catalog.api.records import TOLD, WRITE_REFUSALS, told
from catalog.api.tables import TableView
from catalog.services import trash


class Trashed(Arguments):
    """Which records in the trash."""

    where: dict[str, Any]


def _which(view: TableView) -> Schema:
    return schemas.which(view.caller, view.table)


class RestoreManyView(TableView):
    """Records in the trash that are to be there again."""

    operations = {"POST": "RESTORE_RECORDS"}
    rights = {"POST": Operation.UPDATE}

    @describes(
        query=WriteParameters,
        headers=WRITING,
        body=_which,
        answers={200: lambda view: schemas.batch(view.caller, view.table, "restored")},
        sends={200: TOLD},
        refuses=WRITE_REFUSALS,
    )
    def post(self, request: Request) -> HttpResponse:
        """Take all records that `where` matches out of the trash: all of them or none."""
        terms, which = terms_of(request), Trashed.read(request.data)
        change = trash.restore_records(actor=self.actor, table=self.table, where=which.where, terms=terms)
        whole = {} if Preferences.of(request).minimal else {"records": Json(change.records.json())}
        body = {"restored": change.count, "change_id": change.change_id, **whole}
        return told(request, change, answer(body))


class PurgeView(TableView):
    """Records in the trash that are to go for good."""

    operations = {"POST": "PURGE"}
    rights = {"POST": Operation.PURGE}

    @describes(
        query=WriteParameters,
        headers=WRITING,
        body=_which,
        answers={200: lambda _: schemas.purged()},
        sends={200: TOLD},
        refuses=WRITE_REFUSALS,
    )
    def post(self, request: Request) -> HttpResponse:
        """Remove all records in the trash that `where` matches for good: all of them or none."""
        terms, which = terms_of(request), Trashed.read(request.data)
        change = trash.purge_records(actor=self.actor, table=self.table, where=which.where, terms=terms)
        return told(request, change, answer({"purged": change.count, "change_id": change.change_id}))
