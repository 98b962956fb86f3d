"""Makes the catalog what a backup holds, in the one transaction that this is done in.

Readers see the former tables until it commits, and whatever ends it before leaves them as they were. The tables are
made beside the former ones, which were moved aside with their schema. The audit trail is not restored: it goes on.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from accesscontrol.errors import Conflict, Unavailable
from audit import epochs
from audit.work import Work
from backups import capture, checksums, gate, loading, owner
from backups.errors import TrailDiffers
from backups.manifest import SequenceState
from backups.preflight import RESTORED_APPS
from backups.stored import Backup
from catalog.access import grants_sql
from jobs.progress import Progress

_HINT: Final = (
    "Find out who changed it. manage.py restore --with-app restores the backup into an empty database."
)
TRAIL: Final = "audit_logs"
ASIDE: Final = "before_restore_"  # and a random number: the schema with the former tables
MAX_NAMED: Final = 20

_ROOM: Final = 2  # tables with their indexes, and the log of what was written, beside the text of the rows
_TEXT_SHRINKS_BY: Final = 4
_MB: Final = 1 << 20
_TRAIL_OF_BACKUP: Final = "trail_of_backup"
_TIES: Final = """
SELECT n.conrelid::regclass::text FROM pg_catalog.pg_constraint n
  JOIN pg_catalog.pg_class r ON r.oid = n.conrelid JOIN pg_catalog.pg_class t ON t.oid = n.confrelid
 WHERE n.contype = 'f' AND t.relnamespace = 'public'::regnamespace AND r.relnamespace <> t.relnamespace
UNION ALL
SELECT 'extension ' || extname FROM pg_catalog.pg_extension WHERE extnamespace = 'public'::regnamespace
"""
_COLUMNS: Final = """
SELECT a.attname FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_FUNCTIONS: Final = """
SELECT DISTINCT p.proname FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
 WHERE t.tgrelid = %s::regclass AND NOT t.tgisinternal AND p.pronamespace = %s::regnamespace
"""


@dataclass(frozen=True)
class Switched:
    """What the catalog is now, and what it was."""

    tables: list[str]
    aside: str


def switch(connection: Connection[Any], backup: Backup, work: Work, progress: Progress) -> Switched:
    """This function will make the catalog what the backup holds, with the audit row in the same transaction.

    :raises BackupInvalid: the file can't be loaded, or what was loaded is not what was backed up
    :raises TrailDiffers: the audit trail is not a continuation of the backup's
    :raises TimedOut: the catalog was in use for too long
    :raises Cancelled: it is not wanted any more
    """
    aside = f"{ASIDE}{secrets.token_hex(6)}"
    with connection.transaction():
        connection.execute(owner.LIMITS)
        _require_untied(connection)
        _require_room(connection, backup)
        progress.begin("Wait for writers")
        gate.close(connection, progress)
        connection.execute(sql.SQL("ALTER SCHEMA public RENAME TO {}").format(sql.Identifier(aside)))
        connection.execute("CREATE SCHEMA public; COMMENT ON SCHEMA public IS 'standard public schema'")
        tables = _load(connection, backup, progress)
        connection.execute(owner.LIMITS)  # the dump has set its own
        _require_trail(connection, aside, progress)
        owner.patiently(connection, progress, lambda: _analyze(connection))
        _advance_sequences(connection, aside)
        _mend_migrations(connection, backup)
        work.entry.record_count = backup.claims.record_count
        work.entry.changes = _told(backup)
        progress.begin("Switch")
        gate.insist(connection, progress, lambda: _move_trail(connection, aside))
        connection.execute(grants_sql(settings.APP_ROLE).encode())
        connection.execute(capture.install_sql(settings.APP_ROLE).encode())
        connection.execute(epochs.START, [backup.manifest.file, backup.manifest.sha256])
        with connection.cursor() as cursor:
            work.finish(cursor)
    return Switched(tables, aside)


def sweep(connection: Connection[Any]) -> list[str]:
    """This function will drop the tables that restores have moved aside, and return those that are still being read.

    A long transaction may read them yet. Dropped inside the restore, they would make everyone wait for it.
    """
    left = []
    rows = connection.execute(
        "SELECT nspname FROM pg_catalog.pg_namespace WHERE starts_with(nspname, %s)", [ASIDE]
    )
    for (name,) in rows.fetchall():
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = 0")
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
        except LockNotAvailable:
            left.append(name)
    return left


def _require_untied(connection: Connection[Any]) -> None:
    """Refuse where something outside would go with the former tables."""
    if tied := [name for (name,) in connection.execute(_TIES)]:
        raise Conflict(
            f"{tied[0]} is tied to schema public, and would be lost with the former tables.",
            hint="Schema public shall hold the catalog and nothing else.",
        )


def _require_room(connection: Connection[Any], backup: Backup) -> None:
    """Refuse where the disk would be full before the end; of another server than the embedded one we can't see it."""
    if not settings.DATABASE_IS_EMBEDDED:
        return
    size = backup.text_bytes or backup.manifest.size_bytes * _TEXT_SHRINKS_BY
    needed, free = size * _ROOM, shutil.disk_usage(connection.info.host).free
    if free < needed:
        raise Unavailable(
            f"The disk has {free // _MB} MB left, and the restore needs about {needed // _MB} MB.",
            hint="Make room, and try again; nothing was changed.",
        )


