"""Bases are taken, listed and let go, and somebody is told where they are not in order."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.test import override_settings
from django.utils import timezone

from accesscontrol.errors import Conflict, Forbidden, InvalidInput
from audit.models import Alert, AuditLog
from backups import watching as backups_watching
from backups.pitr import bases, receiver, segments, server, services, watching
from backups.pitr.server import ReplicationNeeded, Server
from backups.pitr.services import Gap
from config.cluster import SUPERUSER
from jobs.progress import SILENT
from tests.backups.pitr.conftest import KEY


@pytest.fixture(scope="module")
def kept(running, tmp_path_factory):
    """A base of the live server, and its description."""
    folder = tmp_path_factory.mktemp("kept")
    url = running.url(SUPERUSER, "postgres")
    with override_settings(DATABASE_REPLICATION_URL=url, PITR_DIR=folder, BACKUP_KEYS=[KEY]):
        found = server.identify()
        with bases.draft(found, SILENT) as draft:
            draft.publish()
        return found.folder, draft.described


@pytest.fixture
def copied(kept, live):
    """The same, for one test."""
    folder, described = kept
    shutil.copytree(folder, live.folder, copy_function=os.link)
    return described


@pytest.mark.django_db
class TestBases:
    def test_a_base_is_there_with_its_row_in_the_trail(self, live, machine) -> None:
        (live.folder / ".making" / "base").mkdir(parents=True)  # what one that was killed has left
        live.folder.chmod(0o700)
        taken = services.take_base(actor=machine)
        assert not (live.folder / ".making").exists()
        assert [base.name for base in services.current().bases] == [taken.name]
        row = AuditLog.objects.get(operation="BACKUP_FULL")
        assert row.record_id == taken.name
        assert row.success

    def test_old_ones_go_but_for_the_one_that_the_days_to_keep_need(self, live, machine, monkeypatch) -> None:
        now = timezone.now()
        for days in (20, 8, 1):
            monkeypatch.setattr(bases.timezone, "now", lambda days=days: now - timedelta(days=days))
            services.take_base(actor=machine)
        kept = [base.described.finished_at for base in bases.found(live.folder)][1:]
        assert len(services.expire(actor=machine, now=now)) == 1
        assert [base.described.finished_at for base in bases.found(live.folder)] == kept
        assert AuditLog.objects.filter(operation="DELETE_BACKUP").count() == 1

    def test_the_log_before_the_oldest_base_goes_with_it(self, copied, live, machine) -> None:
        first = bases.found(live.folder)[0].described.first_segment
        names = _received(live, range(first - 1, first + 1))
        services.expire(actor=machine, now=timezone.now())
        assert _log(live) == names[1:]

    def test_a_clock_that_is_set_back_changes_neither_their_order_nor_what_is_kept(
        self, copied, live, machine, monkeypatch
    ) -> None:
        set_back = timezone.now() - timedelta(hours=2)
        monkeypatch.setattr(bases.timezone, "now", lambda: set_back)
        second = services.take_base(actor=machine)
        assert second.name < copied.name
        assert [base.described.name for base in bases.found(live.folder)] == [copied.name, second.name]
        names = _received(live, range(copied.first_segment - 1, second.first_segment + 1))

        for now in (set_back, set_back + timedelta(hours=2), set_back + timedelta(days=6)):
            assert services.expire(actor=machine, now=now) == []
        assert _log(live) == names[1:]
        assert services.current().is_current
        assert watching.no_recent_base(services.current(), set_back) is None

    def test_two_that_a_clock_tells_the_same_moment_of_have_a_name_each(
        self, copied, live, machine, monkeypatch
    ) -> None:
        monkeypatch.setattr(bases.timezone, "now", lambda: copied.finished_at)
        second = services.take_base(actor=machine)
        assert second.name > copied.name
        assert [base.described for base in bases.found(live.folder)] == [copied, second]

    def test_one_is_taken_at_a_time(self, live, machine) -> None:
        with bases.draft(live, SILENT), pytest.raises(Conflict, match="Another base"):
            services.take_base(actor=machine)

    def test_who_may_not_back_up_takes_none(self, live, nobody) -> None:
        with pytest.raises(Forbidden):
            services.take_base(actor=nobody)
        assert not live.folder.exists()

    def test_a_name_is_on_the_disk_when_it_is_answered(self, live, running) -> None:
        with psycopg.connect(running.url(SUPERUSER, "postgres"), autocommit=True) as own:
            (before,) = own.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
            services.name_moment("named")
            assert own.execute("SELECT pg_current_wal_flush_lsn() > %s", [before]).fetchone() == (True,)

    @pytest.mark.parametrize("name", ["", "a'b", "a\nb", "x" * 64, "é"])
    def test_a_moment_has_a_plain_name(self, live, name: str) -> None:
        with pytest.raises(InvalidInput):
            services.name_moment(name)


@pytest.mark.django_db
class TestWatching:
    def test_tells_of_a_receiver_that_is_not_there_and_a_base_that_is_missing(self, live, settings) -> None:
        settings.POINT_IN_TIME = True
        watching.watch(timezone.now())
        assert set(Alert.objects.values_list("kind", flat=True)) == {watching.RECEIVER, watching.BASE}

    def test_tells_what_the_servers_disk_keeps_and_that_there_is_no_room_for_it_here(
        self, live, settings, monkeypatch
    ) -> None:
        settings.POINT_IN_TIME = True
        live.folder.mkdir(parents=True)
        usage = shutil.disk_usage(live.folder)
        monkeypatch.setattr(watching.shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
        monkeypatch.setattr(receiver, "state", lambda: receiver.State(False, 300 << 20))
        said = watching.watch(timezone.now())[0]
        assert "The disk of PITR_DIR is full" in said
        assert "keeps 300 MB" in said

    def test_tells_of_a_slot_that_nobody_wants_and_that_fills_the_servers_disk(
        self, live, settings, monkeypatch
    ) -> None:
        settings.POINT_IN_TIME = False
        monkeypatch.setattr(receiver, "state", lambda: receiver.State(False, 300 << 20))
        (said,) = [message for message in backups_watching.watch(timezone.now()) if "--forget" in message]
        assert Alert.objects.get(kind=watching.RECEIVER).message == said

    def test_tells_of_an_old_base(self, copied, settings) -> None:
        settings.POINT_IN_TIME = True
        found = services.current()
        assert watching.no_recent_base(found, copied.finished_at + timedelta(hours=25)) is None
        assert "26 hours" in (watching.no_recent_base(found, copied.finished_at + timedelta(hours=27)) or "")

    def test_tells_of_a_base_of_another_timeline(self, copied, monkeypatch, live) -> None:
        later = Server(live.system_id, live.timeline + 1, live.version, live.segment_bytes)
        monkeypatch.setattr(server, "identify", lambda: later)
        assert not services.current().is_current

    def test_is_silent_where_it_is_not_wanted(self, live, settings) -> None:
        settings.POINT_IN_TIME = False
        assert watching.watch(timezone.now()) == []
        assert not Alert.objects.exists()

    def test_without_a_role_that_replicates_it_says_how_to_get_one(self, settings) -> None:
        settings.DATABASE_REPLICATION_URL = None
        with pytest.raises(ReplicationNeeded) as refusal:
            services.current()
        assert "CREATE ROLE" in (refusal.value.hint or "")


@pytest.mark.django_db
class TestReceiver:
    def test_there_is_one_and_it_goes_on_where_a_full_disk_left_half_a_file(self, live, monkeypatch) -> None:
        begun = []
        monkeypatch.setattr(receiver.os, "execve", lambda program, command, _: begun.append(command))
        monkeypatch.chdir("/")
        _received(live, [8_000])
        half, whole = (live.folder / "log_00000001" / f"{1:08X}{0:08X}{n:08X}.partial" for n in (9, 9_000))
        half.write_bytes(bytes(8192))
        os.truncate(_made(whole), live.segment_bytes)

        receiver.become()
        with pytest.raises(Conflict, match="at work already"):
            receiver.become()

        assert [command[2] for command in begun] == [str(half.parent)]
        assert (half.exists(), whole.exists()) == (False, True)
        receiver.forget()

    def test_begins_anew_behind_what_the_server_gave_up_and_the_gap_is_seen(
        self, live, machine, running, settings, monkeypatch, admin_client
    ) -> None:
        settings.POINT_IN_TIME = True
        begun = []
        monkeypatch.setattr(receiver.os, "execve", lambda program, command, _: begun.append(Path(command[2])))
        monkeypatch.setattr(receiver, "_stay_alone", lambda _: None)  # this process lives on
        monkeypatch.chdir("/")
        first = services.take_base(actor=machine)
        receiver.become()
        _received(live, [first.first_segment])
        with psycopg.connect(running.url(SUPERUSER, "postgres"), autocommit=True) as own:
            _give_up_what_was_not_taken(own)

        said = watching.watch(timezone.now())
        assert "for longer than the server keeps its log" in said[0]

        receiver.become()
        receiver.forget()
        assert [folder.name[:13] for folder in begun] == ["log_00000001", "log_00000001_"]
        kept = int(begun[-1].name[13:], 16)
        os.truncate(_made(begun[-1] / f"{1:08X}{0:08X}{kept:08X}.partial"), live.segment_bytes)
        assert not services.current().is_current

        second = services.take_base(actor=machine)
        found = services.moments(actor=machine)
        assert found.is_current
        assert found.gaps == [Gap(first.finished_at, second.finished_at)]
        assert "A part of the log is missing" in admin_client.get("/admin/backups/").content.decode()

    def test_a_server_is_known_by_its_number_whatever_its_database_is_encoded_in(
        self, live, monkeypatch
    ) -> None:
        monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
        assert server.identify().system_id == live.system_id


def _give_up_what_was_not_taken(own):
    """Have a server keep next to nothing for a receiver, and write more than that."""
    own.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    own.execute("SELECT pg_reload_conf()")
    for _ in range(3):
        own.execute("CREATE TABLE more (); DROP TABLE more; SELECT pg_switch_wal()")
    own.execute("CHECKPOINT")
    own.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
    own.execute("SELECT pg_reload_conf()")


def _received(live, numbers):
    """Put segments where the receiver does, and return their names."""
    folder = live.folder / "log_00000001"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    live.folder.chmod(0o700)
    names = [f"{1:08X}{0:08X}{number:08X}" for number in numbers]
    for name in names:
        os.truncate(_made(folder / name), live.segment_bytes)
    return names


def _log(live):
    return [segment.path.name for segment in segments.find(receiver.folders(live.folder), live.segment_bytes)]


def _made(path):
    path.touch()
    return path


@pytest.mark.django_db
class TestFaces:
    def test_programs_learn_what_is_within_reach(self, copied, settings, admin_client) -> None:
        settings.POINT_IN_TIME = True
        found = admin_client.get("/api/v1/backups/moments/").json()
        assert [base["name"] for base in found["bases"]] == [copied.name]
        assert (found["is_wanted"], found["is_current"], found["receiver_is_running"]) == (True, True, False)

    def test_people_see_it_on_the_page_of_backups(self, copied, settings, admin_client) -> None:
        settings.POINT_IN_TIME = True
        page = admin_client.get("/admin/backups/").content.decode()
        assert "Not at work" in page
        assert copied.name in page

    def test_a_server_that_can_not_be_asked_is_no_fault_of_the_page(self, settings, admin_client) -> None:
        settings.POINT_IN_TIME = True
        settings.DATABASE_REPLICATION_URL = None
        assert "It is not known who may replicate" in admin_client.get("/admin/backups/").content.decode()

    def test_nothing_is_shown_where_nobody_wants_it(self, live, settings, admin_client) -> None:
        settings.POINT_IN_TIME = False
        assert "Any moment" not in admin_client.get("/admin/backups/").content.decode()
        assert admin_client.get("/api/v1/backups/moments/").json()["is_wanted"] is False

    def test_who_may_not_manage_backups_learns_nothing(self, live, settings, viewer, client) -> None:
        settings.POINT_IN_TIME = True
        client.force_login(viewer.user)
        assert client.get("/api/v1/backups/moments/").status_code == 403
