"""`manage.py migrate`: as the owner, one at a time, and what it mends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from config import cluster, programs
from tests import databases


@pytest.fixture
def empty_database() -> Iterator[str]:
    """A database with schemas, but without a table."""
    name = f"test_{os.getpid()}_empty"
    with databases.owner() as owner:
        databases.drop(owner, name)
        owner.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        programs.run_sql(
            databases.url_of(name, settings.DATABASE_OWNER_URL), cluster.SQL_FOLDER / "database.sql"
        )
        yield name
        databases.drop(owner, name)


@pytest.mark.django_db(transaction=True)
def test_mends_rights_and_then_is_the_application_again(monkeypatch: pytest.MonkeyPatch) -> None:
    url = databases.url_of(connection.settings_dict["NAME"], settings.DATABASE_OWNER_URL)
    monkeypatch.setattr(settings, "DATABASE_OWNER_URL", url)
    with psycopg.connect(url) as owner:
        owner.execute(f"GRANT ALL ON public.audit_logs TO {settings.APP_ROLE}")

    call_command("migrate", verbosity=0)

    call_command("check", databases=["default"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (settings.APP_ROLE,)


@pytest.mark.django_db
class TestRefusal:
    def test_without_the_owner(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(settings, "DATABASE_OWNER_URL", None)

        with pytest.raises(CommandError, match="DATABASE_OWNER_URL is not set"):
            call_command("migrate", verbosity=0)

    def test_when_application_and_owner_are_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(settings, "DATABASE_OWNER_URL", settings.DATABASE_URL)

        with pytest.raises(CommandError, match="must own nothing"):
            call_command("migrate", verbosity=0)

    def test_asking_whether_something_is_left_to_do_needs_no_owner(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(settings, "DATABASE_OWNER_URL", None)

        call_command("migrate", check_unapplied=True, verbosity=0)


def test_two_at_a_time_take_turns(empty_database: str) -> None:
    environment = databases.environment_for(empty_database)
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]

    both = [
        subprocess.Popen(command, cwd=databases.ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]

    assert [(program.communicate()[1], program.returncode) for program in both] == [("", 0), ("", 0)]
