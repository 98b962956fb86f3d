"""Changes: what undoing one would do, and its undo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from accesscontrol.answers import Json, Records
from accesscontrol.api.content import answer
from accesscontrol.api.described import describes
from accesscontrol.api.preferences import Preferences
from accesscontrol.api.view import ServiceView
from accesscontrol.errors import Conflict, NotFound
from audit.api.terms import WRITING, WriteParameters, once_of, terms_of
from audit.operation import MAX_AFFECTED
from catalog.api.records import TOLD, WRITE_REFUSALS, told
from catalog.services import undo, undo_preview
from catalog.services.undo_preview import Deed
from jobs import services as jobs
from jobs.api.shown import STARTED, JobShown, started

MAX_AT_ONCE: Final = 1_000  # records; more are undone by a job


@dataclass(frozen=True)
class ChangePart:
    table: str
    deed: Deed
    count: int
    keys: Annotated[list[str], Field(description="The first few of the records, where you may read them.")]


@dataclass(frozen=True)
class ChangeConflict:
    table: str
    key: str
    reason: str


@dataclass(frozen=True)
class ChangePreview:
    """What undoing a change would do."""

    change_id: UUID
    at: datetime
    count: Annotated[int, Field(description="How many records would be written.")]
    parts: list[ChangePart]
    conflicts: Annotated[
        list[ChangeConflict], Field(description="Records that are no longer as the change left them.")
    ]
    is_looked_at: Annotated[
        bool, Field(description="false: so large that conflicts would show only while undoing.")
    ]


@dataclass(frozen=True)
class ChangeUndone:
    undone: Annotated[int, Field(description="How many records are again what they were.")]
    change_id: UUID
    records: Annotated[Records | None, Field(description="null with Prefer: return=minimal.")]


class ChangeView(ServiceView):
    """A view of one change."""

    tag = "changes"
    rights = dict.fromkeys(("GET", "POST"), "insert, update, delete: what undoing does")

    def variables(self, name: str) -> dict[str, Any]:
        """This function will return the schema of a change's number."""
        return {"type": "string", "format": "uuid"}


class PreviewView(ChangeView):
    """What undoing a change would do."""

    operations = {"GET": "QUERY", "HEAD": "QUERY"}

    @describes(answers={200: ChangePreview}, refuses=(NotFound, Conflict))
    def get(self, request: Request, change_id: UUID) -> HttpResponse:
        """Say what undoing a change would do, and what stands in its way."""
        found = undo_preview.preview_undo(actor=self.actor, change_id=change_id)
        parts = [
            ChangePart(part.table.name, part.deed, part.count, [sample.key for sample in part.samples])
            for part in found.parts
        ]
        conflicts = [ChangeConflict(**conflict) for conflict in found.conflicts]
        return answer(ChangePreview(change_id, found.at, found.count, parts, conflicts, found.is_looked_at))


class UndoView(ChangeView):
    """The undo of a change."""

    operations = {"POST": "UNDO"}

    @describes(
        query=WriteParameters,
        headers=WRITING,
        answers={200: ChangeUndone, 202: JobShown},
        sends={200: TOLD, 202: STARTED},
        refuses=(NotFound, *WRITE_REFUSALS),
    )
    def post(self, request: Request, change_id: UUID) -> HttpResponse:
        """Take a change back: all of it or nothing; one of more than 1,000 records by a job (202)."""
        terms = terms_of(request)
        if not terms.dry_run and terms.max_affected == MAX_AFFECTED and self._is_large(change_id):
            once, arguments = once_of(request, self.actor, None), {"change_id": str(change_id)}
            job = jobs.enqueue(actor=self.actor, kind="undo", arguments=arguments, once=once)
            return started(request, self.actor, job)
        change = undo.undo_change(actor=self.actor, change_id=change_id, terms=terms)
        records = None if Preferences.of(request).minimal else Json(change.records.json())
        return told(request, change, answer(ChangeUndone(sum(change.counts), change.change_id, records)))

    def _is_large(self, change_id: UUID) -> bool:
        return sum(tally.count for tally in undo.outline(self.actor, change_id)) > MAX_AT_ONCE
