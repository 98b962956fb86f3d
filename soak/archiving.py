"""Backups made and restored by processes of their own, which may be killed at any moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import override_settings
from psycopg.conninfo import conninfo_to_dict

from accesscontrol.actor import on_this_machine
from accesscontrol.errors import ConfirmationRequired, Refused
from backups import database, services
from backups.offsite import copying, transfer
from backups.offsite import place as offsite
from backups.restoring import restore_full
from soak.callers import PATIENCE_S, PRELOADED
from soak.places import POLL_S, Place

DONE, REFUSED, BROKEN = 0, 3, 1  # how a process ends
PART_BYTES = 20_000
KEY = "what the backups of a run are signed with"


@dataclass(frozen=True)
class Archive:
    """A folder of backups, and the database that they are of."""

    place: Place
    folder: Path

    def making(self) -> BaseProcess:
        """This function will start a process that makes a full backup."""
        return self.start(make)

    def restoring(self, file: str) -> BaseProcess:
        """This function will start a process that makes the catalog what a backup holds."""
        return self.start(restore, file)

    def fault(self) -> str:
        """This function will return what the last process said that ended as none should."""
        path = self.folder.with_name("fault")
        return path.read_text(encoding="utf-8")[-400:] if path.exists() else ""

    def start(self, work: Callable[..., object], *arguments: str) -> BaseProcess:
        """This function will start a process that does some work."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        process = context.Process(
            target=_run, args=(work, arguments, self.place.app_url, self.place.owner_url, str(self.folder))
        )
        process.start()
        return process


@contextmanager
def archive(place: Place, folder: Path | None = None) -> Iterator[Archive]:
    """This function will make a folder for backups, and turn this process to it."""
    before = settings.BACKUP_DIR, settings.BACKUP_KEYS, settings.DATABASE_OWNER_URL
    with TemporaryDirectory() as name:
        folder = folder or Path(name) / "backups"
        settings.BACKUP_DIR, settings.BACKUP_KEYS, settings.DATABASE_OWNER_URL = (
            folder,
            [KEY],
            place.owner_url,
        )
        try:
            yield Archive(place, folder)
        finally:
            settings.BACKUP_DIR, settings.BACKUP_KEYS, settings.DATABASE_OWNER_URL = before


def make() -> str:
    """This function will make a full backup, and return its name."""
    return services.create_full(actor=on_this_machine()).backup_file


def restore(file: str) -> None:
    """This function will make the catalog what a backup holds, as somebody does who has read the plan."""
    arguments: dict[str, Any] = {"backup_file": file, "drop_existing": True, "safety_backup": False}
    try:
        restore_full(actor=on_this_machine(), **arguments)
    except ConfirmationRequired as shown:
        restore_full(actor=on_this_machine(), **arguments, plan_token=shown.details["plan_token"])


def copy(url: str, name: str, key: str, secret: str) -> None:
    """This function will copy what is due into a bucket, in many small parts, and wait for nothing long."""
    transfer.PART_BYTES = PART_BYTES  # type: ignore[misc]
    offsite.SILENT_S, offsite.ATTEMPTS = 1, 1  # type: ignore[misc]
    with bucket(url, name, key, secret):
        copying.copy_all(actor=on_this_machine())


@contextmanager
def bucket(url: str, name: str, key: str, secret: str) -> Iterator[None]:
    """This function will turn this process to a bucket."""
    options = {
        "bucket_name": name, "location": "", "endpoint_url": url, "region_name": "us-east-1",
        "access_key": key, "secret_key": secret,
    }  # fmt: skip
    backend = {"BACKEND": "backups.offsite.place.OffsiteStorage", "OPTIONS": options}
    with override_settings(STORAGES=settings.STORAGES | {"offsite": backend}):
        yield


def dumps_of(pid: int | None) -> list[int]:
    """This function will return the pg_dump processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            before, _, after = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")
            if before.endswith("(pg_dump") and int(after.split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def kill_dumps(process: BaseProcess) -> None:
    """This function will kill the pg_dump processes of a process, as soon as it has any."""
    while process.is_alive():
        found = dumps_of(process.pid)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if found:
            return
        sleep(POLL_S)


def ended(process: BaseProcess) -> int | None:
    """This function will wait for a process, and return how it ended; None where it hangs."""
    process.join(PATIENCE_S)
    return process.exitcode


def _run(
    work: Callable[..., object], arguments: tuple[str, ...], app_url: str, owner_url: str, folder: str
) -> None:
    """Do the work in this process, which is new, and let its end tell how that went."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    place = conninfo_to_dict(app_url)
    connection.settings_dict.update(
        USER=place["user"], PASSWORD=place["password"], HOST=place["host"], PORT=place.get("port", ""),
        NAME=place["dbname"],
    )  # fmt: skip
    settings.DATABASE_OWNER_URL, settings.BACKUP_DIR, settings.BACKUP_KEYS = owner_url, Path(folder), [KEY]
    try:
        with database.translated():  # as the commands do
            work(*arguments)
    except Refused:
        sys.exit(REFUSED)
    except Exception:  # noqa: BLE001 - whatever it is, it should not be
        Path(folder).with_name("fault").write_text(traceback.format_exc(), encoding="utf-8")
        sys.exit(BROKEN)
