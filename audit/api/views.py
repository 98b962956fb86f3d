"""The audit trail: its entries, one of them, and what they sum up to."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from accesscontrol.answers import Json
from accesscontrol.api import links
from accesscontrol.api.content import answer
from accesscontrol.api.described import describes
from accesscontrol.api.parameters import Flag, Parameters, Whole, given_in
from accesscontrol.api.view import ServiceView
from accesscontrol.errors import NotFound
from accesscontrol.policy import Right
from audit import browsing, queries
from audit.shapes import AuditEntry, AuditPage, AuditSummary, Operation, TableName, UserName


class Period(Parameters):
    """What all of the trail can be narrowed down by."""

    start_date: str | None = Field(
        None, description="From then on. ISO 8601: 2026-11-22T20:15:00Z or 2026-11-22."
    )
    end_date: str | None = Field(None, description="Before then. Times without a zone are UTC.")
    table: TableName | None = Field(None, description="Only what touched this table.")


class Asked(Period):
    """What the address of the trail takes."""

    operation: Operation | None = Field(None, description="Only this kind of operation.")
    user_id: UserName | None = Field(None, description="Only what this user did, by name.")
    success: Flag | None = Field(
        None, description="true: only what succeeded. false: only what was refused or failed."
    )
    limit: Whole = Field(100, ge=1, le=queries.MAX_LIMIT, description="Most entries to return.")
    offset: Whole = Field(0, ge=0, le=queries.MAX_OFFSET, description="How many entries to skip.")
    cursor: str | None = Field(
        None, description="`next_cursor` of the page before: goes on there, whatever was done since."
    )


class TrailView(ServiceView):
    """The trail."""

    operations = {"GET": "AUDIT_QUERY", "HEAD": "AUDIT_QUERY"}
    tag = "audit"
    others = Right.VIEW_AUDIT

    @describes(query=Asked, answers={200: AuditPage}, sends={200: ("Link",)})
    def get(self, request: Request) -> HttpResponse:
        """List what was done, newest first: by yourself, on tables that you may read, or with view_audit all."""
        page = queries.search(actor=self.actor, **dict(Asked.read(given_in(request.GET))))
        told = AuditPage(**{**page, "logs": Json(page["logs"].json())})
        return answer(told, 200, links.of_page(request, told.next_cursor))


class SummaryView(ServiceView):
    """The trail, summed up."""

    operations = {"GET": "AUDIT_SUMMARY", "HEAD": "AUDIT_SUMMARY"}
    tag = "audit"
    others = Right.VIEW_AUDIT

    @describes(query=Period, answers={200: AuditSummary})
    def get(self, request: Request) -> HttpResponse:
        """Count operations, failures and times in a period: in all, and by operation, table and user."""
        return answer(queries.summary(actor=self.actor, **dict(Period.read(given_in(request.GET)))))


class EntryView(ServiceView):
    """One entry of the trail."""

    operations = {"GET": "AUDIT_QUERY", "HEAD": "AUDIT_QUERY"}
    tag = "audit"
    others = Right.VIEW_AUDIT

    @describes(answers={200: AuditEntry}, refuses=(NotFound,))
    def get(self, request: Request, key: int) -> HttpResponse:
        """Read one entry."""
        found = browsing.one(actor=self.actor, key=key)
        return answer(AuditEntry(**{field.name: getattr(found, field.name) for field in fields(AuditEntry)}))

    def variables(self, name: str) -> dict[str, Any]:
        """This function will return the schema of an entry's number."""
        return {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
