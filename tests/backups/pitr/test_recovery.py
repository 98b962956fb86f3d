"""A server that was lost with its disk comes back as it was at a moment, from its copies alone."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command

from accesscontrol.errors import Conflict, InvalidInput, NotFound
from backups.errors import BackupInvalid
from backups.pitr import bases, receiver, recovery, segments
from backups.pitr.recovery import Target
from config import embedded, recovering
from config.cluster import SUPERUSER, Cluster
from jobs.progress import SILENT


@pytest.fixture
def home(monkeypatch, story):
    """Where the server comes back to."""
    path = Path(tempfile.mkdtemp(prefix="database-admin-server-back-"))
    path.rmdir()
    another = Cluster(path, dict.fromkeys(story.cluster.passwords, "of_another_clone"), story.cluster.uid)
    monkeypatch.setattr(embedded, "cluster", lambda: another)
    yield path
    if path.exists():
        shutil.rmtree(path)


def come_back(home: Path, to: str) -> list[str]:
    """Bring the server back, as the command does, and read what it holds when it is started once more."""
    made = recovering.prepare(recovery.parse(to), home, SILENT, system_id=None)
    recovering.recover(home, made)
    cluster = embedded.cluster()
    cluster.start()
    try:
        with psycopg.connect(cluster.url(SUPERUSER, "postgres")) as connection:
            return [row[0] for row in connection.execute("SELECT text FROM line")]
    finally:
        cluster.stop()


class TestRecovery:
    def test_stops_at_the_moment_that_was_named(self, story, home) -> None:
        assert come_back(home, "before_the_accident") == ["written", "more", "more", "more"]

    def test_stops_at_a_time(self, story, home) -> None:
        assert come_back(home, story.before.isoformat()) == ["written", "more", "more", "more"]

    def test_loses_nothing_that_was_committed_where_it_goes_to_the_end(self, story, home) -> None:
        assert come_back(home, "latest") == ["accident"]

    def test_goes_to_the_end_where_nothing_was_written_until_the_time_and_says_so(self, story, home) -> None:
        time = recovery.parse((story.before + timedelta(days=1)).isoformat())
        made = recovering.prepare(time, home, SILENT, system_id=None)
        assert made.target == Target()
        assert made.asked.time == story.before + timedelta(days=1)

    def test_a_moment_is_one_though_a_new_timeline_begins_with_it_too(self, story, home) -> None:
        (folder,) = receiver.folders(story.folder)
        later = folder.with_name("log_00000002")
        later.mkdir()
        try:
            for path in folder.iterdir():
                (later / path.name.replace("00000001", "00000002", 1)).symlink_to(path)
            made = recovering.prepare(Target(name="before_the_accident"), home, SILENT, system_id=None)
        finally:
            shutil.rmtree(later)
        assert made.base == story.base

    def test_a_time_before_the_clock_was_set_back_is_reached_from_the_base_before(
        self, story, home, monkeypatch
    ) -> None:
        """The second base was taken with the clock two hours slow: no later transaction leads to the time again."""
        first = story.base.described
        end = f"{segments.position(first.end) + (1 << 40):X}"
        slow = first.model_copy(
            update={
                "name": "base_20000101T000000Z",
                "start": f"{end[:-8]}/{end[-8:]}",
                "end": f"{end[:-8]}/{end[-8:]}",
                "finished_at": first.finished_at - timedelta(hours=2),
            }
        )
        both = [story.base, replace(story.base, described=slow)]
        monkeypatch.setattr(bases, "found", lambda _: both)
        made = recovering.prepare(Target(time=story.before), home, SILENT, system_id=None)
        assert (made.base, made.target) == (story.base, Target(time=story.before))


class TestElsewhere:
    """A server that is not ours to configure: what is to be done is said, and nothing of ours is begun for it."""

    def test_the_steps_are_those_of_this_server(self, story, settings, monkeypatch, capsys) -> None:
        settings.DATABASE_IS_EMBEDDED, settings.PITR_DIR = False, story.folder.parent
        monkeypatch.setattr(embedded, "cluster", lambda: pytest.fail("the server is not ours"))
        call_command("restore_pitr", "--to", story.before.isoformat())
        said = capsys.readouterr().out
        (data,) = story.folder.parent.glob("restored-*/data")
        written = dict(
            line.split(" = ") for line in (data / "postgresql.auto.conf").read_text().splitlines()[2:]
        )
        shutil.rmtree(data.parent)
        assert f"Copy {data} there" in said
        assert "config_file" not in said
        assert set(written) <= set(re.findall(r"ALTER SYSTEM RESET (\w+);", said))
        assert "recovery_target_time" in written

    def test_a_configuration_that_lies_elsewhere_is_to_be_named(
        self, story, settings, tmp_path, monkeypatch, capsys
    ) -> None:
        settings.DATABASE_IS_EMBEDDED = False
        made = recovery.Prepared(tmp_path, story.base, Target(), Target())
        monkeypatch.setattr(recovering, "prepare", lambda *_, **__: made)
        call_command("restore_pitr", "--to", "latest")
        assert "-c config_file=POSTGRESQL.CONF -c data_directory=DATA" in capsys.readouterr().out


class TestRefusals:
    def test_nothing_before_the_oldest_base(self, story, home) -> None:
        with pytest.raises(NotFound, match="oldest base"):
            recovering.prepare(Target(time=story.before - timedelta(days=1)), home, SILENT, system_id=None)
        assert not home.exists()

    def test_a_name_that_nothing_has_tells_which_there_are(self, story, home) -> None:
        with pytest.raises(NotFound) as refusal:
            recovering.prepare(Target(name="nothing"), home, SILENT, system_id=None)
        assert "before_the_accident" in (refusal.value.hint or "")

    def test_a_time_without_its_zone(self) -> None:
        with pytest.raises(InvalidInput, match="zone"):
            recovery.parse("2026-11-23T12:00:00")

    def test_never_over_what_is_there(self, story, home) -> None:
        (home / "data").mkdir(parents=True, mode=0o700)
        (home / "data" / "something").touch()
        with pytest.raises(Conflict):
            recovery.prepare(Target(), home / "data", SILENT)
        assert (home / "data" / "something").exists()

    def test_a_log_with_a_gap(self, story, home) -> None:
        (folder,) = receiver.folders(story.folder)
        whole = sorted(path for path in folder.iterdir() if not path.name.endswith(".partial"))
        lost = whole[-1].rename(story.folder / "lost")
        try:
            with pytest.raises(BackupInvalid, match="1 segments of the log are missing"):
                recovery.prepare(Target(), home / "data", SILENT)
            before = Target(time=story.base.described.finished_at)
            assert recovering.prepare(before, home, SILENT, system_id=None).target == before
        finally:
            lost.rename(whole[-1])

    def test_another_servers_copies(self, story, home) -> None:
        with pytest.raises(NotFound):
            recovery.prepare(Target(), home / "data", SILENT, system_id="1")


class TestBase:
    @pytest.mark.parametrize("path", ["PG_VERSION", "global/pg_control", "base/1/1259", "backup_label"])
    def test_a_changed_byte_is_noticed(self, story, home, path: str) -> None:
        file = story.base.folder / path
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        try:
            with pytest.raises(BackupInvalid, match="was changed"):
                recovery.prepare(Target(), home / "data", SILENT)
        finally:
            file.write_bytes(content)
        assert not (home / "data").exists()

    def test_a_cut_file_is_noticed(self, story, home) -> None:
        file = story.base.folder / "base" / "1" / "1259"
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        try:
            with pytest.raises(BackupInvalid, match="another size"):
                recovery.prepare(Target(), home / "data", SILENT)
        finally:
            file.write_bytes(content)

    def test_a_file_too_many_and_one_too_few_are_noticed(self, story, home) -> None:
        more = story.base.folder / "postgresql.more.conf"
        more.touch()
        try:
            with pytest.raises(BackupInvalid, match="does not belong"):
                recovery.prepare(Target(), home / "data", SILENT)
        finally:
            more.unlink()
        gone = (story.base.folder / "PG_VERSION").rename(story.folder / "gone")
        try:
            with pytest.raises(BackupInvalid, match="lacks the file PG_VERSION"):
                recovery.prepare(Target(), home / "data", SILENT)
        finally:
            gone.rename(story.base.folder / "PG_VERSION")

    def test_a_manifest_that_was_written_anew_is_not_believed(self, story, settings) -> None:
        settings.BACKUP_KEYS = ["another key that did not sign this base"]
        assert bases.found(story.folder) == []
        with pytest.raises(BackupInvalid, match="not ours"):
            bases.read(story.folder, story.base.described.name)

    def test_a_log_that_can_not_be_read_is_noticed(self, story, home) -> None:
        number = story.base.described.first_segment
        file = story.base.folder / "pg_wal" / f"{1:08X}{0:08X}{number:08X}"
        content = file.read_bytes()
        file.write_bytes(bytes(len(content)))
        try:
            with pytest.raises(BackupInvalid, match="write-ahead log is not whole"):
                recovery.prepare(Target(), home / "data", SILENT)
        finally:
            file.write_bytes(content)
