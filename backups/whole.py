"""Brings back everything, accounts, roles, keys and schedules too: on a machine where nothing is yet."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from psycopg import Connection, sql

from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict
from accesscontrol.policy import Operation
from audit import epochs
from audit.work import Work
from backups import access, capture, database, gate, loading, owner, preflight, storage, stored
from backups.stored import Backup
from catalog import registry
from catalog.access import grants_sql
from jobs.progress import SILENT, Progress

_OBJECTS: Final = """
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, c.relname
  FROM pg_catalog.pg_class c
 WHERE c.relnamespace = 'app'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
UNION ALL
SELECT 'FUNCTION', p.proname FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'app'::regnamespace
 ORDER BY 1 DESC  -- views and tables first: most sequences go with theirs
"""

# A backup may be of before there were limits.
_LIMITS: Final = """
DO $$ BEGIN
    IF to_regclass('app.rate_bucket') IS NOT NULL THEN
        REVOKE ALL ON app.rate_bucket FROM {role};
        GRANT SELECT ON app.rate_bucket TO {role};
    END IF;
END $$;
"""


def restore(*, actor: Actor, backup_file: str, progress: Progress = SILENT) -> int:
    """This function will restore a full backup with schema app into a migrated database that nobody has used.

    The audit trail is that of the backup, and goes on from there. All is done in one transaction.

    :return: how many records there are
    :raises Conflict: there are records or accounts already
    :raises BackupInvalid: the backup is not ours, was changed, or has no accounts in it
    """
    work = Work("RESTORE_FULL", actor)
    access.require_all(actor, Operation.RESTORE)
    backup = stored.find(storage.configured(), backup_file)
    preflight.require(backup, progress, with_app=True)
    preflight.known(backup, progress)
    work.entry.record_id = backup.manifest.file
    with database.translated(), owner.connect() as connection, gate.only_one(connection):
        _restore(connection, backup, work, progress)
    return backup.claims.record_count


def _restore(connection: Connection[Any], backup: Backup, work: Work, progress: Progress) -> None:
    claims = backup.claims
    with connection.transaction():
        connection.execute(owner.LIMITS)
        _require_empty(connection)
        gate.close(connection, progress)
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute("COMMENT ON SCHEMA public IS 'standard public schema'")
        for kind, name in connection.execute(_OBJECTS).fetchall():
            connection.execute(
                sql.SQL("DROP {} IF EXISTS {} CASCADE").format(sql.SQL(kind), sql.Identifier("app", name))
            )
        progress.begin("Load", backup.text_bytes or 0)
        loading.load(connection, backup.parts(), "public", progress)
        loading.require_same(connection, claims.tables, progress)
        loading.require_structure(connection, claims.schema_fingerprint)
        progress.begin("Accounts and settings")
        loading.load(connection, backup.app_parts(), "app", progress)
        connection.execute(owner.LIMITS)
        connection.execute(_rights().encode())
        connection.execute(epochs.START, [backup.manifest.file, backup.manifest.sha256])
        work.entry.record_count = claims.record_count
        work.entry.changes = {"backup": {"new": backup.manifest.file}, "with_app": {"new": True}}
        with connection.cursor() as cursor:
            work.finish(cursor)


def _require_empty(connection: Connection[Any]) -> None:
    """Refuse a database that somebody uses: all that is in it would be lost."""
    tables = [f"public.{table.name}" for table in registry.all_tables() if not table.read_only]
    for name in ("app.auth_user", *tables):
        row = connection.execute("SELECT to_regclass(%s)::text", [name]).fetchone()
        if row is None or row[0] is None:
            raise Conflict(f"There is no {name}.", hint="Run manage.py migrate first.")
        found = connection.execute(
            sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(*name.split(".")))
        ).fetchone()
        if found != (False,):
            raise Conflict(
                f"This database is in use: {name} has rows. Accounts come back into an empty one alone.",
                hint="Make a new database, run manage.py migrate, and restore into that.",
            )


def _rights() -> str:
    """All rights of the application's role (what it may do with tables of app, these get by default), and capture."""
    role = sql.Identifier(settings.APP_ROLE).as_string()
    gate_rights = f"REVOKE ALL ON app.restore_gate FROM {role}; GRANT SELECT ON app.restore_gate TO {role};"
    return "\n".join(
        [
            grants_sql(settings.APP_ROLE),
            gate_rights,
            _LIMITS.format(role=role),
            capture.install_sql(settings.APP_ROLE),
        ]
    )
