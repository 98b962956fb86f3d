"""Where a run works: a database, or a whole server, of its own; never one that anybody else uses."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from time import sleep
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from config import embedded, programs
from config.cluster import APP_ROLE, DATABASE, OWNER_ROLE, Cluster
from config.folders import private_folder

databases: Any = import_module("tests.databases")  # where tests take theirs from

Row = tuple[Any, ...]
Read = Callable[..., list[Row]]

POLL_S = 0.01
USER, ROLE = "soak", "Administrator"


@dataclass(frozen=True)
class Place:
    """A database that a run may do anything to, and the account that its callers have."""

    owner_url: str = field(repr=False)  # with passwords
    app_url: str = field(repr=False)
    username: str

    def environment(self, *, host: str | None = None) -> dict[str, str]:
        """This function will return an environment in which our programs use it, perhaps through another host."""
        url = self.app_url
        if host is not None:
            place = conninfo_to_dict(url)
            url = f"postgresql://{place['user']}:{place['password']}@/{place['dbname']}?host={host}"
        return os.environ | {
            "DATABASE_URL": url,
            "DATABASE_OWNER_URL": self.owner_url,
            "RATE_LIMITS": "off",  # a load is meant to be one
        }

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """This function will let the owner read, past all that a run breaks, on one connection."""
        with psycopg.connect(self.owner_url, autocommit=True, options="-c timezone=UTC") as own:
            yield lambda statement, *params: own.execute(statement, params).fetchall()

    def read(self, statement: str, *params: Any) -> list[Row]:
        """This function will read as the owner, past all that a run breaks."""
        with self.reading() as read:
            return read(statement, *params)

    def is_waiting(self) -> bool:
        """This function will say whether somebody waits for a lock."""
        return bool(
            self.read(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
        )

    @contextmanager
    def locking(self, statement: str) -> Iterator[None]:
        """This function will hold the locks of a statement meanwhile."""
        with psycopg.connect(self.owner_url) as own:
            own.execute(statement)
            yield
            own.rollback()


@contextmanager
def database() -> Iterator[Place]:
    """This function will make a database, turn Django to it, and drop it at the end."""
    name = f"test_{os.getpid()}"  # like a test's: what a killed run leaves behind, the next test run drops
    databases.fresh(name, databases.template())
    try:
        yield of_database(name)
    finally:
        databases.disconnect()
        with databases.owner() as owner:
            databases.drop(owner, name)


def of_database(name: str) -> Place:
    """This function will return a database, which Django is turned to, as a place; with the account."""
    owner, app = (databases.url_of(name, url) for url in (settings.DATABASE_OWNER_URL, settings.DATABASE_URL))
    return Place(owner, app, _account())


@contextmanager
def server(source: str, *, home: Path | None = None) -> Iterator[Cluster]:
    """This function will start a PostgreSQL server that may be killed, with what the database `source` has.

    `source` is a template, which nobody changes.
    """
    cluster = _cluster(home or embedded.cluster().home.with_name(f"killed-{os.getpid()}"))
    try:
        _copy_filled(source, cluster.home)
        cluster.start()
        yield cluster
    finally:
        _remove(cluster)


@contextmanager
def using(cluster: Cluster) -> Iterator[Place]:
    """This function will turn Django to a server of ours, as a place; with the account."""
    with turned(
        HOST=str(cluster.socket_folder), PORT="5432", NAME=DATABASE, USER=APP_ROLE,
        PASSWORD=cluster.passwords[APP_ROLE], pool={"timeout": 1},
    ):  # fmt: skip
        yield Place(cluster.url(OWNER_ROLE), cluster.url(APP_ROLE), _account())


def kill(cluster: Cluster) -> None:
    """This function will kill every process of a server at once, and return when all are gone."""
    postmaster = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for pid in (postmaster, *map(int, children)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while cluster.running():
        sleep(POLL_S)


@contextmanager
def turned(*, pool: dict[str, Any] | None = None, **changed: str) -> Iterator[None]:
    """This function will turn every connection of this process elsewhere meanwhile: turned(HOST=…, pool={…})."""
    place: Any = connection.settings_dict  # one for all threads
    before = {**place, "OPTIONS": {**place["OPTIONS"], "pool": {**place["OPTIONS"]["pool"]}}}
    databases.disconnect()
    place.update(changed)
    place["OPTIONS"]["pool"].update(pool or {})
    try:
        yield
    finally:
        databases.disconnect()
        place.update({name: value for name, value in before.items() if name != "OPTIONS"})
        place["OPTIONS"]["pool"].clear()
        place["OPTIONS"]["pool"].update(before["OPTIONS"]["pool"])


def _account() -> str:
    user, is_new = User.objects.get_or_create(username=USER)
    if is_new:
        user.groups.add(Group.objects.get(name=ROLE))
    connection.close()
    return user.username


def _cluster(home: Path) -> Cluster:
    """A cluster in another place, which differs from that of this clone in nothing else."""
    ours = embedded.cluster()
    return Cluster(home, ours.passwords, ours.uid)


def _remove(cluster: Cluster) -> None:
    cluster.stop()
    shutil.rmtree(cluster.home)
    shutil.rmtree(cluster.socket_folder, ignore_errors=True)


def _copy_filled(source: str, home: Path) -> None:
    """Copy the files of a server that has what a database has: it is made once, since that takes seconds."""
    ours = embedded.cluster().home
    filled = ours.with_name(f"{ours.name}-{source}")
    with (ours / "filled.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not filled.exists():
            for other in ours.parent.glob(f"{ours.name}-*"):  # of earlier code, or begun and not finished
                _remove(_cluster(other))
            _fill(source, _cluster(filled.with_name(f"{filled.name}_b"))).rename(filled)
        subprocess.run(["cp", "-a", filled, home], check=True)  # noqa: S603, S607 - our own words


def _fill(source: str, cluster: Cluster) -> Path:
    """Make a server with what a database has, stop it, and return its folder."""
    private_folder(cluster.home, gate=cluster.uid)
    for copied in embedded.cluster().home.glob(
        "postgresql-*-*"
    ):  # the programs, which need no copy of their own
        (cluster.home / copied.name).symlink_to(copied)
    cluster.start()
    place = conninfo_to_dict(databases.url_of(source, settings.DATABASE_OWNER_URL))
    dump = subprocess.run(  # noqa: S603 - our own words
        [programs.binaries() / "pg_dump", "--no-sync", "-h", str(place["host"]), "-p", str(place["port"]),
         "-U", str(place["user"]), str(place["dbname"])],
        env=programs.clean_environment() | {"PGPASSWORD": str(place["password"])}, capture_output=True, check=True,
    ).stdout  # fmt: skip
    file = cluster.home / "dump.sql"
    file.write_bytes(b"DROP SCHEMA app CASCADE;\n" + dump)
    programs.run_sql(cluster.url(OWNER_ROLE), file)
    file.unlink()
    cluster.stop()
    shutil.rmtree(cluster.socket_folder)
    return cluster.home
