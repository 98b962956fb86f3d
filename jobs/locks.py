"""The lock that a running job is: whoever works on it holds it, and PostgreSQL drops it when they are gone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import psycopg
from django.db import connection

_TRY: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('job ' || %s::text, 0))"


def connect() -> psycopg.Connection[Any]:
    """This function will open a connection of its own, to the database that Django uses, past Django's pool."""
    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory", None)
    return psycopg.connect(**parameters, autocommit=True)


@contextlib.contextmanager
def held(job_id: int) -> Iterator[bool]:
    """This function will hold a job's lock while its block runs, and give False where another holds it.

    It belongs to a transaction, not to the session: behind a pooler a session is anybody's. The transaction is
    empty: it has no snapshot that would keep VACUUM from its work.
    """
    own = connect()
    try:
        own.execute("BEGIN")
        own.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        row = own.execute(_TRY, [job_id]).fetchone()
        yield bool(row and row[0])
    finally:
        own.close()


def is_free(job_id: int) -> bool:
    """This function will say whether nobody works on a job; none can begin before this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_TRY, [job_id])
        return bool(cursor.fetchone()[0])