def _load(connection: Connection[Any], backup: Backup, progress: Progress) -> list[str]:
    """Load everything into the new schema, the trail elsewhere, and prove that it is what was backed up."""
    claims = backup.claims
    progress.begin("Load", backup.text_bytes or 0)
    trail = sql.Identifier("pg_temp", _TRAIL_OF_BACKUP)
    loaded = loading.load(connection, backup.parts(), "public", progress, {TRAIL: trail})
    loading.require_tables(connection, backup.tables)
    loading.require_same(connection, claims.tables, progress, {TRAIL: ("pg_temp", _TRAIL_OF_BACKUP)})
    loading.require_structure(connection, claims.schema_fingerprint)
    return loaded


def _require_trail(connection: Connection[Any], aside: str, progress: Progress) -> None:
    """Refuse where the live trail does not hold every row of the backup's, as it was."""
    live, old = f"{aside}.{TRAIL}", f"pg_temp.{_TRAIL_OF_BACKUP}"
    columns = [name for name in _columns(connection, old) if name in set(_columns(connection, live))]
    if "id" not in columns:
        raise TrailDiffers("There is no audit trail to go on with.", hint=_HINT)
    query = sql.SQL(
        "SELECT count(*), (array_agg(n.id ORDER BY n.id))[:{limit}] FROM {old} n LEFT JOIN {live} a ON a.id = n.id"
        " WHERE ROW({old_row}) IS DISTINCT FROM ROW({live_row})"
    ).format(
        limit=sql.Literal(MAX_NAMED),
        old=sql.Identifier("pg_temp", _TRAIL_OF_BACKUP),
        live=sql.Identifier(aside, TRAIL),
        old_row=sql.SQL(", ").join(sql.Identifier("n", name) for name in columns),
        live_row=sql.SQL(", ").join(sql.Identifier("a", name) for name in columns),
    )
    progress.begin("Audit trail")
    count, ids = owner.patiently(connection, progress, lambda: connection.execute(query).fetchone()) or (
        0,
        [],
    )
    if count:
        raise TrailDiffers(
            f"The audit trail was changed: {count} of the rows that the backup has are missing or another,"
            f" beginning with number {ids[0]}. Nothing was restored.",
            hint=_HINT,
            ids=ids,
        )


def _columns(connection: Connection[Any], table: str) -> list[str]:
    return [name for (name,) in connection.execute(_COLUMNS, [table])]


def _analyze(connection: Connection[Any]) -> None:
    """Let the planner know the new tables before anyone meets them."""
    names = connection.execute(
        "SELECT relname FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    ).fetchall()
    connection.execute(
        sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(sql.Identifier("public", name) for (name,) in names))
    )


def _advance_sequences(connection: Connection[Any], aside: str) -> None:
    """Set each sequence to where it was, or where it is by now, whichever is further: no number is given twice."""
    with connection.cursor() as cursor:
        was, restored = checksums.sequences(cursor, aside), checksums.sequences(cursor)
    for name, state in restored.items():
        further = max(state, was.get(name, state), key=_place)
        connection.execute(
            "SELECT pg_catalog.setval(pg_catalog.format('public.%%I', %s::text)::regclass, %s, %s)",
            [name, further.last_value, further.is_called],
        )


def _place(state: SequenceState) -> tuple[int, bool]:
    return state.last_value, state.is_called


def _mend_migrations(connection: Connection[Any], backup: Backup) -> None:
    """Take back what Django knows of the migrations that made the tables; `migrate` then makes the later again."""
    applied = [key for key in backup.claims.migrations if key[0] in RESTORED_APPS]
    if not applied:
        return
    connection.execute(
        "DELETE FROM app.django_migrations WHERE app = ANY(%s) AND NOT (app, name) IN"
        " (SELECT * FROM unnest(%s::text[], %s::text[]))",
        [sorted(RESTORED_APPS), [app for app, _ in applied], [name for _, name in applied]],
    )
    connection.execute(
        "INSERT INTO app.django_migrations (app, name, applied) SELECT a, n, now() FROM unnest(%s::text[], %s::text[])"
        " AS u (a, n) WHERE NOT EXISTS (SELECT FROM app.django_migrations m WHERE m.app = a AND m.name = n)",
        [[app for app, _ in applied], [name for _, name in applied]],
    )


def _move_trail(connection: Connection[Any], aside: str) -> None:
    """Put the live trail in the place of the restored one, with its own sequence, triggers and functions."""
    connection.execute("DROP TABLE public.audit_logs")
    live = f"{aside}.{TRAIL}"
    for (name,) in connection.execute(_FUNCTIONS, [live, aside]).fetchall():
        connection.execute(sql.SQL("DROP FUNCTION IF EXISTS {}").format(sql.Identifier("public", name)))
        connection.execute(sql.SQL("ALTER FUNCTION {} SET SCHEMA public").format(sql.Identifier(aside, name)))
    connection.execute(sql.SQL("ALTER TABLE {} SET SCHEMA public").format(sql.Identifier(aside, TRAIL)))


def _told(backup: Backup) -> dict[str, Any]:
    return {
        "backup": {"new": backup.manifest.file},
        "sha256": {"new": backup.manifest.sha256},
        "rows": {"new": {name: state.rows for name, state in backup.claims.tables.items()}},
    }
