"""The versions of one record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from accesscontrol.api import links
from accesscontrol.api.content import answer
from accesscontrol.api.described import describes
from accesscontrol.api.parameters import Parameters, Whole, given_in
from accesscontrol.errors import NotFound
from accesscontrol.policy import Operation
from catalog.api.records import where_of
from catalog.api.tables import TableView
from catalog.services import versions


class VersionsParameters(Parameters):
    """What the address of a record's versions takes."""

    limit: Whole = Field(20, ge=1, le=100, description="Most versions to return.")
    before: Whole | None = Field(
        None, ge=1, le=2**63 - 1, description="Only those older than the version of this number."
    )


@dataclass(frozen=True)
class RecordVersion:
    number: int
    kind: Literal["inserted", "updated", "deleted"]
    at: datetime
    user_id: str | None
    channel: str | None
    change_id: UUID | None
    changes: Annotated[dict[str, Any], Field(description="What differs: {column: [old, new]}.")]


@dataclass(frozen=True)
class RecordVersions:
    """The versions of a record, the newest first."""

    table: str
    key: str
    count: int
    versions: list[RecordVersion]


class VersionsView(TableView):
    """The versions of one record."""

    operations = {"GET": "QUERY", "HEAD": "QUERY"}
    rights = {"GET": Operation.READ}

    @describes(
        query=VersionsParameters, answers={200: RecordVersions}, sends={200: ("Link?",)}, refuses=(NotFound,)
    )
    def get(self, request: Request, key: str) -> HttpResponse:
        """List the versions of a record, the newest first: who changed what, and when."""
        asked = VersionsParameters.read(given_in(request.GET))
        where_of(self.table, key)
        found = versions.list_versions(
            actor=self.actor, table=self.table, key=key, before=asked.before, limit=asked.limit + 1
        )
        shown = [
            RecordVersion(
                kept.number,
                kept.kind,
                kept.at,
                kept.username,
                kept.channel,
                kept.change_id,
                _plain(kept.changes),
            )
            for kept in found[: asked.limit]
        ]
        headers = None
        if len(found) > asked.limit:
            headers = links.header(request, [("next", {"before": str(shown[-1].number)})])
        return answer(RecordVersions(self.table.name, key, len(shown), shown), 200, headers)


def _plain(value: Any) -> Any:
    """A value as records show it: a number that is one in any reader, and else as text."""
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
