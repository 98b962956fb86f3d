"""The SQL files: those that may run again, do; lookup rows mirror the lists; a dump is complete without us."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from audit.sql_files import read_sql
from backups import dumping
from catalog import registry
from catalog.access import grants_sql
from catalog.checks import problems
from catalog.live_tables import LiveTable, read_tables
from config import programs
from tests import databases

LEFT_OUT = ("CREATE SCHEMA public;", "SET transaction_timeout = 0;")


@pytest.fixture
def owner_url(db: None) -> str:
    return databases.url_of(connection.settings_dict["NAME"], settings.DATABASE_OWNER_URL)


@pytest.fixture
def owner(owner_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(owner_url) as owner:
        yield owner
        owner.rollback()


class TestRunningAgain:
    @pytest.mark.parametrize("name", ["functions.sql", "common.sql", "lookups.sql"])
    def test_changes_nothing(self, owner: psycopg.Connection, name: str) -> None:
        rows = "SELECT id, xmin FROM public.genres UNION ALL SELECT id, xmin FROM public.lookup_values"
        before = sorted(map(str, owner.execute(rows).fetchall()))

        owner.execute(read_sql("catalog", name))

        assert sorted(map(str, owner.execute(rows).fetchall())) == before
        assert list(problems(owner.cursor(), registry.all_tables(), settings.APP_ROLE)) == []

    def test_mends_lookup_rows_and_keeps_their_ids(self, owner: psycopg.Connection) -> None:
        rows = "SELECT id, name, description, parent_genre_id FROM public.genres ORDER BY id"
        before = owner.execute(rows).fetchall()
        owner.execute("UPDATE public.genres SET description = 'x', parent_genre_id = NULL")
        owner.execute("UPDATE public.lookup_values SET label = 'x' WHERE lookup_type = 'exports.format'")

        owner.execute(read_sql("catalog", "lookups.sql"))

        assert owner.execute(rows).fetchall() == before
        assert owner.execute("SELECT count(*) FROM public.lookup_values WHERE label = 'x'").fetchone() == (0,)

    def test_common_gives_a_new_table_its_trigger_and_comments(self, owner: psycopg.Connection) -> None:
        owner.execute("CREATE TABLE public.extra (id bigint, updated_at timestamptz)")

        owner.execute(read_sql("catalog", "common.sql"))

        extra = read_tables(owner.cursor())["extra"]
        assert extra.triggers == {"extra_set_updated_at": "O"}
        assert all(column.comment for column in extra.columns.values())


class TestGrants:
    def test_mend_whatever_was_granted(self, owner: psycopg.Connection) -> None:
        role = settings.APP_ROLE
        owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}, PUBLIC")
        owner.execute(f"GRANT UPDATE (label) ON public.lookup_values TO {role}")
        owner.execute(f"GRANT INSERT (id) ON public.audit_logs TO {role}")
        owner.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}")
        owner.execute(f"REVOKE ALL ON public.books FROM {role}")

        owner.execute(grants_sql(role))

        assert list(problems(owner.cursor(), registry.all_tables(), role)) == []
        assert owner.execute(
            "SELECT has_sequence_privilege(%s, 'public.audit_logs_id_seq', 'USAGE, UPDATE')", [role]
        ).fetchone() == (False,)

    def test_quote_the_name_of_the_role(self) -> None:
        assert ':"app_role"' not in grants_sql('we"ird; --')
        assert 'TO "we""ird; --";' in grants_sql('we"ird; --')

    def test_psql_runs_the_same_file(self, owner_url: str) -> None:
        file = databases.ROOT / "catalog" / "schema" / "grants.sql"

        programs.run_sql(owner_url, file, {"app_role": settings.APP_ROLE})


class TestLookupRows:
    @pytest.mark.django_db
    def test_mirror_every_list_with_its_labels(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT lookup_type, array_agg(ARRAY[value, label] ORDER BY display_order)"
                " FROM public.lookup_values GROUP BY lookup_type"
            )
            found = {name: [tuple(pair) for pair in pairs] for name, pairs in cursor.fetchall()}
        lists = {
            f"{table.name}.{name}": [tuple(choice) for choice in field.flatchoices]
            for table in registry.all_tables()
            for name, field in table.columns.items()
            if field.flatchoices
        }

        assert {name: found.get(name) for name in lists} == lists

    @pytest.mark.django_db
    def test_are_for_columns_that_exist(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT lookup_type FROM public.lookup_values")
            types = [name for (name,) in cursor.fetchall()]

        for name in types:
            table, column = name.split(".")
            registry.get(table).column(column)

    @pytest.mark.django_db
    def test_comments_promise_no_suggestions_that_are_not_there(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT lookup_type FROM public.lookup_values")
            types = {name for (name,) in cursor.fetchall()}
            tables = read_tables(cursor)

        for table in tables.values():
            for column in table.columns.values():
                if "suggestions under" in str(column.comment):
                    assert f'"{table.name}.{column.name}"' in str(column.comment)
                    assert f"{table.name}.{column.name}" in types


def _without_capture(tables: dict[str, LiveTable]) -> dict[str, LiveTable]:
    """The same without the triggers that note changes for incremental backups."""
    return {
        name: replace(
            table, triggers={t: state for t, state in table.triggers.items() if not t.startswith("capture_")}
        )
        for name, table in tables.items()
    }


def test_a_dump_of_the_schema_restores_without_us(owner: psycopg.Connection, owner_url: str) -> None:
    """No owner, no rights, no schema app: tables, functions, comments and all triggers but those that note changes."""
    raw = subprocess.run(
        [programs.binaries() / "pg_dump", "--dbname", owner_url, "-n", "public", "--no-owner", "--no-privileges"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    dump = dumping.without_capture(raw).decode()
    name = f"{connection.settings_dict['NAME']}_dump"
    with databases.owner() as maker:
        databases.drop(maker, name)
        maker.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            target = databases.url_of(name, settings.DATABASE_OWNER_URL)
            # The schema is there already; and servers before 17 don't know this setting of a newer pg_dump.
            lines = [line for line in dump.splitlines() if line not in LEFT_OUT]
            subprocess.run(
                [programs.binaries() / "psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", target],
                input="\n".join(lines), capture_output=True, check=True, text=True,
            )  # fmt: skip
            with psycopg.connect(target) as restored:
                assert read_tables(restored.cursor()) == _without_capture(read_tables(owner.cursor()))
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"):
                    restored.execute("DELETE FROM public.audit_logs")
        finally:
            databases.drop(maker, name)
