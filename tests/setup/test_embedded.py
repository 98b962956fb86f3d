"""The embedded server: who starts it, who stops it, where it lives."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from config.cluster import OWNER_ROLE, SUPERUSER
from tests.setup.clones import Clone, end, kill

pytestmark = pytest.mark.long

AS_ROOT = os.geteuid() == 0
NOBODY = 65_534
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root has this trouble")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone whose path has a space, a quote and what URLs and psql treat in their own way; it has a server."""
    made = Clone(tmp_path_factory.mktemp("a path") / "with 'quotes', 100% & ü")
    end(made.hold())
    yield made
    made.remove()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone below a private home, which has none yet; for an ordinary user its path is too long for a socket."""
    home = tmp_path_factory.mktemp("home")
    made = Clone(home / ("long" * 30) / "clone")
    home.chmod(0o700)
    yield made
    made.remove()


@pytest.fixture(scope="class")
def held(clone: Clone) -> Iterator[None]:
    """A program uses the clone's server."""
    program = clone.hold()
    yield
    end(program)


@pytest.fixture
def new_clone() -> Iterator[Callable[..., Clone]]:
    made: list[Clone] = []

    def make(path: Path, uid: int | None = None) -> Clone:
        made.append(Clone(path, uid))
        return made[-1]

    yield make
    for clone in made:
        clone.remove()


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that other users can enter, when they can reach Python and the packages as well."""
    packages = Path(sysconfig.get_path("purelib"))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not all(path.stat().st_mode & stat.S_IXOTH for path in (packages, *packages.parents)):
        pytest.skip("another user cannot reach these packages")
    if not Path(f"/usr/bin/python{version}").exists():
        pytest.skip("another user cannot reach this Python")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


class TestSharing:
    def test_stops_when_the_last_program_leaves_whichever_that_is(self, clone):
        first, last = clone.hold(), clone.hold()
        server = clone.postmaster()

        end(first)
        for leave in (end, kill):
            leave(clone.hold())
            with clone.connect() as connection:
                assert connection.execute("SELECT current_user").fetchone() == ("dbadmin_app",)
            assert clone.postmaster() == server

        end(last)
        assert not clone.running()
        with pytest.raises(psycopg.OperationalError):
            clone.connect()

    def test_when_the_only_program_was_killed_the_next_takes_the_server_over(self, clone):
        kill(clone.hold())
        server = clone.postmaster()

        following = clone.hold()

        assert clone.postmaster() == server
        end(following)
        assert not clone.running()

    def test_programs_that_start_together_start_one_server(self, clone):
        programs = [clone.begin("-c", "from config import embedded; embedded.use()") for _ in range(3)]

        assert [(program.communicate()[1], program.returncode) for program in programs] == [("", 0)] * 3
        assert not clone.running()

    def test_a_forked_child_leaves_the_server_to_its_parent(self, clone):
        program = clone.run(
            "-c",
            "import os, sys\n"
            "from config import embedded\n"
            "embedded.use()\n"
            "if os.fork() == 0: sys.exit()\n"
            "os.wait()\n"
            "print(embedded.cluster().running())",
        )

        assert (program.stdout, program.stderr) == ("True\n", "")
        assert not clone.running()


class TestRecovery:
    def test_a_new_program_restarts_a_crashed_server_that_others_still_use(self, clone):
        other = clone.hold()
        clone.write("committed")
        os.kill(clone.postmaster(), signal.SIGKILL)

        following = clone.hold()

        assert clone.lines() == ["committed"]
        end(following)
        end(other)
        assert not clone.running()

    def test_is_not_fooled_by_a_stale_pid_file_that_names_a_living_process(self, clone):
        pid_file = clone.cluster().data / "postmaster.pid"
        pid_file.write_text(f"{os.getpid()}\n{clone.cluster().data}\n1\n5432\n\n\n\nready\n")

        program = clone.hold()

        assert clone.postmaster() != os.getpid()
        end(program)

    def test_makes_a_cluster_anew_whose_making_was_interrupted(self, clone):
        clone.cluster().complete.unlink()
        (clone.cluster().data / "PG_VERSION").unlink()

        program = clone.hold()

        with clone.connect() as connection:
            connection.execute("SELECT 1")
        end(program)

    def test_says_why_the_server_does_not_start(self, clone):
        version = clone.cluster().data / "PG_VERSION"
        version.write_text("15\n")
        try:
            program = clone.run("manage.py", "migrate")
        finally:
            version.write_text("18\n")

        assert program.returncode == 1
        assert "was made by PostgreSQL 15" in program.stderr
        assert "Traceback" not in program.stderr


class TestEnding:
    @pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_a_signal_to_the_whole_terminal_ends_the_server_without_a_traceback(self, clone, number, status):
        wait = "import time; print('working', flush=True); [time.sleep(1) for _ in range(60)]"
        program = clone.begin("manage.py", "shell", "--no-imports", "-c", wait)
        assert program.stdout.readline() == "working\n"
        assert os.getpgid(clone.postmaster()) != program.pid  # out of the terminal's reach: we end it

        os.killpg(program.pid, number)

        _, err = program.communicate()
        assert (program.returncode, err) == (status, "")
        assert not clone.running()

    def test_a_command_that_never_connects_starts_no_server(self, clone):
        assert clone.run("manage.py", "diffsettings").returncode == 0
        assert not (clone.path / "var" / "embedded").exists() or not clone.running()


@pytest.mark.usefixtures("held")
class TestPrivacy:
    def test_only_who_knows_a_password_gets_in_and_only_by_the_socket(self, clone):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(clone.cluster().url(OWNER_ROLE).replace(OWNER_ROLE + ":", OWNER_ROLE + ":not"))
        with clone.connect(SUPERUSER) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            rules = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
            assert rules == [("scram-sha-256",)]
            assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
            assert connection.execute("SHOW max_slot_wal_keep_size").fetchone() == ("4GB",)
            assert connection.execute("SELECT lower('ÅÄÉ')").fetchone() == ("åäé",)

    def test_files_are_private(self, clone):
        cluster = clone.cluster()

        assert stat.S_IMODE((clone.path / "var" / "embedded.json").stat().st_mode) == 0o600
        assert stat.S_IMODE(cluster.data.stat().st_mode) == 0o700
        assert stat.S_IMODE(cluster.socket_folder.stat().st_mode) == 0o700
        assert not cluster.home.stat().st_mode & 0o007
        assert not (cluster.home / "password").exists()
        if AS_ROOT:
            assert {cluster.data.stat().st_uid, cluster.socket_folder.stat().st_uid} == {cluster.uid}
            assert (cluster.home.stat().st_uid, cluster.home.stat().st_gid) == (0, cluster.uid)

    def test_passwords_are_not_in_the_servers_command_line(self, clone):
        with clone.connect(SUPERUSER) as connection:
            options = connection.execute("SELECT string_agg(setting, ' ') FROM pg_settings").fetchone()[0]
        assert not [password for password in clone.cluster().passwords.values() if password in options]


class TestPlaces:
    def test_two_clones_have_two_servers(self, clone, other):
        above = [other.path, *other.path.parents]
        modes = [path.stat().st_mode for path in above]
        programs = [clone.hold(), other.hold()]

        other.write("of the other")

        assert clone.postmaster() != other.postmaster()
        assert clone.cluster().socket_folder != other.cluster().socket_folder
        assert other.lines() == ["of the other"]
        assert [path.stat().st_mode for path in above] == modes
        for program in programs:
            end(program)
        assert not clone.running()
        assert not other.running()

    def test_a_folder_that_others_may_enter_is_refused(self, clone):
        folder = clone.cluster().socket_folder
        folder.chmod(0o755)
        try:
            program = clone.run("manage.py", "migrate")
        finally:
            folder.chmod(0o700)
        assert program.returncode == 1
        assert f"{folder} exists and is not a private folder of ours" in program.stderr


@only_root
class TestRoot:
    def test_works_below_a_private_home_and_a_copy_does_not_share_its_database(self, other):
        program = other.hold()

        assert Path(f"/proc/{other.postmaster()}").stat().st_uid == other.cluster().uid
        other.write("kept")
        end(program)

        original, copied = other.path, other.path.with_name("copy")
        shutil.copytree(original, copied)
        other.path = copied
        refused = other.run("manage.py", "migrate")
        assert f"was copied from {original}" in refused.stderr

        original.rename(original.with_name("away"))  # it was moved, then, and keeps its data
        program = other.hold()
        assert "kept" in other.lines()
        end(program)

    def test_an_ordinary_user_runs_a_server_of_their_own_and_another_is_told_whose_it_is(
        self, public_folder, new_clone
    ):
        clone = new_clone(public_folder / "of nobody", NOBODY)

        program = clone.hold()
        with clone.connect() as connection:
            connection.execute("SELECT 1")

        assert Path(f"/proc/{clone.postmaster()}").stat().st_uid == NOBODY
        assert clone.cluster().home == clone.path / "var" / "embedded"
        end(program)
        assert not clone.running()

        self._moved_where_a_path_is_too_long_for_a_socket(clone)

        clone.uid = None
        refused = clone.run("manage.py", "migrate")

        assert refused.returncode == 1
        assert "belongs to another user" in refused.stderr
        assert "Traceback" not in refused.stderr

    @staticmethod
    def _moved_where_a_path_is_too_long_for_a_socket(clone):
        clone.path = clone.path.rename(clone.path.with_name("very long " * 12))

        program = clone.hold()

        assert not clone.cluster().socket_folder.is_relative_to(clone.path)
        assert clone.cluster().socket_folder.stat().st_uid == NOBODY
        with clone.connect() as connection:
            connection.execute("SELECT 1")
        end(program)
