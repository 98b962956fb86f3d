"""The embedded server brought back to a moment: a cluster of its own, beside the live one, which is not touched."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg
from django.conf import settings
from psycopg import sql

from backups.pitr import recovery, server
from backups.pitr.recovery import Prepared, Target
from config import embedded
from config.cluster import SUPERUSER, Cluster
from config.folders import hand_over, private_folder
from config.programs import ClusterError
from jobs.progress import Progress

POLL_S: Final = 0.05


def place(name: str) -> Path:
    """Return a folder beside the live server's, where the account that it runs as can reach it.

    Where the server is not ours, it is among its copies.
    """
    if not settings.DATABASE_IS_EMBEDDED:
        return server.root() / name
    return embedded.cluster().home.with_name(name)


def prepare(target: Target, home: Path, progress: Progress, *, system_id: str | None) -> Prepared:
    """Make the data directory in which a server recovers, in `home`.

    :raises Refused: it can't be made; what was begun is gone
    :raises ClusterError: `home` is not a folder for us alone
    """
    private_folder(home, gate=embedded.cluster().uid if settings.DATABASE_IS_EMBEDDED else None)
    try:
        return recovery.prepare(target, home / "data", progress, system_id=system_id)
    except BaseException:
        with contextlib.suppress(OSError):
            home.rmdir()  # where it is empty
        raise


def recover(home: Path, made: Prepared) -> datetime | None:
    """Let a server recover in the data directory, stop it, and return when its last transaction ended.

    Its roles get the passwords of this clone, which may be another than it was copied from.

    :raises ClusterError: it did not; the message has the end of its log
    """
    live = embedded.cluster()
    cluster = Cluster(home, live.passwords, live.uid)
    with _open_to_us(made.data / "pg_hba.conf"):
        if cluster.uid is not None:
            hand_over(made.data, cluster.uid)
        cluster.start()
        try:
            with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
                return _settle(connection, cluster)
        except psycopg.OperationalError as error:
            raise ClusterError(f"The server did not recover. Its log: {cluster.log}") from error
        finally:
            cluster.stop()


def _settle(connection: psycopg.Connection[Any], cluster: Cluster) -> datetime | None:
    """Wait until the server has recovered, and make it an ordinary one of this clone."""
    while _is_recovering(connection):
        time.sleep(POLL_S)
    row = connection.execute("SELECT pg_catalog.pg_last_xact_replay_timestamp()").fetchone()
    for name in recovery.SETTINGS:
        connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
    for role, password in cluster.passwords.items():
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
        connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier.decode())))
    return row[0] if row else None


@contextlib.contextmanager
def _open_to_us(rules: Path) -> Iterator[None]:
    """Let the superuser in without a password for a while, through a socket that nobody else reaches."""
    kept = rules.read_bytes()
    rules.write_text(f"local all {SUPERUSER} trust\n", encoding="ascii")
    try:
        yield
    finally:
        rules.write_bytes(kept)


def _is_recovering(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT pg_catalog.pg_is_in_recovery()").fetchone()
    return row is None or bool(row[0])
