"""What was answered is on the disk, with its audit row, whoever is killed right afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction

from accesscontrol.actor import Actor, Channel
from audit.models import AuditLog
from catalog import registry
from catalog.services import queries, records
from config.cluster import APP_ROLE, OWNER_ROLE, SUPERUSER, Cluster
from soak import places
from tests import databases
from tests.audit.children import forked

AUTHORS = registry.get("authors")
KILLS = 20
SERVER_KILLS = 2


def write_on_and_on(tell: Callable[[str], None]) -> None:
    """Insert authors, each told once the service has answered, until somebody kills this process."""
    user = User.objects.get(username="ada")
    while True:
        change = records.insert_record(
            actor=Actor(user, Channel.TASK), table=AUTHORS, data={"name": "Durable"}
        )
        tell(f"{change.records[0]['id']} {change.change_id}")


def session_over() -> bool:
    """Say whether the server has ended the sessions of all children."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = %s)",
            [f"child of {os.getpid()}"],
        )
        return bool(cursor.fetchone()[0])


def assert_same(rows: set[str], trail: set[tuple[str, str]], told: set[tuple[str, str]]) -> None:
    """Check that every write has its audit row and the other way round, and that none that was answered is lost."""
    assert {key for key, _ in trail} == rows
    assert told <= trail


class TestKilledApplication:
    @pytest.mark.django_db(transaction=True)
    def test_loses_no_write_and_no_audit_row_in_20_kills(self, admin: Actor) -> None:
        url = databases.url_of(connection.settings_dict["NAME"], settings.DATABASE_URL)
        told = set()

        for _ in range(KILLS):
            with forked(write_on_and_on, url) as child:
                first = child.line()
                child.kill()  # in the middle of the next one
                told |= {tuple(line.split()) for line in [first, *child.rest()]}
        while not session_over():
            pass

        assert len(told) >= KILLS
        assert_same(
            {str(key) for key in AUTHORS.model._default_manager.values_list("id", flat=True)},
            {
                (row.record_id, str(row.change_id))
                for row in AuditLog.objects.filter(operation="INSERT", success=True)
            },
            told,
        )


@pytest.fixture
def scratch(db: None) -> Iterator[Cluster]:
    """A cluster of our own with the tables, an account and nobody else in it."""
    with places.server(databases.template()) as cluster:
        with psycopg.connect(cluster.url(OWNER_ROLE)) as owner:
            owner.execute(
                "INSERT INTO app.auth_user (username, password, first_name, last_name, email, is_superuser, is_staff,"
                " is_active, date_joined) VALUES ('ada', '!', '', '', '', true, true, true, now())"
            )
        yield cluster


class TestKilledServer:
    def test_loses_no_write_and_no_audit_row_that_was_answered(self, scratch: Cluster) -> None:
        told = set()

        for _ in range(SERVER_KILLS):
            with forked(write_on_and_on, scratch.url(APP_ROLE)) as child:
                first = child.line()
                places.kill(scratch)
                os.waitpid(child.pid, 0)  # it ends by itself: without a server there is no answer
                told |= {tuple(line.split()) for line in [first, *child.rest()]}
            scratch.start()

        with psycopg.connect(scratch.url(SUPERUSER)) as superuser:
            rows = superuser.execute("SELECT id::text FROM public.authors").fetchall()
            trail = superuser.execute(
                "SELECT record_id, change_id::text FROM public.audit_logs WHERE operation = 'INSERT'"
            ).fetchall()
        assert len(told) >= SERVER_KILLS
        assert_same({key for (key,) in rows}, set(trail), told)


class TestCommits:
    @pytest.mark.django_db(transaction=True)
    def test_wait_for_the_disk_after_writes_and_not_after_reads(self, admin: Actor) -> None:
        seen: list[str] = []

        def spy(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            result = execute(sql, params, many, context)
            if "INTO public.audit_logs" in sql:
                raw = context["connection"].connection
                seen.append(raw.execute("SHOW synchronous_commit").fetchone()[0])
            return result

        def read() -> None:
            queries.query_records(actor=admin, table=AUTHORS)

        def write() -> None:
            records.insert_record(actor=admin, table=AUTHORS, data={"name": "Durable"})

        with connection.execute_wrapper(spy):
            read()
            write()
            read()
            assert seen == ["off", "on", "off"]

            seen.clear()
            with transaction.atomic():  # whose commit carries the write
                read()
                write()
                read()
            assert seen == ["on", "on", "on"]

        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("on",)
