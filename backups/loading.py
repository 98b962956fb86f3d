"""Puts the parts of a dump into a database, in the transaction of the connection."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import structlog
from psycopg import Connection, errors, sql

from backups import checksums, fingerprint, owner
from backups.errors import BackupInvalid
from backups.manifest import TableState
from backups.script import ChangedKeys, Part, TableRows
from jobs.progress import Progress

_FAULTS_OF_THE_FILE: Final = (
    errors.DataError,
    errors.IntegrityError,
    errors.ProgrammingError,
    errors.NotSupportedError,
)

_logger = structlog.get_logger(__name__)


@contextmanager
def refusing() -> Iterator[None]:
    """This function will tell that the file is at fault, where PostgreSQL refuses what it says.

    :raises BackupInvalid: it does
    """
    try:
        yield
    except _FAULTS_OF_THE_FILE as error:
        said = error.diag.message_primary  # the rest quotes what is in the file
        _logger.warning("backup_refused_by_postgresql", error=said, sqlstate=error.sqlstate)
        raise BackupInvalid(
            f"PostgreSQL refused a part of the file (SQLSTATE {error.sqlstate}); the server's log says which."
        ) from error


def run(connection: Connection[Any], statements: str, progress: Progress) -> None:
    """This function will run statements that a dump has in one go.

    Inside a DO block, where none of them can end our transaction, or copy anything from the client.

    :raises BackupInvalid: PostgreSQL refuses them
    """
    outer, inner = (f"$_{secrets.token_hex(8)}$" for _ in range(2))
    query = f"DO {outer}BEGIN EXECUTE {inner}{statements}{inner}; END{outer}".encode()
    with refusing():
        owner.patiently(connection, progress, lambda: connection.execute(query))


def copy(
    connection: Connection[Any],
    target: sql.Composable,
    rows: TableRows,
    progress: Progress,
    *,
    freeze: bool = False,
) -> None:
    """This function will pass rows on into a table. `freeze` is for one that this transaction has made.

    :raises BackupInvalid: PostgreSQL refuses them
    """
    if not rows.columns:
        rows.skip()
        return
    statement = sql.SQL("COPY {} ({}) FROM STDIN{}").format(
        target,
        sql.SQL(", ").join(map(sql.Identifier, rows.columns)),
        # Nobody has to write them again later to say that all can see them.
        sql.SQL(" WITH (FREEZE)" if freeze else ""),
    )
    with refusing(), connection.cursor() as cursor, cursor.copy(statement) as stream:
        for block in rows.blocks:
            progress.check()
            progress.advance(len(block))
            stream.write(block)


def remove(
    connection: Connection[Any], target: sql.Composable, keys: ChangedKeys, progress: Progress
) -> None:
    """This function will take away the rows of these keys, or all that there are.

    :raises BackupInvalid: PostgreSQL refuses the keys
    """
    if not keys.columns:
        keys.skip()
        connection.execute(sql.SQL("DELETE FROM {}").format(target))
        return
    changed, columns = (
        sql.Identifier("pg_temp", "changed_keys"),
        [sql.Identifier(name) for name in keys.columns],
    )
    with refusing():
        connection.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                changed, sql.SQL(", ").join(columns), target
            )
        )
        copy(connection, changed, keys, progress)
        connection.execute(sql.SQL("ANALYZE {}").format(changed))
        delete = sql.SQL("DELETE FROM {} t USING {} k WHERE {}").format(
            target,
            changed,
            sql.SQL(" AND ").join(sql.SQL("t.{0} = k.{0}").format(column) for column in columns),
        )
        owner.patiently(connection, progress, lambda: connection.execute(delete))
    connection.execute(sql.SQL("DROP TABLE {}").format(changed))


def load(
    connection: Connection[Any],
    parts: Iterable[Part],
    schema: str,
    progress: Progress,
    diverted: Mapping[str, sql.Identifier] | None = None,
) -> list[str]:
    """This function will put a whole dump into an empty schema, and return the tables whose rows came.

    Rows of a table that is `diverted` go into a table of the same columns, which is made elsewhere.

    :raises BackupInvalid: the dump is not one of ours, or PostgreSQL refuses it
    """
    loaded: list[str] = []
    for part in parts:
        if isinstance(part, str):
            progress.log("Structure")
            run(connection, part, progress)
            continue
        here, elsewhere = sql.Identifier(schema, part.table), (diverted or {}).get(part.table)
        target, is_first = elsewhere or here, part.table not in loaded
        if isinstance(part, ChangedKeys):
            remove(connection, target, part, progress)
            continue
        if elsewhere and is_first:
            connection.execute(
                sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {}) ON COMMIT DROP").format(elsewhere, here)
            )
        copy(connection, target, part, progress, freeze=is_first and not elsewhere)
        if is_first:
            loaded.append(part.table)
    return loaded


def require_same(
    connection: Connection[Any],
    expected: Mapping[str, TableState],
    progress: Progress,
    places: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """This function will do nothing where each table holds what the manifest says that it held.

    `places` says which tables are elsewhere than in schema public under their own name.

    :raises BackupInvalid: one does not
    """
    connection.execute(checksums.PINNED)
    progress.begin("Counts and checksums", len(expected), "tables")
    for table, state in expected.items():
        schema, name = (places or {}).get(table, ("public", table))
        found = owner.patiently(connection, progress, lambda: _state(connection, schema, name))  # noqa: B023 - done at once
        if found != state:
            raise BackupInvalid(
                f"Table {table} is not what it was: {found.rows} rows instead of {state.rows}."
                if found.rows != state.rows
                else f"Table {table} has other values than it had.",
                table=table,
            )
        progress.advance(1)


def _state(connection: Connection[Any], schema: str, table: str) -> TableState:
    with connection.cursor() as cursor:
        ((_, state),) = checksums.of(cursor, [table], schema)
    return state


def require_tables(connection: Connection[Any], names: Sequence[str]) -> None:
    """This function will do nothing where schema public has all these tables.

    :raises BackupInvalid: it lacks one
    """
    row = connection.execute(
        "SELECT min(n) FROM unnest(%s::text[]) n WHERE to_regclass('public.' || quote_ident(n)) IS NULL",
        [list(names)],
    ).fetchone()
    if row and row[0]:
        raise BackupInvalid(
            f"The backup has no table {row[0]}: it is not a full one of the catalog.", table=row[0]
        )


def require_structure(connection: Connection[Any], expected: str | None) -> None:
    """This function will do nothing where schema public is made as it was, once `require_same` has found the rows.

    :raises BackupInvalid: it is made otherwise
    """
    if expected is None:
        return
    with connection.cursor() as cursor:
        if fingerprint.of(cursor) != expected:
            raise BackupInvalid("The structure of the tables is not what it was when the backup was made.")
