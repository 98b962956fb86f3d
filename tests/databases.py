"""Makes test databases: a template that is migrated once, and copies of it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import sql

from config import schema_version
from config.cluster import SQL_FOLDER
from config.programs import run_sql

ROOT = Path(settings.BASE_DIR)
SPOOL = ROOT / "var" / f"spool_test_{os.getpid()}"  # no worker of this clone shall be told of a test's jobs
TEMPLATES_KEPT = 4


def url_of(database: str, url: str) -> str:
    """Return `url` with another database."""
    return urlsplit(url)._replace(path=f"/{quote(database)}").geturl()


def environment_for(database: str) -> dict[str, str]:
    """Return an environment in which our programs use `database`."""
    return os.environ | {
        "DATABASE_URL": url_of(database, settings.DATABASE_URL),
        "DATABASE_OWNER_URL": url_of(database, settings.DATABASE_OWNER_URL),
        "CELERY_BROKER_URL": f"spool://{quote(str(SPOOL))}",
    }


def owner() -> psycopg.Connection:
    """Connect as the owner, whose CREATEDB is for this."""
    return psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True)


def template(*, library: bool = False) -> str:
    """Return the name of a migrated database made from the present migrations, making it if need be.

    With `library` it has the small library of a new installation.
    """
    name = f"tmpl_{schema_version.fingerprint()}{'_library' if library else ''}"
    lock_file = ROOT / "var" / "templates.lock"
    lock_file.parent.mkdir(exist_ok=True)
    with lock_file.open("w") as lock, owner() as connection:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if name not in databases(connection, "tmpl_"):
            for old in databases(connection, "tmpl_")[: 1 - TEMPLATES_KEPT]:
                drop(connection, old)
            build(connection, name, *([["load_sample"]] if library else []))
    return name


def build(connection: psycopg.Connection, name: str, *commands: Sequence[str]) -> None:
    """Make the database `name` as an installation is made, run commands there, and name it so only when it is whole."""
    building = f"{name}_b"
    drop(connection, building)
    locale = (
        "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'" if connection.info.server_version >= 170000 else ""
    )
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' " + locale).format(
            sql.Identifier(building)
        )
    )
    run_sql(url_of(building, settings.DATABASE_OWNER_URL), SQL_FOLDER / "database.sql")
    for command in (["migrate"], *commands):
        done = subprocess.run(
            [sys.executable, "manage.py", *command, "--verbosity", "0"],
            cwd=ROOT, env=environment_for(building), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"manage.py {command[0]} failed:\n{done.stdout}{done.stderr}")
    connection.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(building), sql.Identifier(name))
    )


def fresh(name: str, source: str) -> None:
    """Make `name` a new copy of `source`, whoever is still connected, and turn Django to it."""
    disconnect()
    with owner() as connection:
        drop(connection, name)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source))
        )
        # Rights on the database itself are not copied.
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                sql.Identifier(name), sql.Identifier(settings.APP_ROLE)
            )
        )
    connections["default"].settings_dict["NAME"] = name


def disconnect() -> None:
    """Close this thread's connection and the pool."""
    connection = connections["default"]
    connection.close()
    connection.close_pool()


def drop(connection: psycopg.Connection, name: str) -> None:
    """Drop the database `name` if it exists, and end the sessions that threads have left there.

    FORCE would also end an autovacuum worker, for which the owner has no right: that one ends by itself.
    """
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = %s AND usename = ANY(%s)",
        [name, [settings.APP_ROLE, connection.info.user]],
    )
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def databases(connection: psycopg.Connection, prefix: str) -> list[str]:
    """Return the names of databases that begin with `prefix`, oldest first."""
    rows = connection.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY oid", [prefix]
    )
    return [row[0] for row in rows]


def drop_abandoned(connection: psycopg.Connection) -> None:
    """Drop test databases whose test run is dead."""
    for name in databases(connection, "test_"):
        with contextlib.suppress(ValueError):
            try:
                os.kill(int(name.split("_")[1]), 0)
            except ProcessLookupError:
                drop(connection, name)
            except PermissionError:
                pass
