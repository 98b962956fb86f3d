"""Tells which schema the code wants, and which the database has, without importing a migration."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final, TypedDict, cast

from django.db import connection

ROOT: Final = Path(__file__).resolve().parent.parent
# What `migrate` and the handlers of its signals read. The lock names the releases of other people's migrations.
SOURCES: Final = (
    "requirements/run.lock",
    "deploy/postgresql/*.sql",
    "*/migrations/*.py",
    "*/schema/*.sql",
    "*/apps.py",
    "*/models.py",
    "*/models/*.py",
    "*/management/commands/migrate.py",
    "accesscontrol/roles.py",
    "catalog/tables.py",
)


class Recorded(TypedDict, total=False):
    """What the comment on schema app remembers of the last preparation."""

    fingerprint: str
    migrations: int  # how many were recorded then; a restore may have taken some away since
    sample: bool  # the sample library was loaded, once and for all


def fingerprint() -> str:
    """Return a short hash of everything that decides what `migrate` makes."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def recorded() -> Recorded | None:
    """Return what the database remembers, empty at first; None when it has no schema app."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'app'",
        )
        row = cursor.fetchone()
    if row is None:
        return None
    try:
        found = json.loads(row[0] or "{}")
    except ValueError:
        found = {}
    return cast("Recorded", found) if isinstance(found, dict) else {}


def migrations() -> int:
    """Return how many migrations are recorded as applied."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('app.django_migrations') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute("SELECT count(*) FROM app.django_migrations")
        return int(cursor.fetchone()[0])
