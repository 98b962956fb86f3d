"""The versions of one record: what each change made of it, who made it, and what the record was then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.db.models.functions import Cast

from accesscontrol.actor import Actor
from audit import queries
from audit.models import AuditLog
from audit.rows import read_exactly

Kind = Literal["inserted", "updated", "deleted"]

_KINDS: dict[int, Kind] = {
    LogEntry.Action.CREATE: "inserted",
    LogEntry.Action.UPDATE: "updated",
    LogEntry.Action.DELETE: "deleted",
}
_LONG = ("changes", "client_info", "error_message")
_STATE = """
SELECT timestamp, serialized_data::text,
       CASE WHEN action <> 2 THEN (
           (SELECT coalesce(jsonb_object_agg(n.name, NULL), '{}') FROM unnest(%(columns)s::text[]) AS n (name))
           || coalesce(serialized_data, '{}')
           || (SELECT coalesce(jsonb_object_agg(c.key, c.value -> 1), '{}') FROM jsonb_each(changes) AS c)
       )::text END
  FROM app.auditlog_logentry
 WHERE id = %(number)s AND content_type_id = %(content_type)s AND object_pk = %(key)s
"""


@dataclass(frozen=True)
class Kept:
    """One version of a record: {column: (old, new)} of what differs, exact, and how it came about."""

    number: int
    kind: Kind
    changes: dict[str, tuple[Any, Any]]
    at: datetime
    change_id: UUID | None
    username: str | None
    channel: str | None


@dataclass(frozen=True)
class State:
    """A record before and after one change, as JSON texts with every column; None where it was not there."""

    at: datetime
    before: str | None
    after: str | None


def of_record(
    model: type[models.Model],
    key: str,
    *,
    before: int | None = None,
    change_id: UUID | None = None,
    limit: int,
) -> list[Kept]:
    """This function will return versions of a record, the newest first: those older than the number `before`,
    or those that one change made."""
    found = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model), object_pk=key)
    if before is not None:
        found = found.filter(id__lt=before)
    if change_id is not None:
        found = found.filter(cid=str(change_id))
    newest = found.order_by("-id").values("id")[:limit]  # alone, so that no long value of the others is read
    rows = LogEntry.objects.filter(id__in=newest).annotate(difference=Cast("changes", models.TextField()))
    names = ("id", "action", "difference", "timestamp", "cid", "actor__username", "additional_data")
    return [_kept(row) for row in rows.order_by("-id").values(*names)]


def state(model: type[models.Model], key: str, number: int) -> State | None:
    """This function will return what one version of a record was made of and made, or None where it is not kept."""
    parameters: dict[str, Any] = {
        "content_type": ContentType.objects.get_for_model(model).pk,
        "key": key,
        "number": number,
        "columns": [field.column for field in model._meta.concrete_fields if field.column],
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATE, parameters)
        row = cursor.fetchone()
    return None if row is None else State(*row)


def entries_of(actor: Actor, change_ids: Iterable[UUID]) -> dict[UUID, AuditLog]:
    """This function will return the audit rows of changes, as far as the actor may see them, by change."""
    wanted = set(change_ids)
    if not wanted:
        return {}
    visible = AuditLog.objects.filter(queries.visible_to(actor))
    rows = visible.filter(change_id__in=wanted, success=True, dry_run=False).defer(*_LONG)
    return {row.change_id: row for row in rows if row.change_id}


def undo_of(actor: Actor, change_id: UUID, since: datetime) -> AuditLog | None:
    """This function will return the last audit row that tells of undoing a change, as far as the actor may see it."""
    undone = AuditLog.objects.filter(
        queries.visible_to(actor),
        operation="UNDO",
        timestamp__gt=since,
        success=True,
        dry_run=False,
        client_info__undoes=str(change_id),
    )
    return undone.defer("changes").order_by("-timestamp").first()


def _kept(row: dict[str, Any]) -> Kept:
    changes = read_exactly(row["difference"] or "{}")
    return Kept(
        row["id"],
        _KINDS[row["action"]],
        {name: (old, new) for name, (old, new) in changes.items()},
        row["timestamp"],
        UUID(row["cid"]) if row["cid"] else None,
        row["actor__username"],
        (row["additional_data"] or {}).get("channel"),
    )
