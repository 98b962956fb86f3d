"""What a job has to tell a person afterwards, line by line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection

from audit import trail

MAX_LINES = 1_000
MAX_CHARS = 2_000

_APPEND = "UPDATE app.jobs_job SET log = log || %s::jsonb WHERE id = %s AND jsonb_array_length(log) < %s"


def append(job_id: int, texts: Iterable[str], cursor: psycopg.Cursor[Any] | None = None) -> None:
    """This function will add lines to a job's log, by Django's connection or another's cursor."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    lines = [{"at": at, "text": trail.storable(text[:MAX_CHARS])} for text in texts]
    if not lines:
        return
    values = (json.dumps(lines), job_id, MAX_LINES)
    if cursor is not None:
        cursor.execute(_APPEND, values)
        return
    with connection.cursor() as own:
        own.execute(_APPEND, values)
