"""Databases to try something in: gone when it is done, or swept when who made them is dead."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from psycopg import Connection, sql
from psycopg.errors import ObjectInUse

PREFIX: Final = "scratch_"
_PATIENCE_S: Final = 30
_PAUSE_S: Final = 0.2
_LOCK: Final = "hashtextextended('database ' || %s, 0)"


@contextmanager
def database(connection: Connection[Any]) -> Iterator[str]:
    """This function will make an empty database that sorts as the catalog's does, and give its name.

    Nobody but the owner may enter it. The connection holds its lock: with the lock gone, it may be swept.

    :raises psycopg.Error: it can't be made
    """
    name = f"{_prefix(connection)}{secrets.token_hex(8)}"
    connection.execute(f"SELECT pg_advisory_lock({_LOCK})", [name])
    try:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' {}").format(
                sql.Identifier(name), _locale(connection)
            )
        )
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
        yield name
    finally:
        if not connection.closed:
            _drop(connection, name)
            connection.execute(f"SELECT pg_advisory_unlock({_LOCK})", [name])


def sweep(connection: Connection[Any]) -> int:
    """This function will drop the databases whose makers are dead, and return how many there were."""
    rows = connection.execute(
        "SELECT d.datname FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles r ON r.oid = d.datdba"
        " WHERE starts_with(d.datname, %s) AND r.rolname = current_user",
        [_prefix(connection)],
    ).fetchall()
    swept = 0
    for (name,) in rows:
        if connection.execute(f"SELECT pg_try_advisory_lock({_LOCK})", [name]).fetchone() == (True,):
            _drop(connection, name)
            connection.execute(f"SELECT pg_advisory_unlock({_LOCK})", [name])
            swept += 1
    return swept


def _prefix(connection: Connection[Any]) -> str:
    """What those begin with that are made from this database: the locks of another one can't be seen from here."""
    row = connection.execute(
        "SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()"
    ).fetchone()
    return f"{PREFIX}{row[0] if row else 0}_"


def _drop(connection: Connection[Any], name: str) -> None:
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity"
            " WHERE datname = %s AND usename = current_user AND pid <> pg_backend_pid()",
            [name],
        )
        try:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        except ObjectInUse:  # autovacuum looks at it: it leaves by itself
            if time.monotonic() > give_up_at:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _locale(connection: Connection[Any]) -> sql.Composable:
    """The locale of the connection's database, as CREATE DATABASE is told."""
    column = "datlocale" if connection.info.server_version >= 170000 else "daticulocale"
    row = connection.execute(
        f"SELECT datlocprovider, datcollate, datctype, {column} FROM pg_catalog.pg_database"  # noqa: S608 - one of two
        " WHERE datname = current_database()"
    ).fetchone()
    provider, collate, ctype, locale = row or ("c", "C", "C", None)
    common = sql.SQL("LC_COLLATE {} LC_CTYPE {}").format(sql.Literal(collate), sql.Literal(ctype))
    match provider:
        case "b":
            return sql.SQL("LOCALE_PROVIDER builtin BUILTIN_LOCALE {} {}").format(sql.Literal(locale), common)
        case "i":
            return sql.SQL("LOCALE_PROVIDER icu ICU_LOCALE {} {}").format(sql.Literal(locale), common)
        case _:
            return common
