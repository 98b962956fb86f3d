"""What the tests of backups have: a folder and a key of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection

from backups import storage
from backups.storage import Storage
from config import programs
from jobs.progress import Cancelled, Progress
from tests import databases

KEY = "the key of the tests, long enough to be one"
OLD_KEY = "the key before it, long enough to be one too"
LIBRARY = """
INSERT INTO public.authors (name, email, bio)
SELECT 'Author ' || n, 'author' || n || '@example.org', repeat('\\ tab\t"line"\n', n) FROM generate_series(1, 20) n;
INSERT INTO public.series (author_id, title) SELECT id, 'Series of ' || name FROM public.authors;
INSERT INTO public.books (author_id, series_id, book_number, title)
SELECT s.author_id, s.id, n, s.title || ' ' || n FROM public.series s, generate_series(1, 3) n;
INSERT INTO public.chapters (book_id, chapter_num, title, content)
SELECT b.id, n, 'Chapter ' || n, E'\\\\.\n' || md5(n::text) FROM public.books b, generate_series(1, 4) n;
INSERT INTO public.book_genres (book_id, genre_id)
SELECT b.id, g.id FROM public.books b, public.genres g WHERE g.id < 4;
INSERT INTO public.locations (name) VALUES ('Bath');
INSERT INTO public.locations (name, parent_location_id)
SELECT 'Pump Room', id FROM public.locations WHERE name = 'Bath';
INSERT INTO public.writing_goals (goal_type, target) VALUES ('words', 1000);
"""


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    """The folder of the backups."""
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BACKUP_KEYS = [KEY]
    return settings.BACKUP_DIR


@pytest.fixture
def place(folder) -> Storage:
    """The place that the settings name."""
    return storage.configured()


class Watcher(Progress):
    """Does something when a part of the work begins, and is told whether the work is still wanted."""

    def __init__(self, **when: Callable[[], object]) -> None:
        self._when = when
        self.begun: list[str] = []
        self.amounts: dict[str, int] = {}
        self.is_cancelled = False

    def begin(self, label: str, total: int = 0, unit: str = "bytes") -> None:
        self.begun.append(label)
        self.amounts.setdefault(label, 0)
        if act := self._when.pop(label.split(maxsplit=1)[0].lower(), None):
            act()

    def advance(self, amount: int) -> None:
        self.amounts[self.begun[-1]] += amount

    def check(self) -> None:
        if self.is_cancelled:
            raise Cancelled


def own_url() -> str:
    """Return the owner's URL of the test database."""
    return databases.url_of(connection.settings_dict["NAME"], django_settings.DATABASE_OWNER_URL)


@pytest.fixture
def trouble(owner: psycopg.Connection) -> None:
    """A few rows of every kind of trouble."""
    owner.execute(
        "INSERT INTO public.authors (name, bio) VALUES (E'A\\tB\\\\', E'line\\n\\\\.\\r\\n'), ('É😀', ''), ('Z', NULL)"
    )
    owner.execute(
        "INSERT INTO public.books (author_id, title) SELECT id, 'Book of ' || name FROM public.authors"
    )
    owner.execute("SELECT setval('public.books_id_seq', 41)")


@pytest.fixture
def empty_database(owner: psycopg.Connection) -> Iterator[str]:
    """The URL of an empty database that knows nothing of ours."""
    name = f"empty_{os.getpid()}"
    databases.drop(owner, name)
    owner.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield databases.url_of(name, django_settings.DATABASE_OWNER_URL)
    databases.drop(owner, name)


def restore(file: Path, url: str) -> None:
    """Restore a file with nothing but gunzip and psql, as a person would."""
    text = subprocess.run(["gunzip", "-c", file], check=True, capture_output=True).stdout
    done = subprocess.run(
        [programs.binaries() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url],
        input=text, check=False, capture_output=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.fixture
def owner(settings, db) -> Iterator[psycopg.Connection]:
    """The owner of this test's database, whom the settings name."""
    settings.DATABASE_OWNER_URL = databases.url_of(
        connection.settings_dict["NAME"], settings.DATABASE_OWNER_URL
    )
    with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as own:
        yield own


@pytest.fixture
def library(owner) -> None:
    """A few records that refer to each other."""
    owner.execute(LIBRARY)
