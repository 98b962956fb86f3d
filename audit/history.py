"""Versions of records: what each was before a change, and what the change made of it.

The only module that knows django-auditlog, whose table keeps them; its signals are not used, since they
miss what is written set by set. A version is written in the writer's own transaction and is complete:
`serialized_data` is the whole record before, `changes` has every column that differs as [old, new], and
`cid` is the change they belong to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.db.models import Count, Max
from django.db.models.functions import Cast

from audit.rows import read_exactly
from audit.trail import Entry

Record = dict[str, Any]
Pair = tuple[str | None, str | None]  # a record before and after, as JSON texts; None where it was not there

FROM_TEXT = "ROWS FROM (jsonb_to_recordset(%(pairs)s::jsonb) AS (before jsonb, after jsonb))"
INTO = """
INSERT INTO app.auditlog_logentry (content_type_id, object_pk, object_id, object_repr, action, serialized_data, changes,
                               changes_text, actor_id, actor_email, cid, timestamp, additional_data)
"""
_INSERT = """
{into}
SELECT %(content_type)s, k.key, CASE WHEN k.key ~ '^[0-9]+$' THEN k.key::bigint END, k.key,
       CASE WHEN v.before IS NULL THEN 0 WHEN v.after IS NULL THEN 2 ELSE 1 END, v.before, c.changes,
       '', %(actor)s, %(email)s, %(change)s, clock_timestamp(), %(about)s::jsonb
  FROM {pairs} AS v
 CROSS JOIN LATERAL (
       SELECT string_agg(coalesce(v.after, v.before) ->> n.name, ':' ORDER BY n.position) AS key
         FROM unnest(%(key)s::text[]) WITH ORDINALITY AS n (name, position)) k
 CROSS JOIN LATERAL (
       SELECT jsonb_object_agg(o.name, jsonb_build_array(v.before -> o.name, v.after -> o.name)) AS changes
         FROM jsonb_object_keys(coalesce(v.after, v.before)) AS o (name)
        WHERE coalesce(v.before -> o.name, 'null') IS DISTINCT FROM coalesce(v.after -> o.name, 'null')) c
"""


@dataclass(frozen=True)
class Version:
    """One change of one record; `before` is None where it was inserted, `after` where it was deleted.

    Both are exact: see `rows.read_exactly`.
    """

    model: type[models.Model]
    key: str
    before: Record | None
    after: Record | None
    at: datetime
    before_text: str | None = None  # the same as JSON, with every digit of its numbers


@dataclass(frozen=True)
class Tally:
    """How many records of one model a change wrote that were there before, or are after, and when the last."""

    model: type[models.Model]
    was_there: bool
    is_there: bool
    count: int
    at: datetime


def record(entry: Entry, model: type[models.Model], key: Sequence[str], pairs: Iterable[Pair]) -> None:
    """This function will write a version for each record of a change, in the current transaction.

    `key` names the columns of the primary key. The change is `entry.change_id`.
    """
    texts = ",".join(f'{{"before":{before or "null"},"after":{after or "null"}}}' for before, after in pairs)
    if not texts:
        return
    with connection.cursor() as cursor:
        cursor.execute(inserting(FROM_TEXT), {**parameters(entry, model, key), "pairs": f"[{texts}]"})


def inserting(pairs: str) -> str:
    """This function will return the statement that writes a version for each row of a relation of ours.

    Its columns are `before` and `after`, of jsonb. What else the statement must know are its `parameters`.
    """
    return _INSERT.format(into=INTO, pairs=pairs)


def parameters(entry: Entry, model: type[models.Model], key: Sequence[str]) -> dict[str, Any]:
    """This function will return the parameters of `inserting`; `key` names the columns of the primary key."""
    return {**circumstances(entry, model), "key": list(key)}


def circumstances(entry: Entry, model: type[models.Model]) -> dict[str, Any]:
    """This function will return what the versions of one change have in common."""
    user = entry.actor.user
    about = {"channel": str(entry.actor.channel), "request_id": str(entry.actor.request_id)}
    return {
        "content_type": ContentType.objects.get_for_model(model).pk,
        "actor": user.pk if user else None,
        "email": user.email if user else None,
        "change": str(entry.change_id),
        "about": json.dumps(about),
    }


def changed_since(at: datetime) -> dict[str, int]:
    """This function will return how many versions of each table's records were written since a moment."""
    rows = LogEntry.objects.filter(timestamp__gte=at).order_by().values_list("content_type")
    numbers = rows.annotate(Count("pk"))
    found = {ContentType.objects.get_for_id(kind).model_class(): number for kind, number in numbers}
    return {model._meta.db_table: number for model, number in found.items() if model is not None}


def tally_of_change(change_id: UUID) -> list[Tally]:
    """This function will count the versions that one change made, by table and by what it did, reading none."""
    rows = (
        LogEntry.objects.filter(cid=str(change_id))
        .values_list("content_type_id", "action")
        .annotate(Count("pk"), Max("timestamp"))
        .order_by("content_type_id", "action")
    )
    return [
        Tally(
            cast("type[models.Model]", ContentType.objects.get_for_id(kind).model_class()),
            action != LogEntry.Action.CREATE,
            action != LogEntry.Action.DELETE,
            count,
            at,
        )
        for kind, action, count, at in rows
    ]


def of_change(change_id: UUID) -> list[Version]:
    """This function will return the versions that one change made, the last written first."""
    entries = (
        LogEntry.objects.filter(cid=str(change_id))
        .annotate(
            before_text=Cast("serialized_data", models.TextField()),
            difference=Cast("changes", models.TextField()),
        )
        .order_by("-id")
        .values_list(
            "content_type_id", "object_pk", "action", "timestamp", "before_text", "difference", named=True
        )
    )
    return [_version(entry) for entry in entries]


def _version(entry: Any) -> Version:
    model: Any = ContentType.objects.get_for_id(entry.content_type_id).model_class()
    before: Record | None = None if entry.before_text is None else read_exactly(entry.before_text)
    after: Record | None = None
    if entry.action != LogEntry.Action.DELETE:
        changes = read_exactly(entry.difference or "{}")
        after = {**(before or {}), **{name: new for name, (_, new) in changes.items()}}
        if before is None:  # a null that was inserted is no difference: the model knows all columns
            after = {str(field.column): after.get(str(field.column)) for field in _columns(model)}
    return Version(model, entry.object_pk, before, after, entry.timestamp, entry.before_text)


def _columns(model: type[models.Model]) -> Iterable[models.Field[Any, Any]]:
    return (field for field in model._meta.concrete_fields if field.column)
