"""Tools that tell what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, GetPydanticSchema

from accesscontrol.actor import Actor
from accesscontrol.answers import Json
from accesscontrol.arguments import MAX_NAME_CHARS
from accesscontrol.errors import InvalidInput
from audit import queries
from audit.models import OPERATIONS
from mcp_bridge.arguments import Arguments, Limit, Offset
from mcp_bridge.tool import READS, tool


def _operation(name: str) -> str:
    if name.upper() not in OPERATIONS:
        raise InvalidInput(
            f"There is no operation {name[:MAX_NAME_CHARS]!r}.",
            argument="operation",
            allowed=list(OPERATIONS),
        )
    return name.upper()


Operation = Annotated[str, AfterValidator(_operation), Field(json_schema_extra={"enum": list(OPERATIONS)})]
TableName = Annotated[str, Field(pattern="^[a-z_][a-z0-9_]*$", max_length=63)]
UserName = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=150)]


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


@dataclass(frozen=True)
class AuditLog:
    id: int
    timestamp: datetime
    operation: str
    table_name: str | None
    record_id: str | None
    user_id: str | None
    success: bool
    error_message: str | None
    execution_time: Annotated[float | None, Field(description="Milliseconds.")]
    changes: Annotated[Any, Field(description="What changed: {column: {old, new}}.")]
    error_code: str | None
    record_count: int | None
    channel: str | None
    client_info: dict[str, Any]
    request_id: UUID | None
    change_id: UUID | None
    dry_run: bool
    query_hash: Annotated[str | None, Field(description="The same for queries of the same form.")]


AuditLogs = Annotated[
    Json, GetPydanticSchema(lambda _source, handler: handler.generate_schema(list[AuditLog]))
]


@dataclass(frozen=True)
class AuditPage:
    count: int
    limit: int
    offset: int
    next_cursor: Annotated[str | None, Field(description="Give it as `cursor` to read on; null at the end.")]
    logs: AuditLogs


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


@dataclass(frozen=True)
class TimeRange:
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Totals:
    total_operations: int
    successful_operations: int
    failed_operations: int
    success_rate: Annotated[float | None, Field(description="From 0 to 1.")]
    tables_accessed: int
    unique_users: int
    avg_execution_time_ms: float | None
    p95_execution_time_ms: float | None
    max_execution_time_ms: float | None
    time_range: TimeRange


@dataclass(frozen=True)
class ByOperation:
    operation: str
    count: int
    failed: int
    avg_execution_time_ms: float | None


@dataclass(frozen=True)
class ByTable:
    table: str
    count: int
    failed: int
    avg_execution_time_ms: float | None


@dataclass(frozen=True)
class ByUser:
    user_id: str
    count: int
    failed: int
    avg_execution_time_ms: float | None


@dataclass(frozen=True)
class AuditSummary:
    summary: Totals
    by_operation: list[ByOperation]
    by_table: list[ByTable]
    by_user: list[ByUser]


@tool(title="Summarise the audit trail", operation="AUDIT_SUMMARY", effect=READS)
def db_get_audit_summary(actor: Actor, arguments: GetAuditSummary) -> AuditSummary:
    """Count operations, failures and times in a period: in all, and by operation, table and user.

    It counts what db_query_audit_logs would show you. Example: {"start_date": "2026-11-01", "end_date": "2026-12-01"}
    """
    return AuditSummary(**queries.summary(actor=actor, **dict(arguments)))


TOOLS = (db_query_audit_logs, db_get_audit_summary)
