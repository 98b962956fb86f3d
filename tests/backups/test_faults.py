"""Faults that meet a backup, an export or a restore from outside: a full disk, links, each other."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection
from psycopg import OperationalError

from accesscontrol.errors import Conflict, Refused, TimedOut
from backups import chains, validation
from backups.errors import BackupInvalid
from catalog import registry
from catalog.exchange.services import export
from jobs.files import StoreFailed
from tests.backups.restores import backup, replace, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("library")]


@contextmanager
def full_disk(most: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes, as on a disk that has no more room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_ends_an_export_and_leaves_nothing(admin, settings, tmp_path):
    settings.EXPORT_DIR = tmp_path / "exports"

    with full_disk(1_000), pytest.raises(StoreFailed, match="disk is full"):
        export(actor=admin, table=registry.get("chapters"), format="csv")

    assert list(settings.EXPORT_DIR.iterdir()) == []


def test_a_backup_that_is_there_is_answered_although_the_server_goes_away_then(folder, monkeypatch):
    def gone(*_):
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(chains, "prune", gone)

    assert (folder / backup()).exists()


def test_a_full_disk_in_the_safety_backup_leaves_the_catalog_as_it_was(owner, folder):
    file = backup()
    owner.execute("DELETE FROM public.book_genres")
    before, files = state(owner), sorted(folder.iterdir())

    with full_disk(20_000), pytest.raises(StoreFailed, match="disk is full"):
        replace(file, safety_backup=True)

    assert state(owner) == before
    assert sorted(folder.iterdir()) == files


def test_a_link_in_the_place_of_a_file_is_not_followed(admin, owner, folder, tmp_path):
    file, before = backup(), state(owner)
    path = folder / file
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)

    with pytest.raises(BackupInvalid, match="not there"):
        replace(file)
    assert not validation.validate_backup(actor=admin, backup_file=file).valid
    assert state(owner) == before


def test_two_backups_and_a_restore_at_once_are_done_or_refused_and_nothing_between(owner, folder):
    file, before = backup(), state(owner)
    owner.execute("DELETE FROM public.book_genres")
    ready = threading.Barrier(3)

    def at_once(work, *arguments, **options):
        ready.wait()
        try:
            return work(*arguments, **options)
        except (Conflict, TimedOut) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as threads:
        made = [threads.submit(at_once, backup) for _ in range(2)]
        restored = threads.submit(at_once, replace, file).result()

    assert not isinstance(restored, Refused), restored
    assert state(owner) == before
    whole = [one.result() for one in made if isinstance(one.result(), str)]
    assert len(whole) + 1 == len(list(folder.glob("*.manifest.json")))
    assert len(list(folder.iterdir())) == 3 * (len(whole) + 1)
    backup()
