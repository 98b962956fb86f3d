"""Disks that fill up under a backup, an export or a restore: real file systems of their own, which root may mount."""

from __future__ import annotations

import errno
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic

from django.conf import settings

from accesscontrol.actor import Actor, Channel
from catalog import registry
from catalog.exchange.services import export
from config import embedded
from jobs.files import StoreFailed
from mcp_bridge import auth
from soak import archiving, places, restores
from soak.archiving import DONE, REFUSED, Archive
from soak.ledger import Ledger

SERVER_MB, FILES_MB = 700, 16
CHUNK = bytes(1024 * 1024)


def may_mount() -> bool:
    """This function will say whether this process may mount a file system."""
    return os.geteuid() == 0


def run(*, seconds: float, seed: int, rows: int = 10_000) -> Ledger:
    """This function will fill disks for so long; see `may_mount`."""
    ledger, random = Ledger(), Random(seed)  # noqa: S311 - for moments, not for secrets
    parent = embedded.cluster().home.parent
    with (
        TemporaryDirectory(dir=parent, prefix="disk-") as name,
        TemporaryDirectory() as files,
        disk(Path(name), SERVER_MB),
        disk(Path(files), FILES_MB),
    ):
        Path(name).chmod(0o711)  # the server's account passes through
        _fill_up(Path(name) / "home", Path(files), ledger, random, seconds, rows)
    return ledger


def _fill_up(home: Path, files: Path, ledger: Ledger, random: Random, seconds: float, rows: int) -> None:
    with places.server(places.databases.template(), home=home) as cluster, places.using(cluster) as place:

        def fill_the_server(process: BaseProcess) -> None:
            with full(home):
                archiving.ended(process)
            if not cluster.running():  # it had no room for its log either
                cluster.start()
            places.databases.disconnect()

        with archiving.archive(place, files / "backups") as archive:
            settings.EXPORT_DIR, before = files / "exports", settings.EXPORT_DIR
            try:
                restores.fill(place, rows)
                restoring = restores.Restoring(
                    archive, ledger, random, {"the server's disk": fill_the_server}
                )
                restoring.measure()
                writing, until = _Writing(archive, ledger, random), monotonic() + seconds
                while monotonic() < until:
                    restoring.round(restores.Meanwhile())
                    writing.round()
            finally:
                settings.EXPORT_DIR = before
    restoring.tell()
    ledger.figures["full disks"] = ", ".join(
        f"{what} {times}" for what, times in sorted(writing.seen.items())
    )


class _Writing:
    """Files written where there is less and less room for them."""

    def __init__(self, archive: Archive, ledger: Ledger, random: Random) -> None:
        self.seen: Counter[str] = Counter()
        self._archive, self._ledger, self._random = archive, ledger, random
        self._account = auth.by_name(archive.place.username)

    def round(self) -> None:
        """Write each kind of file where there is no room for it, and again where there is."""
        self._one("a backup", self._archive.folder, self._back_up)
        self._one("an export", Path(settings.EXPORT_DIR), self._export)

    def _one(self, what: str, folder: Path, write: Callable[[], bool]) -> None:
        before = _files(folder)
        with full(folder.parent, spare=self._random.randrange(0, 100_000)):
            is_done = write()
        self._ledger.require(not is_done, f"{what} was written where there is no room")
        self._ledger.require(
            _files(folder) == before, f"{what} left something behind: {_files(folder) - before}"
        )
        self._ledger.require(write(), f"{what} is refused where there is room again: {self._archive.fault()}")
        for path in _files(folder) - before:
            path.unlink()
        self.seen[what] += 1

    def _back_up(self) -> bool:
        status = archiving.ended(self._archive.making())
        self._ledger.require(
            status in {DONE, REFUSED}, f"a backup ended with {status}: {self._archive.fault()}"
        )
        return status == DONE

    def _export(self) -> bool:
        actor = Actor(self._account.read(), Channel.COMMAND)
        try:
            export(actor=actor, table=registry.get("writing_sessions"), format="csv")
        except StoreFailed:
            return False
        return True


def _files(folder: Path) -> set[Path]:
    return set(folder.iterdir()) if folder.exists() else set()


@contextmanager
def full(folder: Path, *, spare: int = 0) -> Iterator[None]:
    """This function will leave so few bytes of a file system free meanwhile."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(CHUNK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            file.truncate(max(0, file.tell() - spare))
        yield
    finally:
        filler.unlink()


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[None]:
    """This function will mount a file system in memory, of that size, in a folder."""
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder))
    try:
        yield
    finally:
        _run("umount", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603 - our own words
