"""Moments of a server that is killed, and of its receiver: each is brought back, and compared with who was answered."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Final

import psycopg
from django.conf import settings
from django.test import override_settings

from accesscontrol.actor import on_this_machine
from accesscontrol.errors import Refused
from audit import alerts
from audit.models import Alert
from backups.pitr import receiver, services, watching
from backups.pitr.recovery import Target
from config import recovering
from config.cluster import SUPERUSER, Cluster
from jobs.progress import SILENT
from soak import archiving, disks, places
from soak.ledger import Ledger
from soak.places import Place

WRITERS: Final = 4
RESTORED: Final = 8  # moments, beside the last
PAUSE_S: Final = (0.2, 1.0)
LONG: Final = 0.02  # of transactions
LONG_S: Final = 0.5
PATIENCE_S: Final = 60.0
DISK_MB: Final = 256
EVENTS: Final = ("nobody", "the receiver", "PostgreSQL", "a base")

_WRITE: Final = "INSERT INTO public.authors (name) VALUES (%s)"
_MUCH: Final = """
INSERT INTO public.authors (name, bio)
SELECT 'much', (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 100) WHERE n > 0)
  FROM generate_series(1, 12000) n
"""
_WRITTEN: Final = "SELECT name FROM public.authors WHERE starts_with(name, 'written ')"


@dataclass(frozen=True)
class Moment:
    """A moment that somebody may want back: between two times, which are the same where it is one."""

    target: Target
    since: datetime
    until: datetime


@dataclass
class Written:
    """When each row was about to be committed, and when that was answered, if it was."""

    begun: dict[str, datetime] = field(default_factory=dict)
    answered: dict[str, datetime] = field(default_factory=dict)

    def wrong(self, found: set[str], moment: Moment) -> list[str]:
        """This function will return the rows that must be there at a moment and are not, or the other way round."""
        must = {row for row, at in self.answered.items() if at < moment.since}
        may = {row for row, at in self.begun.items() if at <= moment.until}
        return sorted((must - found) | (found - may))


def run(cluster: Cluster, place: Place, *, seconds: float, seed: int) -> Ledger:
    """This function will let the server work and die for so long, lose it with its disk, and bring moments back."""
    ledger = Ledger()
    if disks.may_mount():
        with _disk() as folder, _copied(cluster, place, folder) as receiving:
            _fill_up(place, receiving, ledger)
    lose(cluster, place, ledger, seconds=seconds, seed=seed)
    return ledger


def lose(
    cluster: Cluster, place: Place, ledger: Ledger, *, seconds: float, seed: int, restored: int = RESTORED
) -> None:
    """This function will do all but fill a disk up, and bring so many moments back beside the last."""
    random = Random(seed)  # noqa: S311 - for moments, not for secrets
    with TemporaryDirectory() as name, _copied(cluster, place, Path(name)) as receiving:
        services.take_base(actor=on_this_machine())
        with _writing(place, ledger, "written", seed) as written:
            moments = _live(cluster, receiving, ledger, random, seconds)
        _until(lambda: receiver.state().behind_bytes == 0)
        places.kill(cluster)
        shutil.rmtree(cluster.data)
        receiving.stop()
        now = datetime.now(UTC)
        chosen = random.sample(moments, min(restored, len(moments)))
        for moment in (*chosen, Moment(Target(), now, now)):
            wrong = written.wrong(_restored(cluster, moment.target), moment)
            ledger.require(not wrong, f"{moment.target}: {len(wrong)} rows wrong: {wrong[:3]}")
    ledger.figures["restored and compared"] = f"{len(chosen) + 1} of {len(moments) + 1} moments"
    ledger.figures["rows"] = f"{len(written.answered):,} answered, {len(written.begun):,} begun"


def _live(
    cluster: Cluster, receiving: _Receiving, ledger: Ledger, random: Random, seconds: float
) -> list[Moment]:
    """Let things happen, and remember moments between them."""
    moments: list[Moment] = []
    events, until = Counter[str](), monotonic() + seconds
    while not moments or monotonic() < until:
        event = random.choice(EVENTS)
        events[event] += 1
        match event:
            case "the receiver":
                receiving.kill()
            case "PostgreSQL":
                places.kill(cluster)
                cluster.start()
                places.databases.disconnect()
            case "a base":
                services.take_base(actor=on_this_machine())
        sleep(random.uniform(*PAUSE_S))
        before = datetime.now(UTC)
        if random.random() < 0.5:
            services.name_moment(name := f"moment.{len(moments)}")
            moments.append(Moment(Target(name=name), before, datetime.now(UTC)))
        else:
            moments.append(Moment(Target(time=before), before, before))
    ledger.figures["meanwhile"] = ", ".join(f"{what} {times}" for what, times in sorted(events.items()))
    return moments


def _restored(cluster: Cluster, target: Target) -> set[str]:
    """Bring the server back beside itself, and return the rows that it has."""
    home = cluster.home.with_name(f"{cluster.home.name}-back")
    back = Cluster(home, cluster.passwords, cluster.uid)
    try:
        recovering.recover(home, recovering.prepare(target, home, SILENT, system_id=None))
        back.start()
        with psycopg.connect(back.url(SUPERUSER)) as own:
            return {name for (name,) in own.execute(_WRITTEN)}
    finally:
        back.stop()
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(back.socket_folder, ignore_errors=True)


def _fill_up(place: Place, receiving: _Receiving, ledger: Ledger) -> None:
    """Take the receiver its room, and see that it is told, that nothing is lost, and that it goes on."""
    with _writing(place, ledger, "full"), psycopg.connect(place.owner_url, autocommit=True) as own:
        services.take_base(actor=on_this_machine())
        with disks.full(Path(settings.PITR_DIR)):
            ended = receiving.deaths
            own.execute(_MUCH)
            _until(lambda: receiving.deaths > ended and not receiver.state().is_running)
            said = " ".join(alert.message for alert in _told())
            kept = receiver.state().behind_bytes or 0
        ledger.require("The disk of PITR_DIR is full" in said, f"of the full disk was told: {said}")
        ledger.require(kept > 1 << 20, "the server keeps nothing for the receiver")
        _until(lambda: receiver.state().is_running and (receiver.state().behind_bytes or 0) < kept)
    _until(lambda: receiver.state().behind_bytes == 0)
    ledger.require(_told() == [], f"it is told after it is over: {_told()}")
    ledger.require(services.current().is_current, "the log has a gap after the disk was full")
    ledger.figures["full disk of the receiver"] = f"{kept >> 20} MB kept by the server meanwhile; then taken"


def _told() -> list[Alert]:
    watching.watch(datetime.now(UTC))
    return [alert for alert in alerts.open_now() if alert.kind == watching.RECEIVER]


class _Receiving:
    """The receiver, as the server keeps it running: begun again whenever it ends."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.deaths = 0
        self._environment, self._over = environment, threading.Event()
        self._process = self._begin()
        self._keeping = threading.Thread(target=self._keep)
        self._keeping.start()

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._over.set()
        self._keeping.join()
        self._process.terminate()
        self._process.wait(PATIENCE_S)

    def _keep(self) -> None:
        while not self._over.wait(0.1):
            if self._process.poll() is not None:
                self.deaths += 1
                self._process = self._begin()

    def _begin(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "manage.py", "receive_wal"], env=self._environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


