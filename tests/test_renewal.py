"""Whatever a test does to its database, the next one finds a copy of the template."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings

from tests import databases
from tests.renewal import Copy

pytestmark = pytest.mark.skipif(not settings.DATABASE_IS_EMBEDDED, reason="elsewhere the template is copied")

CATALOGS = ("pg_class", "pg_attribute", "pg_constraint", "pg_index", "pg_trigger", "pg_proc", "pg_namespace")
VOLATILE = [
    "xmin",
    "relfilenode",
    "relfrozenxid",
    "relminmxid",
    "relpages",
    "reltuples",
    "relallvisible",
    "relallfrozen",
]

WRITTEN = {
    "nothing": "SELECT",
    "a row that others refer to": """
        INSERT INTO public.authors (id, name) VALUES (1, 'Ann');
        INSERT INTO public.books (author_id, title) VALUES (1, 'Alice')""",
    "a row of the trail, which nobody may delete": """
        INSERT INTO public.audit_logs (operation, success) VALUES ('INSERT', true)""",
    "a row of the template changed": """
        UPDATE public.genres SET name = 'Mine' WHERE id = (SELECT min(id) FROM public.genres)""",
    "all rows of the template deleted": """
        DELETE FROM app.auth_group_permissions;
        DELETE FROM app.guardian_groupobjectpermission""",
    "a sequence alone": "SELECT nextval('public.scenes_id_seq')",
    "a sequence set, not called": "SELECT setval('public.timeline_events_id_seq', 50, false)",
    "a long text": """
        INSERT INTO public.authors (name, bio)
        SELECT 'Ann', string_agg(md5(n::text), '') FROM generate_series(1, 9999) n""",
    "a table emptied": "TRUNCATE public.writing_goals",
    "statistics of a catalog": "ANALYZE pg_catalog.pg_attribute",
    "a temporary table": """
        CREATE TEMP TABLE mine (id bigint PRIMARY KEY, text text);
        INSERT INTO mine VALUES (1, 'x')""",
    "a trigger that was off": """
        ALTER TABLE public.books DISABLE TRIGGER capture_update;
        ALTER TABLE public.books ENABLE ALWAYS TRIGGER capture_update""",
}
"""What is put back."""

CHANGED = {
    "many rows": "INSERT INTO public.authors (name) SELECT 'Ann' FROM generate_series(1, 6000)",
    "a comment": "COMMENT ON TABLE public.books IS 'mine'",
    "a column": "ALTER TABLE public.authors ADD COLUMN mine text",
    "a right on the database": "GRANT TEMP ON DATABASE {} TO PUBLIC",
    "a setting of the database": "ALTER DATABASE {} SET timezone = 'Asia/Tokyo'",
    "sizes": """
        INSERT INTO public.authors (name) VALUES ('Ann');
        VACUUM public.authors""",
}
"""For what the template is copied: one for each way in which it is seen."""

CHANGED_ALIKE = {
    "a trigger that is off": "ALTER TABLE public.books DISABLE TRIGGER capture_update",
    "a right on a table": "GRANT SELECT ON public.books TO PUBLIC",
}
"""Seen as a column is: a catalog does not hold what it did."""


def everything(url: str) -> dict[str, object]:
    """Return all that is in a database and is said of it."""
    with psycopg.connect(url, autocommit=True) as own:
        tables = own.execute(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname IN ('app', 'public') ORDER BY 1"
        ).fetchall()
        found: dict[str, object] = {
            table: own.execute(f"SELECT t::text FROM {table} t").fetchall()  # noqa: S608
            for (table,) in tables
        }
        for catalog in CATALOGS:
            found[catalog] = own.execute(
                f"SELECT md5(string_agg((to_jsonb(t) - %s::text[])::text, '' ORDER BY to_jsonb(t) - %s::text[])) FROM {catalog} t"  # noqa: S608, E501
                " WHERE t::text !~ '\\mpg_(toast_)?temp_'",
                [VOLATILE, VOLATILE],
            ).fetchone()
        found["sequences"] = own.execute(
            "SELECT c.relname, s.last_value, s.is_called FROM pg_class c, pg_get_sequence_data(c.oid) s"
            " WHERE c.relkind = 'S' ORDER BY 1"
        ).fetchall()
        found["sizes"] = own.execute(
            "SELECT count(*), min(reltuples) FROM pg_class WHERE relname = 'authors'"
        ).fetchone()
        found["database"] = own.execute(
            "SELECT datacl::text, (SELECT count(*) FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)"
            " FROM pg_database d WHERE datname = current_database()"
        ).fetchone()
        return found


@pytest.fixture(scope="module")
def copy(django_db_setup: None) -> Iterator[Copy]:
    copy = Copy(f"test_{os.getpid()}_copy", databases.template())
    copy.renew()
    yield copy
    with databases.owner() as owner:
        databases.drop(owner, copy.name)


@pytest.fixture(scope="module")
def url(copy: Copy) -> str:
    return databases.url_of(copy.name, settings.DATABASE_OWNER_URL)


@pytest.fixture(scope="module")
def before(url: str) -> dict[str, object]:
    return everything(url)


@pytest.mark.django_db(transaction=True)
def test_brings_back_what_was_there(copy: Copy, url: str, before: dict[str, object], is_whole: bool) -> None:
    for change, statements in (CHANGED | (CHANGED_ALIKE if is_whole else {})).items():
        with psycopg.connect(url, autocommit=True) as left_open:
            for statement in statements.split(";"):
                left_open.execute(statement.format(copy.name))

            copy.renew()

        assert everything(url) == before, change


@pytest.mark.django_db(transaction=True)
def test_copies_no_files_for_what_is_put_back(
    copy: Copy, url: str, before: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[bool] = []
    fresh = databases.fresh
    monkeypatch.setattr(databases, "fresh", lambda *names: (copied.append(True), fresh(*names)))
    for _ in range(3):  # PostgreSQL may have come between, and noted sizes
        copied.clear()
        for change in WRITTEN.values():
            with psycopg.connect(url, autocommit=True) as left_open:
                for statement in change.split(";"):
                    left_open.execute(statement)
                copy.renew()
        assert everything(url) == before
        if not copied:
            return
    pytest.fail("The template was copied.")
