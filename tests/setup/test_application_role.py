"""What the application's role may not do, whatever a bug in the application would try."""

from __future__ import annotations

import psycopg
import pytest
from django.conf import settings
from django.db import NotSupportedError, connection, connections

pytestmark = pytest.mark.django_db


def query(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


class TestApplicationRole:
    def test_is_who_the_suite_works_as_and_has_no_attribute(self):
        assert settings.APP_ROLE == "dbadmin_app"
        assert query(
            "SELECT current_user, session_user, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls "
            "FROM pg_roles WHERE rolname = current_user"
        ) == [("dbadmin_app", "dbadmin_app", False, False, False, False, False)]  # fmt: skip

    def test_owns_nothing_and_belongs_to_no_role(self):
        assert query("SELECT count(*) FROM pg_shdepend WHERE refobjid = current_user::regrole AND deptype = 'o'") == [
            (0,)
        ]  # fmt: skip
        assert query("SELECT count(*) FROM pg_auth_members WHERE member = current_user::regrole") == [(0,)]

    def test_everything_belongs_to_the_owner(self):
        assert query(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class "
            "WHERE relnamespace IN ('app'::regnamespace, 'public'::regnamespace)"
        ) == [("dbadmin_owner",)]
        assert query(
            "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'dbadmin_owner'"
        ) == [(False, True, False)]

    def test_finds_both_schemas_whoever_opens_the_connection(self):
        with psycopg.connect(settings.DATABASE_URL) as direct:
            assert direct.execute("SHOW search_path").fetchone() == ("app, public",)
            assert direct.execute("SHOW statement_timeout").fetchone() == ("30s",)

    @pytest.mark.parametrize(
        "sql",
        [
            "CREATE TABLE app.mine ()",
            "CREATE TABLE public.mine ()",
            "CREATE TEMPORARY TABLE mine ()",
            "CREATE SCHEMA mine",
            "CREATE EXTENSION vector",
            "CREATE DATABASE mine",
            "CREATE ROLE mine",
            "ALTER ROLE dbadmin_owner PASSWORD 'mine'",
            "SET ROLE dbadmin_owner",
            "SET SESSION AUTHORIZATION dbadmin_owner",
            "SET session_replication_role = replica",
            "ALTER SYSTEM SET fsync = off",
            "COPY app.django_migrations TO PROGRAM 'true'",
            "COPY app.django_migrations TO '/tmp/stolen'",
            "SELECT pg_read_file('/etc/passwd')",
            "DROP TABLE app.django_migrations",
            "ALTER TABLE app.django_migrations ADD COLUMN mine int",
            "TRUNCATE app.django_migrations",
            "ALTER SCHEMA app RENAME TO mine",
            "COMMENT ON SCHEMA app IS 'mine'",
        ],
    )
    def test_is_refused(self, sql):
        with psycopg.connect(
            connection_url(), autocommit=True
        ) as direct:  # some of these allow no transaction
            refusals = (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)
            with pytest.raises(refusals, match=r"permission denied|must be|not allowed|[Oo]nly roles"):
                direct.execute(sql)


def connection_url() -> str:
    """Return the application role's URL of this session's own database."""
    return psycopg.conninfo.make_conninfo(settings.DATABASE_URL, dbname=connection.settings_dict["NAME"])


class TestServerVersion:
    def test_an_older_server_is_refused_at_the_first_connection(self, monkeypatch):
        monkeypatch.setitem(
            connections["default"].__dict__, "pg_version", 150_004
        )  # where the first look-up keeps it

        with pytest.raises(NotSupportedError, match=r"PostgreSQL 16 or later is required \(found 15\.4\)"):
            connection.check_database_version_supported()
