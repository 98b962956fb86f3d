"""Restores while others work, or that are killed: the old state or the new, and nobody who waits for long."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from accesscontrol.actor import Actor, Channel, on_this_machine
from accesscontrol.errors import Conflict, TimedOut, Unavailable
from audit.models import AuditLog, Epoch
from backups import gate, scratch, switching
from catalog import registry
from catalog.services.queries import query_records
from catalog.services.records import insert_record
from jobs.progress import Cancelled, Progress
from tests import databases
from tests.backups.restores import backup, replace, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("library")]

BREAK = "DELETE FROM public.book_genres; UPDATE public.books SET title = 'x'"
AUTHORS, BOOKS = registry.get("authors"), registry.get("books")


class TestWhileOthersWork:
    def test_readers_see_one_state_or_the_other_and_writers_lose_nothing_since(  # noqa: C901 - four kinds of work
        self, owner, admin, settings
    ):
        owner.execute(
            "INSERT INTO public.writing_sessions (session_date, notes)"
            " SELECT '2026-01-01', repeat(md5(n::text), 20) FROM generate_series(1, 8000) n"
        )
        settings.LOCK_TIMEOUT_S = 60  # a busy machine may take longer than usual to load 8,000 rows
        file, stop = backup(), threading.Event()
        faults: list[BaseException] = []
        written: list[int] = []

        def actor() -> Actor:
            return Actor(User.objects.get(username="ada"), Channel.COMMAND)

        def read() -> None:
            page = query_records(actor=actor(), table=BOOKS, limit=1, count="exact")
            assert page.total == 60

        def write() -> None:
            made = insert_record(actor=actor(), table=AUTHORS, data={"name": "written"})
            written.append(made.records[0]["id"])

        def lock() -> None:
            with psycopg.connect(
                databases.url_of(connection.settings_dict["NAME"], settings.DATABASE_URL)
            ) as own:
                own.execute("SELECT id FROM public.books WHERE id = 1 FOR UPDATE")
                own.execute("UPDATE public.books SET description = 'locked' WHERE id = 1")

        def forever(work: Callable[[], None]) -> None:
            try:
                while not stop.is_set():
                    work()
            except BaseException as fault:  # noqa: BLE001 - told below
                faults.append(fault)
            finally:
                connection.close()

        threads = [threading.Thread(target=forever, args=(work,)) for work in (read, read, write, lock)]
        for thread in threads:
            thread.start()
        try:
            replace(file)
            restored = len(written)
            while len(written) < restored + 3 and not faults:
                stop.wait(0.01)
        finally:
            stop.set()
            for thread in threads:
                thread.join()

        assert not faults
        since = Epoch.objects.get().started_at
        kept = owner.execute("SELECT count(*) FROM public.authors WHERE name = 'written'").fetchone()
        told = AuditLog.objects.filter(operation="INSERT", timestamp__gt=since).count()
        assert kept[0] == told >= 3

    def test_two_at_once_are_one_and_a_refusal(self, owner):
        file = backup()
        with gate.only_one(owner), pytest.raises(Conflict, match="Another restore"):
            replace(file)

    def test_gives_up_where_a_long_snapshot_does_not_end(self, owner, monkeypatch):
        file = backup()
        owner.execute(BREAK)
        before = state(owner)
        monkeypatch.setattr(gate, "PATIENCE_S", 0)
        with owner.transaction():
            owner.execute("LOCK TABLE app.restore_gate IN ACCESS SHARE MODE")
            with pytest.raises(TimedOut):
                replace(file)
        assert state(owner) == before

    def test_does_not_wait_for_a_long_reader_and_takes_the_former_tables_away_later(self, owner):
        file = backup()
        with owner.transaction():
            owner.execute("SELECT count(*) FROM public.books").fetchone()

            told = replace(file)

            assert "still being read" in told.warnings[0]
        assert switching.sweep(owner) == []
        assert owner.execute("SELECT count(*) FROM public.books").fetchone() == (60,)

    def test_refuses_where_the_disk_would_be_full(self, monkeypatch):
        file = backup()
        monkeypatch.setattr(switching.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
        with pytest.raises(Unavailable, match="disk has 0 MB left"):
            replace(file)

    def test_a_cancelled_one_changes_nothing(self, owner):
        class Unwanted(Progress):
            part = ""

            def __init__(self, label: str) -> None:
                self.label = label

            def begin(self, label: str, total: int = 0, unit: str = "bytes") -> None:
                self.part = label
                if label == "Switch":
                    self.check()

            def check(self) -> None:
                if self.part == self.label:
                    raise Cancelled

        file = backup()
        owner.execute(BREAK)
        before = state(owner)
        for label in ("Load", "Counts and checksums", "Switch"):
            with pytest.raises(Cancelled):
                replace(file, progress=Unwanted(label))
            assert state(owner) == before, label


@pytest.mark.long
class TestKilled:
    def test_leaves_the_old_state_or_the_new_and_no_lock(
        self, owner, folder, settings, database_environment, is_whole
    ):
        settings.BACKUP_KEYS = ["k" * 40]
        file, whole_state = backup(), state(owner)
        owner.execute(BREAK)
        broken = state(owner)
        environment = database_environment | {
            "BACKUP_DIR": str(folder),
            "BACKUP_KEY": settings.BACKUP_KEYS[0],
        }
        owner.execute("SET lock_timeout = '10s'")

        for moment in ("Wait for writers", "Load", "Counts", "Switch") if is_whole else ("Load", "Switch"):
            process = subprocess.Popen(
                [sys.executable, "manage.py", "restore", file, "--drop-existing", "--yes", "--no-safety-backup"],
                cwd=databases.ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            lines = iter(process.stderr.readline, "")
            assert any(line.startswith(moment) for line in lines), moment
            process.kill()
            process.communicate()

            with owner.transaction():
                owner.execute(
                    "LOCK TABLE app.restore_gate IN ACCESS EXCLUSIVE MODE"
                )  # the server has noticed
                assert state(owner) in (broken, whole_state)

    def test_a_scratch_database_of_a_dead_process_is_swept(self, owner, settings):
        other = psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True)
        holding = scratch.database(other)
        name = holding.__enter__()
        assert scratch.sweep(owner) == 0
        with psycopg.connect(
            databases.url_of("postgres", settings.DATABASE_OWNER_URL), autocommit=True
        ) as elsewhere:
            assert scratch.sweep(elsewhere) == 0  # whose locks are others
        other.close()
        while scratch.sweep(owner) == 0:
            pass
        assert name not in databases.databases(owner, "scratch_")


class TestOnAnotherMachine:
    def test_everything_comes_back_into_an_empty_database(self, owner, admin, settings):
        admin.user.set_password("as it was, and long")
        admin.user.save()
        insert_record(actor=admin, table=AUTHORS, data={"name": "Told"})
        file, before = backup(), state(owner)
        rows = AuditLog.objects.count() - 1  # but for that of the backup
        with pytest.raises(CommandError, match="in use"):
            call_command("restore", file, "--with-app", "--yes")
        here = settings.DATABASE_OWNER_URL
        settings.DATABASE_OWNER_URL = databases.url_of("postgres", here)
        databases.fresh(connection.settings_dict["NAME"], databases.template())
        settings.DATABASE_OWNER_URL = here

        call_command("restore", file, "--with-app", "--yes")

        with psycopg.connect(settings.DATABASE_OWNER_URL) as own:
            assert state(own) == before
        assert User.objects.get(username="ada").check_password("as it was, and long")
        assert AuditLog.objects.count() == rows + 1
        call_command("check", databases=["default"], fail_level="WARNING")
        call_command("migrate", "--check", verbosity=0)
        ada = Actor(User.objects.get(username="ada"), Channel.COMMAND)
        insert_record(actor=ada, table=AUTHORS, data={"name": "Anew"})
        with connection.cursor() as cursor, pytest.raises(Exception, match="permission denied"):
            cursor.execute("INSERT INTO app.restore_gate DEFAULT VALUES")
        with connection.cursor() as cursor, pytest.raises(Exception, match="permission denied"):
            cursor.execute("DELETE FROM app.rate_bucket")

    def test_needs_the_accounts_file_as_it_was(self, folder):
        file = backup()
        app = folder / file.replace(".sql", ".app.sql")
        data = app.read_bytes()
        app.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

        with pytest.raises(CommandError, match="changed"):
            call_command("restore", file, "--with-app", "--yes")


class TestCommand:
    def test_shows_the_plan_and_does_nothing_without_the_name(self, owner, monkeypatch, capsys):
        file = backup()
        owner.execute(BREAK)
        before = state(owner)
        monkeypatch.setattr("builtins.input", lambda _: "yes")
        with pytest.raises(CommandError, match="something else"):
            call_command("restore", file, "--drop-existing")
        assert state(owner) == before
        assert "table books, records_now " in capsys.readouterr().err
        monkeypatch.setattr("builtins.input", lambda _: file)
        call_command("restore", file, "--drop-existing")
        assert state(owner) != before
        assert on_this_machine().client_info["system_user"] in str(
            AuditLog.objects.get(operation="RESTORE_FULL").client_info
        )
