"""The one command: from nothing to a web server that one can log in to, and back."""

from __future__ import annotations

import http.client
import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.setup.clones import PATIENCE_S, Clone, end, wait_until

pytestmark = pytest.mark.long

SNAPSHOT = """
SELECT (SELECT count(*) FROM app.django_migrations), (SELECT count(*) FROM app.auth_user),
       (SELECT count(*) FROM app.auth_permission), (SELECT count(*) FROM public.books),
       (SELECT max(updated_at) FROM public.scenes), (SELECT count(*) FROM public.audit_logs)
"""

WORK = """
INSERT INTO app.jobs_job (kind, operation, arguments, state, username, channel, client_info, request_id, label, done,
                          total, unit, log, worker)
VALUES ('unheard_of', 'BACKUP_FULL', '{}', 'queued', 'ada', 'task', '{}', gen_random_uuid(), '', 0, 0, '', '[]', '')
RETURNING id
"""


class Server:
    """A running `manage.py serve`."""

    def __init__(self, clone: Clone, *options: str, until_it_answers: bool = True) -> None:
        self.program = clone.begin("manage.py", "serve", "--port", "0", *options)
        self.told = ""
        while "Serving" not in self.told:
            line = self.program.stdout.readline()
            assert line, self.program.communicate()[1]
            self.told += line
        self.url = re.search(r"http://127\.0\.0\.1:\d+", self.told)[0]
        if until_it_answers:
            wait_until(self.answers, "the server answers")

    def answers(self) -> bool:
        try:
            return self.get("/health").status == 200
        except OSError:
            return False

    def get(self, path: str) -> http.client.HTTPResponse:
        return urllib.request.urlopen(self.url + path, timeout=PATIENCE_S)  # noqa: S310 - our own server

    def refuses(self) -> bool:
        address = urllib.parse.urlsplit(self.url)
        try:
            socket.create_connection((address.hostname, address.port)).close()
        except OSError:
            return True
        return False

    def stop(self, number: int = signal.SIGINT) -> str:
        """Send a signal as a terminal does, to the whole group; return what was logged."""
        os.killpg(self.program.pid, number)
        _, err = self.program.communicate(timeout=PATIENCE_S)
        assert self.program.returncode in {0, 128 + number}
        assert "Traceback" not in err
        return err


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    made = Clone(tmp_path_factory.mktemp("a path") / "clone")
    yield made
    made.remove()


@pytest.fixture(scope="module")
def agent_first(clone: Clone) -> subprocess.CompletedProcess[str]:
    """What an agent's program said that was the first to run in the clone."""
    return clone.run("manage.py", "prepare", "--", "version")


@pytest.fixture(scope="module")
def first(clone: Clone, agent_first: object) -> Iterator[Server]:
    server = Server(clone)
    yield server
    if server.program.poll() is None:
        server.stop()


@pytest.fixture
def ended(first: Server) -> None:
    """The first server has been there, and is gone."""
    if first.program.poll() is None:
        first.stop()


class TestPrepare:
    def test_says_nothing_but_the_commands_own_words_on_standard_output(self, agent_first):
        assert agent_first.returncode == 0
        assert re.fullmatch(r"5\.2\.\d+\n", agent_first.stdout)
        assert "Migrating the database" in agent_first.stderr
        assert "Loading the sample library" in agent_first.stderr
        assert "password" not in agent_first.stderr  # nobody would have seen it


