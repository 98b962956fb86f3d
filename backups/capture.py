"""The log of changed keys: what fills it, whether it can be relied on, and what of it is needed.

Triggers on all tables of schema public note which keys a statement has changed, in the transaction of the change: an
entry is there when the change is. Which entries came between two snapshots does not depend on clocks, sequences
or the order of commits.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import connections
from psycopg import Connection, Cursor, sql

from audit.sql_files import read_sql

LOGS: Final = ("app.change_log", "app.change_log_horizon")
"""The tables whose rows are of this server alone, and in no backup."""

_EVENTS: Final = ("capture_delete", "capture_insert", "capture_truncate", "capture_update")
_UNCAPTURED: Final = """
SELECT c.relname FROM pg_catalog.pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT ARRAY(
       SELECT t.tgname::text FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
        WHERE t.tgrelid = c.oid AND t.tgenabled = 'A' AND p.pronamespace = to_regnamespace('app')
        ORDER BY 1) @> %s::text[]
 ORDER BY 1
"""
# Each row of a catalogue knows the transaction that wrote it: a trigger that was off for a while is known by that, and
# so are rows that ALTER TABLE has written anew, which no trigger sees. Of columns with rights of their own it would
# tell when these were given.
_MARKS: Final = """
SELECT format('trigger %%s %%s %%s %%s', t.oid, t.tgrelid, t.tgenabled, t.xmin)
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'public'::regnamespace AND t.tgname = ANY(%(events)s)
UNION ALL
SELECT format('function %%s %%s', p.oid, p.xmin) FROM pg_catalog.pg_proc p
 WHERE p.pronamespace = to_regnamespace('app') AND starts_with(p.proname, 'capture_')
UNION ALL
SELECT format('column %%s %%s %%s', a.attrelid, a.attnum, a.xmin)
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND a.attacl IS NULL
UNION ALL
SELECT format('log %%s %%s', c.oid, c.relfilenode) FROM pg_catalog.pg_class c
 WHERE c.oid = to_regclass('app.change_log')
"""
_HORIZON: Final = "SELECT pruned_before > pg_snapshot_xmin(%s::pg_snapshot) FROM app.change_log_horizon"
_PRUNE: Final = "SELECT app.prune_change_log(pg_snapshot_xmin(%s::pg_snapshot))"


def install_sql(role: str) -> str:
    """This function will return capture.sql for the application's role: what the owner runs."""
    return read_sql("backups", "capture.sql").replace(':"app_role"', sql.Identifier(role).as_string())


def sync(*, using: str, **_: object) -> None:
    """This function will put back what is missing; it is called after every migrate, and does nothing for others."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('app.change_log')"
        )
        if cursor.fetchone() == (True,):
            cursor.execute(install_sql(settings.APP_ROLE))


@dataclass(frozen=True)
class Capture:
    """Whether changes are noted, and since when without a gap: as long as the mark is the same."""

    mark: str
    uncaptured: list[str]  # tables whose changes are not noted


def state(cursor: Cursor[Any]) -> Capture:
    """This function will return the state of capture, as the transaction of the cursor sees it."""
    uncaptured = [name for (name,) in cursor.execute(_UNCAPTURED, [list(_EVENTS)])]
    lines = sorted(line for (line,) in cursor.execute(_MARKS, {"events": list(_EVENTS)}))
    return Capture(hashlib.sha256("\n".join(lines).encode()).hexdigest(), uncaptured)


def is_pruned(cursor: Cursor[Any], snapshot: str) -> bool:
    """This function will say whether entries may be gone of what came after a snapshot."""
    row = cursor.execute(_HORIZON, [snapshot]).fetchone()
    return row is None or bool(row[0])


def prune(connection: Connection[Any], snapshot: str) -> int:
    """This function will forget what came before a snapshot, and return how many entries that were."""
    row = connection.execute(_PRUNE, [snapshot]).fetchone()
    return row[0] if row else 0
