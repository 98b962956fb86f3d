"""Full backups: what they hold, that they restore without us, and what is left when they fail."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection

from accesscontrol.errors import Conflict, TimedOut, Unavailable
from audit import trail as trail_module
from audit.models import AuditLog
from backups import checksums, database, dumping, encryption, fingerprint, manifest, names, services, snapshot
from backups.errors import ProgramFailed
from backups.manifest import TableState
from jobs.files import StoreFailed
from jobs.progress import Cancelled
from tests.backups.conftest import Watcher, own_url, restore

pytestmark = pytest.mark.django_db(transaction=True)

# Of the database at hand: others of the server are those of other tests at work, whose backups are theirs to end.
LOCKS = "FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())"


@pytest.fixture(autouse=True)
def _trouble(trouble):
    """Have something to back up."""


def children() -> list[int]:
    """Return the processes that are ours, dead ones excepted."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.append(int(stat.parent.name))
    return found


def dumps() -> dict[int, str]:
    """Return the command lines of the pg_dump processes that are ours."""
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in children()}
    return {pid: line for pid, line in lines.items() if "pg_dump" in line}


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def described(place, made) -> manifest.Manifest:
    return manifest.read(place, names.parse(made.backup_file))


def look(url: str, *statements: str) -> list[object]:
    with psycopg.connect(url, autocommit=True) as own:
        return [own.execute(statement).fetchall() for statement in statements]


def test_a_checksum_is_the_sum_of_the_hashes_of_all_rows_as_texts_however_large():
    with psycopg.connect(own_url()) as own, own.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE large AS SELECT n FROM generate_series(1, 100) n"
            " WHERE hashtextextended(format('(%s)', n), 0) > 1::bigint << 62"
        )
        hashes = [row[0] for row in cursor.execute("SELECT hashtextextended(t::text, 0) FROM large t")]
        found = dict(checksums.of(cursor, ["large"], "pg_temp"))

    assert sum(hashes) > 2**64
    assert found == {"large": TableState(rows=len(hashes), checksum=str(sum(hashes)))}


class TestContent:
    def test_restores_with_gunzip_and_psql_alone_and_is_the_same(self, admin, folder, place, empty_database):
        made = services.create_full(actor=admin)
        restore(folder / made.backup_file, empty_database)

        told = described(place, made)
        with psycopg.connect(empty_database) as own, own.cursor() as cursor:
            cursor.execute(checksums.PINNED)
            assert dict(checksums.of(cursor, told.tables)) == told.tables
            assert checksums.sequences(cursor) == told.sequences
            assert fingerprint.of(cursor) == told.schema_fingerprint
        assert made.record_count == sum(state.rows for state in told.tables.values())
        assert told.tables["authors"].rows == 3
        assert told.sequences["books_id_seq"].last_value == 41
        assert made.tables == 29

    def test_has_sections_to_read_and_names_no_role_no_schema_and_nothing_that_postgresql_16_does_not_know(
        self, admin, folder, place
    ):
        told = described(place, services.create_full(actor=admin))

        data = (folder / told.file).read_bytes()
        parts = {m.name: gzip.decompress(data[m.start : m.end]) for m in told.members}
        assert list(parts) == ["pre-data", "data", "post-data"]
        assert [*[m.start for m in told.members][1:], len(data)] == [m.end for m in told.members]
        assert b"CREATE TABLE public.books" in parts["pre-data"]
        assert b"COPY public.books" in parts["data"]
        assert b"books_author_id_fkey" in parts["post-data"]
        assert sum(map(len, parts.values())) == told.uncompressed_bytes

        text = b"".join(parts.values()).decode()
        for word in ("OWNER TO", "GRANT ", "REVOKE ", "SCHEMA public;", "transaction_timeout", "TABLESPACE"):
            assert word not in text
        commands = [line for line in text.splitlines() if line.startswith("\\") and line != "\\."]
        assert {line.split()[0] for line in commands} == {"\\restrict", "\\unrestrict"}

    def test_is_as_it_was_when_it_began_whatever_is_written_meanwhile(self, admin, owner, place, folder):
        insert = "INSERT INTO public.authors (name) VALUES ('Latecomer')"
        made = services.create_full(actor=admin, progress=Watcher(dump=lambda: owner.execute(insert)))

        assert described(place, made).tables["authors"].rows == 3
        assert b"Latecomer" not in gzip.decompress((folder / made.backup_file).read_bytes())

    def test_keeps_what_the_application_keeps_where_only_the_key_opens_it(
        self, admin, folder, place, settings
    ):
        told = described(place, services.create_full(actor=admin))

        assert told.app is not None
        file = folder / told.app.file
        assert b"auth_user" not in file.read_bytes()
        with file.open("rb") as opened:
            text = gzip.decompress(b"".join(encryption.decrypted(opened))).decode()
        assert "COPY app.auth_user " in text
        assert admin.username in text
        assert "CREATE SCHEMA" not in text

    def test_may_be_plain_or_have_the_rows_alone(self, admin, folder, place):
        made = services.create_full(actor=admin, compress=False, include_schema=False)

        text = (folder / made.backup_file).read_text()
        assert made.backup_file.endswith(".sql")
        assert "COPY public.books" in text
        assert "CREATE TABLE" not in text
        assert described(place, made).uncompressed_bytes == made.size_bytes == len(text.encode())

    def test_says_how_far_it_is_and_what_it_is_signed_and_in_the_trail(self, admin, folder, place):
        watcher = Watcher()
        made = services.create_full(actor=admin, progress=watcher)

        assert watcher.begun == ["Locks", "Dump", "Accounts and settings", "Counts and checksums"]
        assert watcher.amounts["Dump"] > 100_000
        assert watcher.amounts["Counts and checksums"] == made.tables

        told = described(place, made)
        assert told.is_signed
        assert (told.sha256, told.size_bytes) == (made.sha256, (folder / made.backup_file).stat().st_size)
        assert ["catalog", "0001_tables"] in told.migrations
        row = AuditLog.objects.get(operation="BACKUP_FULL")
        assert (row.success, row.record_id, row.record_count) == (True, made.backup_file, made.record_count)
        assert row.changes["sha256"] == {"new": made.sha256}
        text = (folder / names.parse(made.backup_file).manifest_file).read_text()
        assert json.loads(text)["position"] == made.position  # for people too
        assert django_settings.BACKUP_KEYS[0] not in text

    def test_two_in_one_second_have_two_names(self, admin, place, monkeypatch):
        first = services.create_full(actor=admin)
        at = described(place, first).created
        real = names.new
        monkeypatch.setattr(names, "new", lambda kind, _, **how: real(kind, at, **how))

        second = services.create_full(actor=admin)

        assert second.backup_file == names.parse(first.backup_file).later().file