class TestFirstStart:
    def test_prints_a_password_with_which_one_can_log_in_over_plain_http(self, first):
        name, password = re.search(r"Administrator: (\S+), password: (\S+) ", first.told).groups()
        browser = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy()))
        )
        page = browser.open(f"{first.url}/admin/login/").read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
        form = {"username": name, "password": password, "csrfmiddlewaretoken": token, "next": "/admin/"}

        answer = browser.open(f"{first.url}/admin/login/", urllib.parse.urlencode(form).encode())

        assert answer.url == f"{first.url}/admin/"
        assert "logout" in answer.read().decode()

    def test_serves_its_own_style(self, first):
        with first.get("/static/admin/css/base.css") as response:
            assert response.headers["Content-Type"].startswith("text/css")

    def test_another_is_told_that_the_port_is_in_use(self, clone, first):
        port = urllib.parse.urlsplit(first.url).port
        done = clone.run("manage.py", "serve", "--port", str(port))

        assert done.returncode == 1
        assert f"Port {port} is in use" in done.stderr
        assert "Traceback" not in done.stderr

    def test_leaves_the_database_to_an_agent_that_still_works(self, clone, first):
        agent = clone.hold()

        first.stop()

        assert first.refuses()
        with clone.connect() as connection:
            assert connection.execute("SELECT count(*) > 5 FROM public.books").fetchone() == (True,)
        end(agent)
        assert not clone.running()


class TestLaterStart:
    def test_migrates_after_an_update_of_the_code_and_then_changes_nothing_and_ends_when_told(
        self, clone, ended
    ):
        agent = clone.hold()
        with clone.connect() as connection:
            connection.execute("DELETE FROM public.writing_sessions")  # of the sample library
        with (clone.path / "catalog" / "tables.py").open("a") as code:
            code.write("# changed\n")

        assert "Migrating" in clone.run("manage.py", "prepare").stderr

        with clone.connect() as connection:
            before = connection.execute(SNAPSHOT).fetchone()
        server = Server(clone)
        said = server.told + server.stop(signal.SIGTERM)

        with clone.connect() as connection:
            assert connection.execute(SNAPSHOT).fetchone() == before
            assert connection.execute("SELECT count(*) FROM public.writing_sessions").fetchone() == (0,)
        assert "password" not in said
        assert "Migrating" not in said
        assert server.refuses()
        end(agent)

    def test_serves_the_web_alone_when_told_so_and_ends_with_its_terminal(self, clone, ended):
        server = Server(clone, "--no-worker")

        assert _children(server.program.pid, "worker") == []
        server.stop(signal.SIGHUP)

        assert server.refuses()
        assert not clone.running()

    def test_loses_no_signal_while_it_begins(self, clone, ended):
        Server(clone, until_it_answers=False).stop()  # waits for the end

        assert not clone.running()

    def test_workers_end_when_their_master_is_killed_and_the_next_start_works_on_jobs_as_ever(
        self, clone, ended
    ):
        killed = Server(clone)
        killed.program.kill()
        killed.program.communicate()
        wait_until(killed.refuses, "the workers have ended")

        server = Server(clone)
        with clone.connect() as connection:
            worker = _worked(connection)

            os.kill(worker, signal.SIGKILL)

            assert _worked(connection) != worker
            beat = "SELECT count(*) FROM app.django_celery_beat_periodictask WHERE task = 'jobs.tasks.sweep'"
            assert connection.execute(beat).fetchone() == (1,)
        said = server.stop()
        assert "The worker has ended; it is started again" in said
        assert not clone.running()


def _worked(connection: psycopg.Connection) -> int:
    """Put work into the queue that no message tells of; return the worker that has found it."""
    number = connection.execute(WORK).fetchone()[0]
    ended = "SELECT worker FROM app.jobs_job WHERE id = %s AND state = 'failed'"
    wait_until(lambda: connection.execute(ended, [number]).fetchone(), "a worker has worked")
    forked = int(connection.execute(ended, [number]).fetchone()[0].partition(":")[2])
    return int(Path(f"/proc/{forked}/stat").read_text().rpartition(")")[2].split()[1])


def _children(parent: int, command: str) -> list[str]:
    """The command lines of a process's children that have a word."""
    numbers = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    lines = [Path(f"/proc/{number}/cmdline").read_text().split("\0") for number in numbers]
    return [line for line in lines if command in line]
