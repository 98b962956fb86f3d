"""What a restore would come to, for somebody to read before it is done."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from django.db import connection
from psycopg import sql

from backups.stored import Backup

_TABLES: Final = """
SELECT c.relname FROM pg_catalog.pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'audit_logs' ORDER BY 1
"""


def full(backup: Backup) -> dict[str, Any]:
    """This function will say what becomes of each table when the catalog is made what the backup holds.

    `records` is None where a table is not there.
    """
    now = _counts()
    then = {name: state.rows for name, state in backup.claims.tables.items() if name != "audit_logs"}
    return {
        "backup_file": backup.manifest.file,
        "created_at": backup.manifest.created_at,
        "drop_existing": True,
        "safety_backup": True,
        "tables": [
            {"table": name, "records_now": now.get(name), "records_then": then.get(name)}
            for name in sorted(now.keys() | then.keys())
        ],
        "records_now": sum(now.values()),
        "records_then": sum(then.values()),
        "lost": "Every change made since the backup; the audit trail, accounts and schedules stay.",
    }


def merge(backup: Backup, tables: Collection[str], on_conflict: str) -> dict[str, Any]:
    """This function will say what a merge brings: at most these records, and none is deleted."""
    now = _counts()
    held = {name: state.rows for name, state in backup.claims.tables.items() if name in tables}
    return {
        "backup_file": backup.manifest.file,
        "created_at": backup.manifest.created_at,
        "drop_existing": False,
        "on_conflict": on_conflict,
        "safety_backup": True,
        "tables": [
            {"table": name, "records_now": now.get(name), "records_in_backup": rows}
            for name, rows in sorted(held.items())
        ],
        "deletes": 0,
    }


def _counts() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        names = [name for (name,) in cursor.fetchall()]
        if not names:
            return {}
        counts = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {}, count(*) FROM {}").format(sql.Literal(name), sql.Identifier("public", name))
            for name in names
        )
        cursor.execute(counts)
        return dict(cursor.fetchall())
