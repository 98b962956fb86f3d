"""What is asked of the audit trail, and what it answers, in the words of every face."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, GetPydanticSchema

from accesscontrol.answers import Json
from accesscontrol.arguments import MAX_NAME_CHARS
from accesscontrol.errors import InvalidInput
from audit.models import OPERATIONS


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


@dataclass(frozen=True)
class AuditEntry:
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
    Json, GetPydanticSchema(lambda _source, handler: handler.generate_schema(list[AuditEntry]))
]


@dataclass(frozen=True)
class AuditPage:
    count: int
    limit: int
    offset: int
    next_cursor: Annotated[str | None, Field(description="Give it as `cursor` to read on; null at the end.")]
    logs: AuditLogs


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
