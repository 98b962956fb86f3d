"""How work that takes long reaches the database: past the pool, with its own limits, and by PostgreSQL's programs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from django.db import Error, connection, transaction
from psycopg import pq

from audit import faults

# For Django's connection alone.
_DJANGOS: Final = frozenset({"context", "cursor_factory", "prepare_threshold", "pool"})


def connect() -> psycopg.Connection[Any]:
    """This function will open a connection of our own as the application's role, with autocommit.

    :raises psycopg.OperationalError: it can't be opened
    """
    return psycopg.connect(**_parameters(), autocommit=True, prepare_threshold=None)


@contextmanager
def translated() -> Iterator[None]:
    """This function will tell in our words what befalls a connection of our own.

    :raises Refused: the database stopped the work, or can't be reached; what was done is lost
    """
    try:
        with connection.wrap_database_errors:
            yield
    except Error as error:
        refusal = faults.translate(error)
        if refusal is None:
            raise
        raise refusal from error


def flush() -> None:
    """This function will return when all that has been committed so far is on the server's disk.

    A commit that did not wait for it can be undone by a crash, and what a backup saw of it would never have been.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL synchronous_commit = on; SELECT pg_logical_emit_message(true, 'backup', '')"
        )


def environment(place: Mapping[str, Any] | None = None) -> dict[str, str]:
    """This function will return the environment in which a program of PostgreSQL works as the application's role.

    With `place` (a connection's parameters) it works there instead.

    Everything is in it, the password too: on the command line the whole machine could read it. Nothing else is,
    so that no variable of the caller changes what happens.
    """
    variables = {
        option.keyword.decode(): option.envvar.decode()
        for option in pq.Conninfo.get_defaults()
        if option.envvar is not None
    }
    given = {
        variables[name]: str(value)
        for name, value in (_parameters() if place is None else place).items()
        if name in variables and value not in ("", None)
    }
    return {"PATH": os.defpath, "LC_ALL": "C", **given, "PGCLIENTENCODING": "UTF8"}


def _parameters() -> dict[str, Any]:
    return {name: value for name, value in connection.get_connection_params().items() if name not in _DJANGOS}