class TestSecrets:
    def test_are_in_no_process_list(self, admin):
        seen: list[str] = []
        services.create_full(actor=admin, progress=Watcher(dump=lambda: seen.extend(dumps().values())))

        assert len(seen) == 4
        assert not any(connection.settings_dict["PASSWORD"] in line for line in seen)

    def test_are_in_no_message_and_no_log(self, admin, settings, tmp_path, capfd, caplog):
        program = tmp_path / "pg_dump"
        program.write_text(
            '#!/bin/sh\n[ "$1" = --version ] && { echo "pg_dump (PostgreSQL) 18.4"; exit; }\n'
            "echo 'pg_dump: error: it is not well' >&2\nexit 3\n"
        )
        program.chmod(0o700)
        settings.POSTGRESQL_BIN = tmp_path

        with pytest.raises(ProgramFailed, match="status 3") as refusal:
            services.create_full(actor=admin)

        told = f"{refusal.value.as_dict()} {caplog.text} {''.join(capfd.readouterr())}"
        assert "it is not well" in caplog.text
        assert "it is not well" not in refusal.value.message
        assert connection.settings_dict["PASSWORD"] not in told


class TestLocks:
    def test_a_second_one_is_refused_while_the_first_is_made(self, admin, folder):
        refusals: list[Conflict] = []

        def second() -> None:
            with pytest.raises(Conflict, match="Another backup") as refusal:
                services.create_full(actor=admin)
            refusals.append(refusal.value)

        services.create_full(actor=admin, progress=Watcher(dump=second))

        assert len(refusals) == 1
        assert len(left(folder)) == 3
        services.create_full(actor=admin)

    def test_nothing_is_emptied_behind_the_snapshot(self, admin, place):
        def truncate() -> None:
            url = f"{own_url()}&options=-c%20lock_timeout%3D50ms"
            with (
                psycopg.connect(url, autocommit=True) as own,
                pytest.raises(psycopg.errors.LockNotAvailable),
            ):
                own.execute("TRUNCATE public.books CASCADE")

        made = services.create_full(actor=admin, progress=Watcher(dump=truncate))

        assert described(place, made).tables["books"].rows == 3

    def test_waits_for_a_locked_table_without_queueing_for_it(self, admin, owner):
        owner.execute("BEGIN; LOCK TABLE public.books IN ACCESS EXCLUSIVE MODE")
        queued: list[object] = []

        class Patient(Watcher):
            def check(self) -> None:
                if owner.info.transaction_status and len(queued) < 3:
                    queued.extend(owner.execute(f"SELECT count(*) {LOCKS} AND NOT granted").fetchall())
                    if len(queued) == 3:
                        owner.execute("ROLLBACK")

        services.create_full(actor=admin, progress=Patient())

        assert queued == [(0,), (0,), (0,)]

    def test_gives_up_in_the_end(self, admin, owner, monkeypatch, folder):
        monkeypatch.setattr(snapshot, "PATIENCE_S", 0)
        owner.execute("BEGIN; LOCK TABLE app.restore_gate IN ACCESS EXCLUSIVE MODE")

        with pytest.raises(TimedOut):
            services.create_full(actor=admin)

        owner.execute("ROLLBACK")
        assert left(folder) == []

    def test_begins_anew_when_another_waits_between_our_lock_and_that_of_pg_dump(
        self, admin, owner, place, monkeypatch
    ):
        real, others = dumping.begin, []

        def queue() -> None:
            with psycopg.connect(own_url(), autocommit=True) as own:
                own.execute("TRUNCATE public.writing_goals")

        with ThreadPoolExecutor(1) as threads:

            def begin(*arguments):
                if not others:
                    others.append(threads.submit(queue))
                    waiting = (
                        f"SELECT {LOCKS} AND NOT granted AND relation = 'public.writing_goals'::regclass"
                    )
                    while not owner.execute(waiting).fetchall():
                        pass
                return real(*arguments)

            monkeypatch.setattr(dumping, "begin", begin)
            made = services.create_full(actor=admin)
            others[0].result()

        assert described(place, made).tables["writing_goals"].rows == 0


