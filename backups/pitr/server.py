"""The server that is copied: who may replicate it, what it is, and where its copies lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from django.conf import settings
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from accesscontrol.errors import Unavailable
from backups import database

RECEIVER: Final = "dbadmin_receiver"
"""The name of the slot that keeps what the receiver has not taken yet, and of the receiver itself."""
MIN_VERSION: Final = 17_00_00  # bases are described since then by the id of their server
SETUP: Final = """\
On the server, as a superuser (wal_level = replica, max_wal_senders and max_replication_slots of at least 2):
  CREATE ROLE dbadmin_replication LOGIN REPLICATION PASSWORD '…';
  GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO dbadmin_replication;
In its pg_hba.conf, and then SELECT pg_reload_conf():
  host  replication,postgres  dbadmin_replication  ADDRESS/32  scram-sha-256
And here: DATABASE_REPLICATION_URL=postgresql://dbadmin_replication:…@HOST/postgres"""


class ReplicationNeeded(Unavailable):
    """No role is known that may replicate the server: DATABASE_REPLICATION_URL is not set."""


@dataclass(frozen=True)
class Server:
    """A server as its copies know it: restoring one gives it another timeline, never another id."""

    system_id: str
    timeline: int
    version: int  # as server_version_num
    segment_bytes: int

    @property
    def folder(self) -> Path:
        """Where its copies lie."""
        return root() / self.system_id


def root() -> Path:
    """This function will return the folder of all copies."""
    return Path(settings.PITR_DIR)


@contextmanager
def connect() -> Iterator[Connection[Any]]:
    """This function will open a connection of the role that replicates, with autocommit.

    :raises ReplicationNeeded: no such role is known
    :raises Unavailable: the server can't be reached, or does not let it replicate
    """
    # Said, since database postgres may have none, and what it says would be bytes then.
    url = make_conninfo(_url(), replication="database", client_encoding="UTF8")
    try:
        connection = psycopg.connect(url, autocommit=True, application_name="database-admin-server")
    except psycopg.OperationalError as error:
        raise Unavailable(
            "The server can't be reached, or does not let us replicate it.", hint=SETUP
        ) from error
    with connection, database.translated():
        yield connection


def identify() -> Server:
    """This function will return which server it is.

    :raises ReplicationNeeded, Unavailable: it can't be asked
    """
    with connect() as connection:
        row = connection.execute("IDENTIFY_SYSTEM").fetchone()
        sizes = connection.execute(
            "SELECT setting::bigint, current_setting('server_version_num')::int"
            " FROM pg_catalog.pg_settings WHERE name = 'wal_segment_size'"
        ).fetchone()
    if row is None or sizes is None or sizes[1] < MIN_VERSION:
        raise Unavailable(f"Copies of a whole server need PostgreSQL {MIN_VERSION // 10_000} or newer.")
    return Server(str(row[0]), int(row[1]), sizes[1], sizes[0])


def environment(name: str) -> dict[str, str]:
    """This function will return the environment in which a program replicates, known to the server by that name."""
    return {**database.environment(conninfo_to_dict(_url())), "PGAPPNAME": name}


def _url() -> str:
    url: str | None = settings.DATABASE_REPLICATION_URL
    if not url:
        raise ReplicationNeeded("It is not known who may replicate the server.", hint=SETUP)
    return url
