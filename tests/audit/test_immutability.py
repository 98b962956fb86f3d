"""The audit trail only grows: whoever the application's role is, or becomes, and whoever connects instead."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import ProgrammingError, connection
from psycopg import errors

from audit import trail
from audit.models import OPERATIONS, AuditLog
from config import cluster, embedded
from tests import databases

INSERT = "INSERT INTO public.audit_logs (operation, success) VALUES ('QUERY', true)"
REFUSED_TO_THE_APPLICATION = [
    "UPDATE public.audit_logs SET success = false",
    "UPDATE public.audit_logs SET success = false WHERE false",
    "DELETE FROM public.audit_logs",
    "TRUNCATE public.audit_logs",
    "TRUNCATE public.audit_logs RESTART IDENTITY CASCADE",
    f"{INSERT} ON CONFLICT (id) DO UPDATE SET success = false",
    "MERGE INTO public.audit_logs l USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    "MERGE INTO public.audit_logs l USING (SELECT 1) AS one ON true WHEN MATCHED THEN UPDATE SET success = false",
    "SELECT * FROM public.audit_logs FOR UPDATE",
    "INSERT INTO public.audit_logs (id, operation, success) VALUES (1, 'QUERY', true)",
    "INSERT INTO public.audit_logs (id, operation, success) OVERRIDING SYSTEM VALUE VALUES (1, 'QUERY', true)",
    "INSERT INTO public.audit_logs (timestamp, operation, success) VALUES ('1999-01-01', 'QUERY', true)",
    "INSERT INTO public.audit_logs VALUES (DEFAULT, now(), 'QUERY')",
    "COPY public.audit_logs FROM STDIN",
    "SELECT setval('public.audit_logs_id_seq', 1)",
    "SELECT nextval('public.audit_logs_id_seq')",
    "ALTER SEQUENCE public.audit_logs_id_seq RESTART",
    "ALTER TABLE public.audit_logs DISABLE TRIGGER audit_logs_refuse_change",
    "ALTER TABLE public.audit_logs DISABLE TRIGGER ALL",
    "DROP TRIGGER audit_logs_refuse_change ON public.audit_logs",
    (
        "CREATE OR REPLACE FUNCTION public.refuse_change_of_audit_logs() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'"
    ),
    "DROP FUNCTION public.refuse_change_of_audit_logs() CASCADE",
    "ALTER FUNCTION public.refuse_change_of_audit_logs() RENAME TO gone",
    "DROP TABLE public.audit_logs",
    "ALTER TABLE public.audit_logs RENAME TO other",
    "ALTER TABLE public.audit_logs DROP COLUMN user_id",
    "ALTER TABLE public.audit_logs OWNER TO CURRENT_USER",
    "ALTER TABLE public.audit_logs SET SCHEMA app",
    "ALTER SCHEMA public RENAME TO aside",
    "DROP SCHEMA public CASCADE",
    "CREATE TABLE public.mine (id int)",
    "CREATE TABLE app.mine (id int)",
    "CREATE TEMPORARY TABLE audit_logs (id int)",
    "CREATE SCHEMA mine",
    "DROP EXTENSION plpgsql CASCADE",
    "CREATE VIEW public.mine AS SELECT 1",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE RULE nothing AS ON INSERT TO public.audit_logs DO INSTEAD NOTHING",
    "CREATE TRIGGER mine BEFORE INSERT ON public.audit_logs EXECUTE FUNCTION public.set_updated_at()",
    "CREATE POLICY mine ON public.audit_logs",
    "CREATE INDEX mine ON public.audit_logs (id)",
    "COMMENT ON TABLE public.audit_logs IS 'mine'",
    "CLUSTER public.audit_logs USING audit_logs_pkey",
    "SET session_replication_role = replica",
    "SET ROLE {owner}",
    "SET SESSION AUTHORIZATION {owner}",
    "ALTER ROLE {app} SUPERUSER",
    "ALTER ROLE {app} CREATEDB",
    "GRANT {owner} TO {app}",
    "CREATE ROLE mine",
    "DO $$ BEGIN UPDATE public.audit_logs SET success = false; END $$",
    "WITH gone AS (DELETE FROM public.audit_logs RETURNING 1) SELECT count(*) FROM gone",
    "COPY public.audit_logs TO PROGRAM 'true'",
    "SELECT pg_read_file('pg_hba.conf')",
    "LOCK TABLE public.audit_logs IN ACCESS EXCLUSIVE MODE",
]
REFUSED_TO_THE_OWNER = [
    "UPDATE public.audit_logs SET success = false",
    "UPDATE public.audit_logs SET success = false WHERE false",
    "DELETE FROM public.audit_logs",
    "TRUNCATE public.audit_logs",
    "TRUNCATE public.audit_logs, public.exports",
    f"{INSERT} ON CONFLICT (id) DO UPDATE SET success = false",
    "MERGE INTO public.audit_logs l USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
]


def connect(role_url: str) -> psycopg.Connection:
    return psycopg.connect(databases.url_of(connection.settings_dict["NAME"], role_url))


@pytest.fixture
def application(db: None) -> Iterator[psycopg.Connection]:
    with connect(settings.DATABASE_URL) as application:
        application.execute(INSERT)
        yield application
        application.rollback()


@pytest.fixture
def owner(db: None) -> Iterator[psycopg.Connection]:
    with connect(settings.DATABASE_OWNER_URL) as owner:
        owner.execute(INSERT)
        yield owner
        owner.rollback()


def owner_role() -> str:
    return psycopg.conninfo.conninfo_to_dict(settings.DATABASE_OWNER_URL)["user"]


class TestApplication:
    @pytest.mark.parametrize("statement", REFUSED_TO_THE_APPLICATION)
    def test_is_refused(self, application: psycopg.Connection, statement: str) -> None:
        with pytest.raises(errors.InsufficientPrivilege):
            application.execute(statement.format(owner=owner_role(), app=settings.APP_ROLE))

    def test_grants_nothing_to_itself(self, application: psycopg.Connection) -> None:
        application.execute(f"GRANT UPDATE ON public.audit_logs TO {settings.APP_ROLE}")  # a warning, no more

        with pytest.raises(errors.InsufficientPrivilege):
            application.execute("UPDATE public.audit_logs SET success = false")

    def test_adds_rows_that_get_their_number_and_time_from_the_database(
        self, application: psycopg.Connection
    ) -> None:
        row = application.execute(
            "SELECT id > 0, timestamp BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp()"
            " FROM public.audit_logs ORDER BY id DESC LIMIT 1"
        ).fetchone()

        assert row == (True, True)

    def test_may_insert_every_column_that_the_trail_writes(self, application: psycopg.Connection) -> None:
        columns = ", ".join(trail.COLUMNS)
        defaults = ", ".join("'QUERY'" if c == "operation" else "true" if c == "success" else "DEFAULT"
                             for c in trail.COLUMNS)  # fmt: skip

        application.execute(f"INSERT INTO public.audit_logs ({columns}) VALUES ({defaults})")  # noqa: S608

    def test_owns_nothing(self, application: psycopg.Connection) -> None:
        owned = application.execute(
            "SELECT relname FROM pg_class WHERE pg_has_role(relowner, 'MEMBER')"
            " UNION ALL SELECT proname FROM pg_proc WHERE pg_has_role(proowner, 'MEMBER')"
            " UNION ALL SELECT nspname FROM pg_namespace WHERE pg_has_role(nspowner, 'MEMBER')"
            " UNION ALL SELECT datname FROM pg_database WHERE pg_has_role(datdba, 'MEMBER')"
        ).fetchall()

        assert owned == []

    def test_has_no_special_power(self, application: psycopg.Connection) -> None:
        powers = application.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        groups = application.execute(
            "SELECT rolname FROM pg_roles WHERE pg_has_role(oid, 'MEMBER') AND rolname <> current_user"
        ).fetchall()

        assert (powers, groups) == ((False,) * 5, [])


class TestOwner:
    @pytest.mark.parametrize("statement", REFUSED_TO_THE_OWNER)
    def test_is_refused(self, owner: psycopg.Connection, statement: str) -> None:
        with pytest.raises(errors.InsufficientPrivilege, match="audit_logs only grows"):
            owner.execute(statement)

    def test_may_not_switch_triggers_off_for_the_session(self, owner: psycopg.Connection) -> None:
        with pytest.raises(errors.InsufficientPrivilege):
            owner.execute("SET session_replication_role = replica")


@pytest.mark.skipif(not settings.DATABASE_IS_EMBEDDED, reason="nobody else's superuser is ours to be")
class TestSuperuser:
    @pytest.mark.parametrize("statement", REFUSED_TO_THE_OWNER)
    def test_is_refused_even_as_a_replica(self, db: None, statement: str) -> None:
        with connect(embedded.cluster().url(cluster.SUPERUSER)) as superuser:
            superuser.execute("SET session_replication_role = replica")
            superuser.execute(INSERT)

            with pytest.raises(errors.InsufficientPrivilege, match="audit_logs only grows"):
                superuser.execute(statement)


class TestModel:
    def test_the_trail_knows_every_operation_that_the_database_allows(
        self, owner: psycopg.Connection
    ) -> None:
        for operation in OPERATIONS:
            owner.execute("INSERT INTO public.audit_logs (operation, success) VALUES (%s, true)", [operation])

        with pytest.raises(errors.CheckViolation):
            owner.execute("INSERT INTO public.audit_logs (operation, success) VALUES ('GUESS', true)")

    @pytest.mark.django_db
    def test_is_not_written_through_the_model(self) -> None:
        with pytest.raises(ProgrammingError, match="permission denied"):
            AuditLog.objects.create(operation="QUERY", success=True)