class TestFaults:
    def test_a_killed_pg_dump_leaves_nothing(self, admin, folder):
        def kill() -> None:
            for pid in dumps():
                os.kill(pid, signal.SIGKILL)

        with pytest.raises(ProgramFailed):
            services.create_full(actor=admin, progress=Watcher(dump=kill))

        assert left(folder) == []
        assert not AuditLog.objects.filter(operation="BACKUP_FULL").exists()
        services.create_full(actor=admin)

    @pytest.mark.parametrize("part", ["dump", "accounts", "counts"])
    def test_cancelling_ends_everything_and_leaves_nothing(self, admin, folder, part):
        watcher = Watcher(**{part: lambda: setattr(watcher, "is_cancelled", True)})

        with pytest.raises(Cancelled):
            services.create_full(actor=admin, progress=watcher)

        assert left(folder) == []
        assert dumps() == {}
        assert look(own_url(), f"SELECT count(*) {LOCKS} AND locktype = 'advisory'") == [[(0,)]]

    def test_a_full_disk_is_told_and_leaves_nothing(self, admin, folder):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        try:
            with pytest.raises(StoreFailed, match="disk is full"):
                services.create_full(actor=admin)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert left(folder) == []
        assert dumps() == {}

    def test_what_a_killed_backup_left_is_gone_with_the_next(self, admin, folder, place):
        assert place.names() == []
        (folder / ".new-0123456789abcdef").write_bytes(b"half a dump")

        services.create_full(actor=admin)

        assert len(left(folder)) == 3

    def test_without_its_audit_row_there_is_no_backup(self, admin, folder, monkeypatch):
        def fail(*_: object) -> None:
            raise RuntimeError("no trail")

        monkeypatch.setattr(trail_module, "record", fail)
        with pytest.raises(RuntimeError, match="no trail"):
            services.create_full(actor=admin)

        assert left(folder) == []

    def test_a_lost_connection_is_told(self, admin, owner, folder):
        end = (
            f"SELECT pg_terminate_backend(pid) {LOCKS} AND locktype = 'advisory' AND pid <> pg_backend_pid()"
        )

        with pytest.raises(Unavailable):
            services.create_full(actor=admin, progress=Watcher(dump=lambda: owner.execute(end)))

        assert left(folder) == []
        assert dumps() == {}

    def test_what_was_seen_is_on_the_disk_before_the_backup_is_there(self, owner):
        owner.execute("SET synchronous_commit = off")
        owner.execute("UPDATE public.authors SET bio = 'late'")
        written = owner.execute("SELECT pg_current_wal_insert_lsn()").fetchone()

        database.flush()

        assert owner.execute("SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn", written).fetchone() == (True,)

    @pytest.mark.parametrize(
        ("says", "message"),
        [
            ("pg_dump (PostgreSQL) 15.3", "older than the server"),
            ("nothing", "can't be run"),
            (None, "can't be run"),
        ],
    )
    def test_a_pg_dump_that_will_not_do_is_refused_at_once(
        self, admin, settings, tmp_path, says, message, folder
    ):
        if says is not None:
            (tmp_path / "pg_dump").write_text(f"#!/bin/sh\necho '{says}'\n")
            (tmp_path / "pg_dump").chmod(0o700)
        settings.POSTGRESQL_BIN = tmp_path

        with pytest.raises(Unavailable, match=message):
            services.create_full(actor=admin)

        assert not folder.exists() or left(folder) == []
