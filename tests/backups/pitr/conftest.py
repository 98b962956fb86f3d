"""A small server of its own, copied while it works, and then lost with its disk."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from psycopg import sql

from accesscontrol.actor import Actor, Channel
from backups.pitr import bases, receiver, services
from backups.pitr import server as servers
from backups.pitr.bases import Base
from backups.pitr.server import Server
from config import embedded
from config.cluster import APP_ROLE, OWNER_ROLE, SUPERUSER, Cluster
from config.folders import private_folder
from jobs.progress import SILENT
from tests.backups.offsite.conftest import bucket, remote, server  # noqa: F401 - fixtures of the bucket

KEY = "the key of the tests of copies, long enough for one"
PATIENCE_S = 30


@dataclass(frozen=True)
class Story:
    """What happened to the server before it was lost."""

    cluster: Cluster
    base: Base
    before: datetime  # after the first row, before the accident
    folder: Path  # of its copies


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """Copy a server, let it work on, name a moment, have an accident, and lose the server with its disk."""
    cluster = _cluster()
    copies = Path(tempfile.mkdtemp(prefix="database-admin-server-copies-"))
    values = {
        "DATABASE_REPLICATION_URL": cluster.url(SUPERUSER, "postgres"),
        "PITR_DIR": copies,
        "BACKUP_KEYS": [KEY],
    }
    try:
        with override_settings(**values):
            cluster.start()
            _make_small(cluster)
            with (
                _received(values),
                psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection,
            ):
                found = servers.identify()
                with bases.draft(found, SILENT) as draft:
                    draft.publish()
                before = _live(connection)
            _lose(cluster)
            yield Story(cluster, bases.found(found.folder)[0], before, found.folder)
    finally:
        cluster.stop()
        for folder in (cluster.home, copies):
            shutil.rmtree(folder)


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    """A small server that works."""
    cluster = _cluster()
    try:
        cluster.start()
        _make_small(cluster)
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(cluster.home)


@pytest.fixture
def live(running, settings, tmp_path) -> Server:
    """What the copies know of it."""
    settings.DATABASE_REPLICATION_URL = running.url(SUPERUSER, "postgres")
    settings.PITR_DIR = tmp_path / "pitr"
    return servers.identify()


def _cluster() -> Cluster:
    """A cluster in a folder that the server's account can reach."""
    uid = embedded.cluster().uid
    home = Path(tempfile.mkdtemp(prefix="database-admin-server-test-"))
    home.rmdir()
    private_folder(home, gate=uid)
    return Cluster(home, {role: secrets.token_urlsafe() for role in (SUPERUSER, OWNER_ROLE, APP_ROLE)}, uid)


def _make_small(cluster: Cluster) -> None:
    """Drop the databases that no test looks at: each is some three hundred files to copy and to check."""
    with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as own:
        own.execute("UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'")
        needed = ("postgres", "template1")
        rows = own.execute("SELECT datname FROM pg_database WHERE datname <> ALL(%s)", [list(needed)])
        for (name,) in rows.fetchall():
            own.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def _live(connection: psycopg.Connection) -> datetime:
    """Write what shall come back, and then what shall not."""
    connection.execute("CREATE TABLE line (text text)")
    connection.execute("INSERT INTO line VALUES ('written')")
    for _ in range(3):
        connection.execute("SELECT pg_switch_wal()")
        connection.execute("INSERT INTO line VALUES ('more')")
    services.name_moment("before_the_accident")
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    connection.execute("TRUNCATE line")
    connection.execute("INSERT INTO line VALUES ('accident')")
    _until(lambda: receiver.state().behind_bytes == 0)
    return row[0]


@contextmanager
def _received(values: dict[str, object]) -> Iterator[None]:
    """Run the receiver as its command."""
    environment = os.environ | {
        "DATABASE_URL": django_settings.DATABASE_URL,
        "DATABASE_REPLICATION_URL": str(values["DATABASE_REPLICATION_URL"]),
        "PITR_DIR": str(values["PITR_DIR"]),
    }
    program = subprocess.Popen([sys.executable, "manage.py", "receive_wal"], env=environment)
    try:
        _until(lambda: program.poll() is not None or receiver.state().is_running)
        yield
    finally:
        program.terminate()
        program.wait(PATIENCE_S)


def _lose(cluster: Cluster) -> None:
    """Kill the server, and take its disk away."""
    os.kill(int((cluster.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    _until(lambda: not cluster.running())
    shutil.rmtree(cluster.data)


def _until(is_so) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.fixture
def machine() -> Actor:
    """Somebody at the machine."""
    return Actor(None, Channel.COMMAND)


@pytest.fixture(autouse=True)
def keys(folder, settings) -> None:
    """The key that signed what the story left."""
    settings.BACKUP_KEYS = [KEY]
