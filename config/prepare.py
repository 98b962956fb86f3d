"""Brings the database up to date before a program works with it: the schema, and the sample library once."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Final

import psycopg
from django.conf import settings
from django.core.management import call_command
from psycopg import sql

from config import schema_version
from config.postgresql.base import MINIMUM_VERSION
from config.schema_version import Recorded

# Any number, as long as nobody else uses it: programs that start together prepare one after the other.
LOCK: Final = 2_026_111_801


class NotPrepared(Exception):
    """The database is not ready, and this program may not make it so; the message says what to do."""


def prepare(*, tell: Callable[[str], None]) -> None:
    """Migrate what is not migrated, and load the sample library once.

    Costs two small queries when there is nothing to do. Production gets no sample library. What a person should
    know goes to `tell`, a line at a time.

    :raises NotPrepared: no server that will do, or the schema is old and there is no DATABASE_OWNER_URL
    """
    _require_server(settings.DATABASE_URL)
    if _up_to_date(schema_version.recorded()):
        return
    if not settings.DATABASE_OWNER_URL:
        raise NotPrepared(
            "The database's schema is not up to date. Run `manage.py migrate` with DATABASE_OWNER_URL set."
        )
    with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as owner:
        owner.execute("SELECT pg_advisory_lock(%s)", [LOCK])  # until the connection closes
        recorded = schema_version.recorded()
        if recorded is None:
            raise NotPrepared(
                "The database has no schema app. Run deploy/postgresql/database.sql as its owner."
            )
        if not _up_to_date(recorded):
            _bring_up_to_date(owner, recorded, tell)


def _require_server(url: str) -> None:
    """Connect once without the pool, which would hide the reason when it can't.

    :raises NotPrepared: no connection, or a server too old
    """
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            version = connection.info.server_version
    except psycopg.OperationalError as error:
        raise NotPrepared(f"DATABASE_URL does not lead to a database: {str(error).strip()}") from error
    if version < MINIMUM_VERSION * 10_000:
        raise NotPrepared(
            f"PostgreSQL {MINIMUM_VERSION} or newer is needed; DATABASE_URL leads to {version // 10_000}."
        )


def _up_to_date(recorded: Recorded | None) -> bool:
    return (
        recorded is not None
        and recorded.get("fingerprint") == schema_version.fingerprint()
        and (settings.PRODUCTION or recorded.get("sample", False))
        and recorded.get("migrations") == schema_version.migrations()
    )


def _bring_up_to_date(owner: psycopg.Connection, recorded: Recorded, tell: Callable[[str], None]) -> None:
    """Do each step and remember it at once, so that an interruption repeats no more than one."""
    tell("Migrating the database …")
    call_command("migrate", verbosity=0, interactive=False, stdout=sys.stderr)
    done: Recorded = {
        **recorded,
        "fingerprint": schema_version.fingerprint(),
        "migrations": schema_version.migrations(),
    }
    _remember(owner, done)
    if not settings.PRODUCTION and not recorded.get("sample"):
        tell("Loading the sample library …")
        call_command("load_sample", verbosity=0, stdout=sys.stderr)
        _remember(owner, {**done, "sample": True})


def _remember(owner: psycopg.Connection, recorded: Recorded) -> None:
    owner.execute(sql.SQL("COMMENT ON SCHEMA app IS {}").format(sql.Literal(json.dumps(recorded))))
