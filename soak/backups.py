"""Full backups while others write, empty tables and keep transactions open; what makes them is killed at any moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from time import monotonic

import psycopg

from accesscontrol.actor import on_this_machine
from backups import manifest, names, storage
from backups.manifest import Manifest
from backups.validation import validate_backup
from config.cluster import Cluster
from soak import archiving, places
from soak.archiving import BROKEN, DONE, Archive
from soak.ledger import Ledger
from soak.places import Place

VICTIMS = ("the process", "pg_dump", "PostgreSQL")
LATER = timedelta(days=2)  # when a sweep takes what has no manifest, too
FREED_S = 5.0  # from a death until the next backup can be made
OPEN_S = (0.2, 1.0)  # how long a transaction stays open

# Rows come into both tables or neither, and never is there none: whoever sees that has not seen one moment.
FILL = """
TRUNCATE public.authors, public.writing_goals, public.writing_sessions CASCADE;
INSERT INTO public.authors (name, bio) SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, {rows}) n;
INSERT INTO public.writing_goals (goal_type, target) VALUES ('words', 1);
INSERT INTO public.writing_sessions (session_date) VALUES ('2026-01-01')
"""
PAIRS = """
INSERT INTO public.writing_goals (goal_type, target) SELECT 'words', n FROM generate_series(1, {rows}) n;
INSERT INTO public.writing_sessions (session_date) SELECT '2026-01-01' FROM generate_series(1, {rows})
"""
EMPTY = "SET LOCAL lock_timeout = '200ms'; TRUNCATE public.writing_goals, public.writing_sessions"


def run(cluster: Cluster, place: Place, *, seconds: float, seed: int, rows: int = 10_000) -> Ledger:
    """This function will make backups for so long; `place` is in the server, and Django is turned to it."""
    ledger = Ledger()
    with archiving.archive(place) as archive, psycopg.connect(place.owner_url, autocommit=True) as owner:
        owner.execute(FILL.format(rows=rows).encode())
        making = _Making(cluster, archive, ledger, Random(seed))  # noqa: S311 - for moments, not for secrets
        with _writing(place, ledger, seed):
            until = monotonic() + seconds
            while monotonic() < until:
                making.round()
    ledger.figures["backups"] = f"{making.published:,} published, each restored and compared"
    ledger.figures["killed"] = ", ".join(f"{who} {times}" for who, times in sorted(making.seen.items()))
    ledger.figures["left and swept"] = f"{making.swept} files"
    ledger.figures["published without an audit row"] = making.untold
    ledger.figures["from a death to the next backup"] = f"{max(making.waits, default=0):.1f} s at most"
    return ledger


class _Making:
    """One backup after the other, and who dies of it."""

    def __init__(self, cluster: Cluster, archive: Archive, ledger: Ledger, random: Random) -> None:
        self.seen: Counter[str] = Counter()
        self.waits: list[float] = []
        self.published = self.swept = self.untold = 0
        self._cluster, self._archive, self._ledger, self._random = cluster, archive, ledger, random
        self._takes_s = 1.0

    def round(self) -> None:
        """Let each of them die once, in any order."""
        for victim in self._random.sample(VICTIMS, len(VICTIMS)):
            self._one(victim)
        self._insist()

    def _one(self, victim: str) -> None:
        """Make a backup, kill somebody meanwhile, and look at what is there then."""
        self.seen[victim] += 1
        process = self._archive.making()
        process.join(self._random.uniform(0, self._takes_s))
        self._kill(victim, process)
        status = archiving.ended(process)
        self._ledger.require(
            status not in {None, BROKEN},
            f"with {victim} killed, a backup ended with {status}: {self._archive.fault()}",
        )
        published = self._look(whole=victim != "the process")
        self._ledger.require(
            victim == "the process" or (status == DONE) == (published == 1),
            f"with {victim} killed, {published} backups were published, and the end was {status}",
        )

    def _insist(self) -> None:
        """Make a backup that nobody disturbs: at once, or soon."""
        started = began = monotonic()
        while (status := archiving.ended(self._archive.making())) != DONE:
            began = monotonic()
            if began - started > FREED_S:
                self._ledger.require(False, f"no backup could be made {FREED_S:g} s after a death: {status}")
                return
        self._takes_s = monotonic() - began
        self.waits.append(monotonic() - started)
        self._ledger.require(self._look(whole=True) == 1, "a backup that was made is not there")

    def _kill(self, victim: str, process: BaseProcess) -> None:
        match victim:
            case "the process":
                process.kill()
            case "pg_dump":
                archiving.kill_dumps(process)
            case _:
                places.kill(self._cluster)
                self._cluster.start()
                places.databases.disconnect()

    def _look(self, *, whole: bool) -> int:
        """Check that the folder has whole backups and nothing else, once it is swept; empty it."""
        place, folder = storage.configured(), self._archive.folder
        before = {path.name for path in folder.glob("*")}
        until = (
            monotonic() + FREED_S
        )  # a pg_dump that is just being started still holds the files of who started it
        while storage.sweep(place, datetime.now(UTC) + LATER) == 0 and _unfinished(folder):
            if monotonic() > until:
                break
        files = {path.name for path in folder.glob("*")}
        self.swept += len(before - files)
        self._ledger.require(
            not (whole and before - files), f"left without a death of ours: {before - files}"
        )
        found = [manifest.read_file(place, file) for file in files if names.stem_of_manifest(file)]
        known = {file for one in found for file in (one.name.file, one.name.app_file, one.name.manifest_file)}
        self._ledger.require(files == known, f"half of a backup: {files ^ known}")
        for one in found:
            self._prove(one)
        for file in files:
            (folder / file).unlink()
        self.published += len(found)
        return len(found)

    def _prove(self, one: Manifest) -> None:
        told = validate_backup(actor=on_this_machine(), backup_file=one.file, deep=True)
        self._ledger.require(told.valid, f"{one.file}: {[check for check in told.checks if not check.ok]}")
        goals, sessions = (one.tables[name].rows for name in ("writing_goals", "writing_sessions"))
        self._ledger.require(goals == sessions > 0, f"not of one moment: {goals} and {sessions} rows")
        read = self._archive.place.read
        reached = read("SELECT pg_current_wal_insert_lsn() >= %s::pg_lsn", one.position)
        self._ledger.require(reached == [(True,)], f"{one.file} holds what a crash has undone")
        rows = "SELECT count(*) FROM public.audit_logs WHERE operation = 'BACKUP_FULL' AND record_id = %s AND success"
        self.untold += read(rows, one.file) == [(0,)]


def _unfinished(folder: Path) -> bool:
    return any(path.name.startswith(".") for path in folder.glob("*"))


@contextmanager
def _writing(place: Place, ledger: Ledger, seed: int) -> Iterator[None]:
    """Write all the while, through every death of the server."""
    stop, done = threading.Event(), Counter[str]()
    threads = [
        threading.Thread(target=_forever, args=(place, work, Random(f"{seed} {number}"), stop, done, ledger))  # noqa: S311
        for number, work in enumerate((_write, _write, _empty, _stay))
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    ledger.figures["transactions beside"] = ", ".join(
        f"{count:,} {what}" for what, count in sorted(done.items())
    )


Transaction = Callable[[psycopg.Connection, Random, threading.Event], str]


def _forever(
    place: Place,
    work: Transaction,
    random: Random,
    stop: threading.Event,
    done: Counter[str],
    ledger: Ledger,
) -> None:
    try:
        while not stop.is_set():
            with suppress(psycopg.OperationalError), psycopg.connect(place.owner_url, autocommit=True) as own:
                own.execute(f"SET synchronous_commit = {random.choice(('on', 'off'))}")
                while not stop.is_set():
                    with suppress(psycopg.errors.LockNotAvailable), own.transaction():
                        done[work(own, random, stop)] += 1
            stop.wait(0.01)
    except Exception as fault:  # noqa: BLE001 - told, whatever it is
        ledger.require(False, f"a writer ended: {fault!r}")


def _write(own: psycopg.Connection, random: Random, stop: threading.Event) -> str:
    own.execute(PAIRS.format(rows=random.randint(1, 20)))
    own.execute("UPDATE public.authors SET bio = bio || 'x' WHERE id = %s", [random.randint(1, 500)])
    stop.wait(0.005)
    return "short"


def _empty(own: psycopg.Connection, random: Random, stop: threading.Event) -> str:
    stop.wait(random.uniform(0, 0.2))
    own.execute(EMPTY)
    own.execute(PAIRS.format(rows=random.randint(1, 20)))
    return "with TRUNCATE"


def _stay(own: psycopg.Connection, random: Random, stop: threading.Event) -> str:
    own.execute(PAIRS.format(rows=random.randint(1, 20)))
    stop.wait(random.uniform(*OPEN_S))
    own.execute(PAIRS.format(rows=random.randint(1, 20)))
    if random.random() < 0.3:
        raise psycopg.Rollback
    return "long"
