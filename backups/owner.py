"""The connection of the role that owns the database: what restores, and tries backups out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg
from django.conf import settings
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from accesscontrol.errors import Unavailable
from backups.errors import OwnerNeeded
from jobs.progress import Progress

T = TypeVar("T")

# A restore ends when it is done. Whoever is stopped in it does not keep writers out for ever.
LIMITS: Final = (
    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;"
    "SET LOCAL idle_in_transaction_session_timeout = '10min'; SET LOCAL synchronous_commit = on;"
    "SET LOCAL maintenance_work_mem = '512MB'; SET LOCAL work_mem = '64MB'; SET LOCAL jit = off"
)
_POLL_S: Final = 0.25


@contextmanager
def connect(database: str | None = None) -> Iterator[Connection[Any]]:
    """This function will open a connection of the owner, with autocommit, to the catalog's database or another.

    The server notices within a second when this process dies, and gives up what it was doing for it.

    :raises OwnerNeeded: this process does not have the owner's URL
    :raises Unavailable: the database can't be reached
    """
    url = settings.DATABASE_OWNER_URL
    if not url or conninfo_to_dict(url).get("user") == settings.APP_ROLE:
        raise OwnerNeeded
    if database is not None:
        url = make_conninfo(url, dbname=database)
    try:
        connection = psycopg.connect(
            url, autocommit=True, prepare_threshold=None, application_name="database-admin-server restore"
        )
    except psycopg.OperationalError as error:
        raise Unavailable from error
    with connection:
        connection.execute(
            "SET client_connection_check_interval = '1s'; SET client_min_messages = warning;"
            "SET temp_buffers = '64MB'"
        )
        yield connection


def patiently(connection: Connection[Any], progress: Progress, work: Callable[[], T]) -> T:
    """This function will do work on the connection, and cancel it when it is not wanted any more.

    :raises Cancelled: it is not
    """
    progress.check()
    with ThreadPoolExecutor(1, "restore") as executor:
        future = executor.submit(work)
        try:
            while not wait([future], _POLL_S).done:
                progress.check()
        except BaseException:
            while not future.done():
                connection.cancel_safe()
                wait([future], _POLL_S)
            raise
        return future.result()
