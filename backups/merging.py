"""Merges the records of a backup into those that are there, set by set, in one transaction.

No statement of the backup is run: its rows are copied into tables that only this transaction knows, and compared with
the live ones by key. A record that is there as it was is left alone; nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.db import connection as application
from psycopg import Connection, sql

from accesscontrol.errors import NotFound
from audit import history
from audit.work import Work
from backups import gate, loading, owner
from backups.errors import BackupInvalid
from backups.merge_statements import MergeStatements, place_of
from backups.script import ChangedKeys, TableRows
from backups.stored import Backup
from catalog import registry
from catalog.errors import DuplicateKey
from catalog.services.integrity import translated
from catalog.table import Table
from jobs.progress import Progress

ON_CONFLICT: Final = ("error", "skip", "overwrite")

_COLUMNS: Final = """
SELECT a.attname FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class Merged:
    """What came of one table's records; `referring` says how many records refer to those overwritten, by table."""

    table: str
    inserted: int
    overwritten: int
    skipped: int
    unchanged: int
    referring: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """This function will return it as JSON values."""
        return asdict(self)


def merge(
    connection: Connection[Any],
    backup: Backup,
    work: Work,
    tables: Sequence[Table],
    on_conflict: str,
    progress: Progress,
) -> list[Merged]:
    """This function will merge tables, parents first, and write versions and the audit row in the same transaction.

    Of a dry run everything is taken back again, and nothing written to the trail.

    :raises NotFound: the backup has no rows of any of the tables
    :raises DuplicateKey: a record is there with other values, or breaks a uniqueness rule
    :raises ForeignKeyViolation: a record would refer to one that is not there
    :raises BackupInvalid: the file can't be loaded, or its tables are not those that are there
    """
    with connection.transaction(force_rollback=work.entry.dry_run):
        connection.execute(owner.LIMITS)
        staged = _stage(connection, backup, {table.name for table in tables}, progress)
        if not staged:
            raise NotFound("The backup has no rows of that.", hint="Validate it to see what is in it.")
        progress.begin("Wait for writers")
        gate.close(connection, progress)
        progress.begin("Merge", len(staged), "tables")
        merged = []
        for table in (table for table in tables if table.name in staged):
            merged.append(_merge(connection, work, table, on_conflict, progress))
            progress.advance(1)
        work.entry.record_count = sum(one.inserted + one.overwritten for one in merged)
        work.entry.changes = {
            "backup": {"new": backup.manifest.file},
            "on_conflict": {"new": on_conflict},
            "tables": {"new": [one.as_dict() for one in merged]},
        }
        if not work.entry.dry_run:
            with connection.cursor() as cursor:
                work.finish(cursor)
    return merged


def rehearse(connection: Connection[Any], backup: Backup, progress: Progress) -> set[str]:
    """This function will load the rows that a backup has into tables of the live columns, and compare them; no more.

    :raises BackupInvalid: they can't be loaded, or are not what was backed up
    """
    with connection.transaction(force_rollback=True):
        connection.execute(owner.LIMITS)
        return _stage(connection, backup, set(registry.names()), progress)


def _stage(connection: Connection[Any], backup: Backup, wanted: set[str], progress: Progress) -> set[str]:
    """Copy the rows of the tables wanted, and prove that they are what was backed up."""
    claims = backup.claims
    progress.begin("Load", backup.text_bytes or 0)
    staged: set[str] = set()
    for part in backup.parts():
        progress.check()
        if not isinstance(part, TableRows) or part.table not in wanted:
            continue
        target = sql.Identifier(*place_of(part.table))
        if isinstance(part, ChangedKeys):
            loading.remove(connection, target, part, progress)
            continue
        _require_columns(connection, part)
        if part.table in staged:
            if backup.base is backup:
                raise BackupInvalid(f"The file has the rows of {part.table} twice.")
            loading.copy(connection, target, part, progress)
            continue
        connection.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                target,
                sql.SQL(", ").join(map(sql.Identifier, part.columns)),
                sql.Identifier("public", part.table),
            )
        )
        loading.copy(connection, target, part, progress)
        connection.execute(sql.SQL("ANALYZE {}").format(target))
        staged.add(part.table)
    expected = {name: state for name, state in claims.tables.items() if name in wanted}
    if claims.tables and expected.keys() != staged and staged:
        raise BackupInvalid("The file does not have the tables that its manifest names.")
    places = {name: place_of(name) for name in expected}
    loading.require_same(connection, expected if staged else {}, progress, places)
    return staged


def _require_columns(connection: Connection[Any], rows: TableRows) -> None:
    live = {name for (name,) in connection.execute(_COLUMNS, [f"public.{rows.table}"])}
    if live != set(rows.columns):
        raise BackupInvalid(
            f"The backup was made of another schema: {rows.table} has other columns now.",
            hint="Restore the whole with drop_existing, which brings its schema too.",
            table=rows.table,
        )


def _merge(
    connection: Connection[Any], work: Work, table: Table, on_conflict: str, progress: Progress
) -> Merged:
    """Merge one table."""

    def fetch(query: sql.Composed, params: Any = None) -> Any:
        return owner.patiently(connection, progress, lambda: connection.execute(query, params).fetchall())

    statements = MergeStatements(table)
    ((total, differing, present),) = fetch(statements.compare())
    if differing and on_conflict == "error":
        keys = [key for (key,) in fetch(statements.conflicts())]
        raise DuplicateKey(
            f"{differing} records of {table.name} are there with other values than in the backup,"
            f" beginning with {keys[0]}.",
            hint="Restore with on_conflict skip, which keeps them, or overwrite.",
            table=table.name,
            count=differing,
            keys=keys,
        )
    overwrites = on_conflict == "overwrite" and differing > 0
    referring = _referring(connection, table) if overwrites else {}
    parameters = history.parameters(work.entry, table.model, table.key)
    with _explained(table):
        counts = dict(fetch(statements.write(on_conflict), parameters))
    inserted, overwritten = counts.get(0, 0), counts.get(1, 0)
    if inserted and "id" in table.key:
        _advance_sequence(connection, table)
    unchanged = present - differing
    return Merged(
        table=table.name,
        inserted=inserted,
        overwritten=overwritten,
        skipped=total - inserted - overwritten - unchanged,
        unchanged=unchanged,
        referring=referring,
    )


def _referring(connection: Connection[Any], table: Table) -> dict[str, int]:
    """How many records of other tables refer to those that are overwritten."""
    found: dict[str, int] = {}
    for other in registry.all_tables():
        for column, target in other.foreign_keys.items():
            if target == table.name:
                row = connection.execute(MergeStatements(table).count_referring(other, column)).fetchone()
                found[other.name] = found.get(other.name, 0) + (row[0] if row else 0)
    return {name: count for name, count in found.items() if count}


@contextmanager
def _explained(table: Table) -> Iterator[None]:
    """Tell a violated rule in our words, as a write does."""
    with translated(table, sets_many=True), application.wrap_database_errors:
        yield


def _advance_sequence(connection: Connection[Any], table: Table) -> None:
    """Put the sequence past the greatest key."""
    sequence = sql.Literal(f"public.{table.name}_id_seq")
    connection.execute(
        sql.SQL(
            "SELECT pg_catalog.setval({sequence}::regclass, m.id) FROM (SELECT max(id) AS id FROM {table}) m"
            " WHERE m.id > coalesce(pg_catalog.pg_sequence_last_value({sequence}::regclass), 0)"
        ).format(sequence=sequence, table=sql.Identifier("public", table.name))
    )
