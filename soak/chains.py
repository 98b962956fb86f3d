"""Chains of incremental backups while eight write: each of their points is restored, and compared row by row."""

from __future__ import annotations

from collections import Counter
from random import Random
from time import monotonic, sleep
from typing import Final

import psycopg
from psycopg import Connection

from accesscontrol.actor import on_this_machine
from backups import checksums, loading, owner, preflight, scratch, services, storage, stored
from backups.errors import FullBackupNeeded
from backups.validation import validate_backup
from config.cluster import Cluster
from jobs.progress import SILENT
from soak import archiving, places, points, writers
from soak.archiving import BROKEN, DONE, Archive
from soak.ledger import Ledger
from soak.places import Place
from soak.points import Digests

INCREMENTS: Final = 10
PROVEN: Final = 0.3  # of the backups after deaths
KILLED: Final = ("the process", "PostgreSQL")


def run(cluster: Cluster, place: Place, *, seconds: float, seed: int) -> Ledger:
    """This function will make a chain under writers, half of the time, and then let whatever makes one be killed."""
    ledger = under_writers(place, seconds=seconds / 2, seed=seed)
    killed(cluster, place, ledger, seconds=seconds / 2, seed=seed)
    return ledger


def under_writers(place: Place, *, seconds: float, seed: int, increments: int = INCREMENTS) -> Ledger:
    """This function will make a full backup and what changed since, again and again, and restore each of them."""
    ledger = Ledger()
    with archiving.archive(place), psycopg.connect(place.owner_url, autocommit=True) as own:
        own.execute(writers.FILL)
        seen: dict[str, Digests] = {}
        with points.watching() as looks, writers.writing(place, ledger, seed):
            actor = on_this_machine()
            full = services.create_full(actor=actor).backup_file
            seen[full] = looks.last
            for _ in range(increments):
                sleep(seconds / increments)
                made = services.create_incremental(actor=actor).backup_file
                seen[made] = looks.last
        _prove(seen, ledger)
        ledger.figures["points"] = f"{len(seen)}, each restored and compared row by row"
        ledger.figures["rows that a scheme by updated_at has wrong"] = looks.naive_wrong[-1]
        ledger.require(
            looks.naive_wrong[-1] > 0, "a scheme by updated_at would have done: this run proves nothing"
        )
    return ledger


def killed(cluster: Cluster, place: Place, ledger: Ledger, *, seconds: float, seed: int) -> None:
    """This function will kill what makes incremental backups, or the server; what is published must hold."""
    random, deaths, until = Random(seed), Counter[str](), monotonic() + seconds  # noqa: S311 - for moments
    with archiving.archive(place) as archive, writers.writing(place, ledger, seed + 1):
        _make(archive, ledger)
        while monotonic() < until or not deaths:  # each round a death, and a backup that nobody disturbs
            process = archive.start(make)
            victim = random.choice(KILLED)
            process.join(random.uniform(0, 1.5))
            if victim == "PostgreSQL":
                places.kill(cluster)
                cluster.start()
                places.databases.disconnect()
            else:
                process.kill()
            deaths[victim] += 1
            status = archiving.ended(process)
            ledger.require(
                status not in {None, BROKEN},
                f"with {victim} killed, it ended with {status}: {archive.fault()}",
            )
            _make(archive, ledger, is_proven=random.random() < PROVEN)
        _make(archive, ledger)
    ledger.figures["killed"] = ", ".join(f"{who} {times}" for who, times in sorted(deaths.items()))


def make() -> None:
    """This function will back up what changed, or everything where that can't be told."""
    try:
        services.create_incremental(actor=on_this_machine())
    except FullBackupNeeded:
        services.create_full(actor=on_this_machine())


def _make(archive: Archive, ledger: Ledger, *, is_proven: bool = True) -> None:
    """Make one that nobody disturbs, and prove it with all that it builds on, unless that takes too long."""
    while (status := archiving.ended(archive.start(make))) != DONE:
        if status in {None, BROKEN}:
            ledger.require(False, f"after a death, a backup ended with {status}: {archive.fault()}")
            return
    if not is_proven:
        return
    newest = max(services.list_backups(actor=on_this_machine()).backups, key=lambda one: len(one.chain))
    told = validate_backup(actor=on_this_machine(), backup_file=newest.file, deep=True)
    ledger.require(told.valid, f"{newest.file}: {[check for check in told.checks if not check.ok]}")


def _prove(seen: dict[str, Digests], ledger: Ledger) -> None:
    """Restore each into a database of its own, and compare it with what its snapshot held."""
    for file, then in seen.items():
        backup = stored.find(storage.configured(), file)
        preflight.require(backup)
        with (
            owner.connect() as connection,
            scratch.database(connection) as name,
            owner.connect(name) as other,
        ):
            found = _restored(other, backup)
        differing = sorted(table for table in then if found.get(table) != then[table])
        ledger.require(not differing, f"{file} does not hold what there was: {', '.join(differing)}")


def _restored(connection: Connection, backup: stored.Backup) -> Digests:
    with connection.transaction(force_rollback=True):
        connection.execute(owner.LIMITS)
        loading.load(connection, backup.parts(), "public", SILENT)
        connection.execute(checksums.PINNED)
        return points.digests(connection)
