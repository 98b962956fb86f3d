"""Tools that tell what happened."""

from __future__ import annotations

from pydantic import Field

from accesscontrol.actor import Actor
from accesscontrol.answers import Json
from audit import queries
from audit.shapes import AuditPage, AuditSummary, Operation, TableName, UserName
from mcp_bridge.arguments import Arguments, Limit, Offset
from mcp_bridge.tool import READS, tool


class Period(Arguments):
    start_date: str | None = Field(
        None, description="From then on. ISO 8601: 2026-11-22T20:15:00Z or 2026-11-22."
    )
    end_date: str | None = Field(None, description="Before then. Times without a zone are UTC.")
    table: TableName | None = Field(None, description="Only what touched this table.")


class QueryAuditLogs(Period):
    operation: Operation | None = Field(None, description="Only this kind of operation.")
    user_id: UserName | None = Field(None, description="Only what this user did, by name.")
    success: bool | None = Field(
        None, description="true: only what succeeded. false: only what was refused or failed."
    )
    limit: Limit = 100
    offset: Offset = 0
    cursor: str | None = Field(
        None,
        description="`next_cursor` of the page before: goes on there, whatever was done since.",
    )


@tool(title="Query the audit trail", operation="AUDIT_QUERY", effect=READS)
def db_query_audit_logs(actor: Actor, arguments: QueryAuditLogs) -> AuditPage:
    """List what was done, newest first: who, when, to which table and record, what changed, and what was refused.

    You see your own operations, those on tables that you may read, and with the right view_audit all of them.
    At most 1,000 rows a call; `next_cursor`, given as `cursor`, reads on.
    Example: {"table": "books", "operation": "UPDATE", "start_date": "2026-11-01", "limit": 20}
    """
    page = queries.search(actor=actor, **dict(arguments))
    return AuditPage(**{**page, "logs": Json(page["logs"].json())})


class GetAuditSummary(Period):
    pass


@tool(title="Summarise the audit trail", operation="AUDIT_SUMMARY", effect=READS)
def db_get_audit_summary(actor: Actor, arguments: GetAuditSummary) -> AuditSummary:
    """Count operations, failures and times in a period: in all, and by operation, table and user.

    It counts what db_query_audit_logs would show you. Example: {"start_date": "2026-11-01", "end_date": "2026-12-01"}
    """
    return AuditSummary(**queries.summary(actor=actor, **dict(arguments)))


TOOLS = (db_query_audit_logs, db_get_audit_summary)
