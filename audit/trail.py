"""The one writer of the audit trail: a row in the transaction of what it tells of.

Raw SQL, since the application's role may insert only the columns named here: never `id` or
`timestamp`, which the database itself sets.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import structlog
from django.db import InterfaceError, OperationalError, connection
from django.db.backends.utils import CursorWrapper

from accesscontrol.actor import Actor
from accesscontrol.errors import Refused

COLUMNS = (
    "operation", "table_name", "record_id", "user_id", "success", "error_message", "execution_time", "changes",
    "error_code", "record_count", "channel", "client_info", "request_id", "change_id", "dry_run", "query_hash",
)  # fmt: skip

_INSERT = f"INSERT INTO public.audit_logs ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"  # noqa: S608 - our own column names
# What only the statement knows that a row goes along with: how many it has found, and how long that took.
_FOUND_OUT = {
    "record_id": "CASE WHEN found > 0 THEN %s END",
    "record_count": "least(found, %s)",
    "execution_time": "round((%s + extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::numeric, 3)",
}
ALONG = (
    f"INSERT INTO public.audit_logs ({', '.join(COLUMNS)})"
    f" SELECT {', '.join(_FOUND_OUT.get(column, '%s') for column in COLUMNS)}"
)
"""The same for a statement that goes on with FROM: `found` is how many records it has found. See `values`."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # what PostgreSQL's text and jsonb can't hold
_TABLE_NAME = re.compile("[a-z_][a-z0-9_]{0,62}")
_MAX_MESSAGE_CHARS = 2_000
_MAX_NAME_CHARS = 500
_MAX_CLIENT_INFO_CHARS = 4_000
_encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: json.dumps makes one for each text

_logger = structlog.get_logger(__name__)


@dataclass
class Entry:
    """One operation as the trail will tell it; a service fills in what it learns."""

    actor: Actor
    operation: str
    table_name: str | None = None
    record_id: str | None = None
    record_count: int | None = None
    changes: dict[str, Any] | None = None
    change_id: UUID | None = None
    query_hash: str | None = None
    dry_run: bool = False
    success: bool = True
    error_code: str | None = None
    error_message: str | None = None
    execution_time_ms: float = 0.0
    client_info: dict[str, Any] = field(default_factory=dict)  # beside what the actor brings


def record(entry: Entry, cursor: CursorWrapper | psycopg.Cursor[Any] | None = None) -> None:
    """This function will write an entry in the current transaction, or in that of another connection's cursor.

    Whatever a caller sent can be written: what PostgreSQL can't hold is replaced, what is long is cut, and
    a table's name is kept only where it could be one.

    :raises django.db.Error: the row can't be written, and so nothing else may be
    """
    if entry.success:
        entry.actor.count(entry.record_count or 0)
    if cursor is not None:
        cursor.execute(_INSERT, values(entry))
        return
    with connection.cursor() as own:
        own.execute(_INSERT, values(entry))


def values(entry: Entry) -> tuple[Any, ...]:
    """This function will return what is written of an entry, in the order of COLUMNS."""
    actor = entry.actor
    return (
        entry.operation,
        entry.table_name if is_table_name(entry.table_name) else None,
        _text(entry.record_id, _MAX_NAME_CHARS),
        _text(actor.username, _MAX_NAME_CHARS),
        entry.success,
        _text(entry.error_message, _MAX_MESSAGE_CHARS),
        round(entry.execution_time_ms, 3),
        _json(entry.changes),
        entry.error_code,
        entry.record_count,
        str(actor.channel),
        _client_info({**actor.client_info, **entry.client_info}),
        actor.request_id,
        entry.change_id,
        entry.dry_run,
        entry.query_hash,
    )


def record_refusal(
    actor: Actor,
    operation: str,
    table_name: str | None,
    refusal: Refused,
    execution_time_ms: float = 0.0,
    *,
    dry_run: bool = False,
) -> None:
    """This function will write that an operation was refused or failed, after it was rolled back.

    `table_name` may be what the caller wrote. With the database away it goes to the log.
    """
    entry = Entry(
        actor,
        operation,
        table_name=table_name,
        dry_run=dry_run,
        success=False,
        error_code=refusal.code,
        error_message=refusal.message,
        execution_time_ms=execution_time_ms,
    )
    try:
        record(entry)
    except (OperationalError, InterfaceError):
        _logger.exception(
            "refusal_not_in_trail",
            operation=operation,
            table=table_name,
            user=actor.username,
            channel=str(actor.channel),
            request_id=str(actor.request_id),
            code=refusal.code,
            refusal=refusal.message,
        )


def is_table_name(name: object) -> bool:
    """This function will say whether a text could be a table's name: the catalog knows which are."""
    return isinstance(name, str) and bool(_TABLE_NAME.fullmatch(name))


def storable(value: Any) -> Any:
    """This function will return a text, or what JSON is made of, with what PostgreSQL can't hold replaced."""
    match value:
        case None | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
        case dict():
            return {storable(str(key)): storable(item) for key, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case _:
            return storable(str(value))


def _text(value: str | None, max_chars: int) -> str | None:
    return None if value is None else str(storable(value[:max_chars]))


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else _encode(storable(value))


def _client_info(value: dict[str, Any]) -> str | None:
    """What is known of the caller, who wrote much of it: the start of it where it is long."""
    text = _json(value)
    if text is not None and len(text) > _MAX_CLIENT_INFO_CHARS:
        return _json({"cut": True, "length": len(text), "start": text[:_MAX_CLIENT_INFO_CHARS]})
    return text