@contextmanager
def _copied(cluster: Cluster, place: Place, folder: Path) -> Iterator[_Receiving]:
    """Have the server copied into a folder meanwhile."""
    url = cluster.url(SUPERUSER, "postgres")
    environment = place.environment() | {"DATABASE_REPLICATION_URL": url, "PITR_DIR": str(folder)}
    values = {"DATABASE_REPLICATION_URL": url, "PITR_DIR": folder, "BACKUP_KEYS": [archiving.KEY]}
    with override_settings(**values, POINT_IN_TIME=True):
        folder.chmod(0o700)
        receiving = _Receiving(environment)
        try:
            _until(lambda: receiver.state().is_running)
            yield receiving
        finally:
            receiving.stop()
            if cluster.running():
                _until(lambda: not receiver.state().is_running)
                receiver.forget()


@contextmanager
def _disk() -> Iterator[Path]:
    with TemporaryDirectory() as name, disks.disk(Path(name), DISK_MB):
        yield Path(name)


@contextmanager
def _writing(place: Place, ledger: Ledger, name: str, seed: int = 0) -> Iterator[Written]:
    """Write rows of that name all the while, through every death of the server."""
    stop, written = threading.Event(), Written()
    threads = [
        threading.Thread(
            target=_forever, args=(place, f"{name} {number}", Random(f"{seed} {number}"), stop, written, ledger)  # noqa: S311
        )
        for number in range(WRITERS)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    try:
        yield written
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _forever(
    place: Place, name: str, random: Random, stop: threading.Event, written: Written, ledger: Ledger
) -> None:
    count = 0
    try:
        while not stop.is_set():
            with suppress(psycopg.OperationalError), psycopg.connect(place.owner_url, autocommit=True) as own:
                while not stop.wait(0.005):
                    count += 1
                    row = f"{name} {count}"
                    with own.transaction():
                        own.execute(_WRITE, [row])
                        if random.random() < LONG:
                            stop.wait(random.uniform(0, LONG_S))
                        written.begun[row] = datetime.now(UTC)
                    written.answered[row] = datetime.now(UTC)
            stop.wait(0.01)
    except Exception as fault:  # noqa: BLE001 - told, whatever it is
        ledger.require(False, f"a writer ended: {fault!r}")


def _until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; a server that is just being started can't be asked."""
    ends = monotonic() + PATIENCE_S
    while True:
        with suppress(Refused):
            if is_so():
                return
        if monotonic() > ends:
            raise TimeoutError("what was waited for did not come")
        sleep(places.POLL_S)
