"""Keeps rights in step with the tables: those of the application's role, and those of people."""

from __future__ import annotations

from django.conf import settings
from django.db import connections
from psycopg import sql

from accesscontrol import roles
from audit.sql_files import read_sql
from catalog import registry


def sync_access(*, using: str, **_: object) -> None:
    """This function will bring all rights up to date; it is called after every migrate.

    It does nothing while tables are missing (a `migrate` that stops on the way), nor as a role that owns
    none.
    """
    names = list(registry.names())
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_catalog.pg_tables"
            " WHERE schemaname = 'public' AND tablename = ANY(%s) AND tableowner = current_user",
            [names],
        )
        if cursor.fetchone() != (len(names),):
            return
        cursor.execute(grants_sql(settings.APP_ROLE))
    roles.sync(registry.all_tables())


def grants_sql(role: str) -> str:
    """This function will return grants.sql for a role, as `psql -v app_role=…` would run it."""
    name = sql.Identifier(role).as_string()
    return read_sql("catalog", "grants.sql").replace(':"app_role"', name)
