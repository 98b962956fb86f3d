"""A database for one run: a copy of the migrated template, filled, and dropped at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection
from psycopg import sql

from accesscontrol.actor import Actor, Channel
from catalog.sample import bulk

databases: Any = import_module("tests.databases")  # where tests take theirs from

WIDE_ROWS = 1_000
WIDE_CHARS = 10_000

# A year of the trail of a busy server. The owner alone may say what time it was; in a scratch database it does no harm.
_TRAIL = """
INSERT INTO public.audit_logs (timestamp, operation, table_name, record_id, user_id, success, error_code, error_message,
                               execution_time, changes, record_count, channel, client_info, request_id, query_hash)
SELECT now() - interval '365 days' * (1 - n / %(rows)s::float8),
       (ARRAY['QUERY', 'QUERY', 'QUERY', 'QUERY', 'UPDATE', 'INSERT', 'GET_SCHEMA', 'LIST_TABLES'])[1 + n %% 8],
       (ARRAY['scenes', 'chapters', 'books', 'characters', 'locations', 'authors', NULL])[1 + n %% 7],
       CASE WHEN n %% 8 = 4 THEN (n %% 1000)::text END,
       'user' || n %% 23, n %% 40 <> 0,
       CASE WHEN n %% 40 = 0 THEN 'PERMISSION_DENIED' END,
       CASE WHEN n %% 40 = 0 THEN 'You may not read in scenes: no role of user grants read on scenes.' END,
       (n::bigint * 7919 %% 20011) / 500.0,
       CASE WHEN n %% 8 = 4 THEN '{"summary": {"old": "The captain waited.", "new": "A stranger waited."}}'::jsonb END,
       n %% 100, 'mcp', '{"client": "bench", "protocol": "2025-06-18"}', gen_random_uuid(), '0123456789abcdef'
  FROM generate_series(1, %(rows)s) AS n
"""


@dataclass(frozen=True)
class Scratch:
    """What cases need to know of the database."""

    name: str
    url: str  # as the application's role
    first_scene: int
    scenes: int
    first_wide_scene: int
    editor: User
    administrator: User
    environment: dict[str, str]

    def actor(self) -> Actor:
        """This function will return a new Actor, as a face makes one for each call."""
        return Actor(self.editor, Channel.MCP, {"client": "bench"})

    def auditor(self) -> Actor:
        """This function will return a new Actor who may see the whole trail."""
        return Actor(self.administrator, Channel.MCP, {"client": "bench"})


@contextmanager
def database(*, scenes: int, audit_rows: int, name_ends: str = "") -> Iterator[Scratch]:
    """This function will make a database with that much in it, and turn Django to it; at the end it drops it."""
    # Named like a test's: what a killed run leaves behind, the next test run drops.
    name = f"test_{os.getpid()}{name_ends}"
    before = connection.settings_dict["NAME"]
    databases.fresh(name, databases.template())
    try:
        yield _filled(name, scenes, audit_rows)
    finally:
        databases.disconnect()
        connection.settings_dict["NAME"] = before
        with databases.owner() as owner:
            databases.drop(owner, name)


def _filled(name: str, scenes: int, audit_rows: int) -> Scratch:
    editor = _user("editor", "Editor")
    administrator = _user("administrator", "Administrator")
    bulk.make(actor=Actor(editor, Channel.COMMAND), scenes=scenes)
    owner_url = databases.url_of(name, settings.DATABASE_OWNER_URL)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        _fill_trail(owner, audit_rows)
        owner.execute(  # The last scenes become wide: whoever pages from the front does not meet them.
            "UPDATE public.scenes SET content = left(repeat(content || ' ', 100), %s)"
            " WHERE id > (SELECT max(id) FROM public.scenes) - %s",
            [WIDE_CHARS, WIDE_ROWS],
        )
        owner.execute("VACUUM ANALYZE")
        first, last = owner.execute("SELECT min(id), max(id) FROM public.scenes").fetchone() or (0, 0)
    return Scratch(
        name=name,
        url=databases.url_of(name, settings.DATABASE_URL),
        first_scene=first,
        scenes=scenes,
        first_wide_scene=last - WIDE_ROWS + 1,
        editor=editor,
        administrator=administrator,
        environment=databases.environment_for(name),
    )


def _user(name: str, role: str) -> User:
    user = User.objects.create(username=name)
    user.groups.add(Group.objects.get(name=role))
    return user


def _fill_trail(owner: psycopg.Connection, rows: int) -> None:
    """Insert the rows first and index them afterwards, which takes half as long."""
    indexes = owner.execute(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE schemaname = 'public' AND tablename = 'audit_logs' AND indexname <> 'audit_logs_pkey'"
    ).fetchall()
    with owner.transaction():
        for name, _ in indexes:
            owner.execute(sql.SQL("DROP INDEX public.{}").format(sql.Identifier(name)))
        owner.execute(_TRAIL, {"rows": rows})
        for _, definition in indexes:
            owner.execute(definition)
