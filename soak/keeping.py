"""Chains are made, restored to a point in their middle, and pruned; whatever does it is killed at any moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from time import monotonic, sleep
from typing import Final

import psycopg

from accesscontrol.actor import on_this_machine
from accesscontrol.errors import Conflict, Refused
from backups import catalogue, checksums, database, deletion, names, services, storage
from backups.errors import FullBackupNeeded
from backups.validation import validate_backup
from catalog import registry
from config.cluster import Cluster
from soak import archiving, places, points, writers
from soak.archiving import BROKEN, Archive
from soak.ledger import Ledger
from soak.places import POLL_S, Place
from soak.points import Digests

LATER: Final = timedelta(days=200)  # when all has had its time but the last chain
SWEPT: Final = timedelta(days=2)
FREED_S: Final = 20.0  # from a death until the next of its kind is done
PROVEN: Final = 0.2  # of the backups that a death has left
SERVER: Final = "PostgreSQL"
PROCESS: Final = "the process"
VICTIMS: Final = (PROCESS, PROCESS, PROCESS, SERVER)  # the server takes long to come back


def run(cluster: Cluster, place: Place, *, seconds: float, seed: int) -> Ledger:
    """This function will kill for so long what makes, restores and prunes chains, or the server meanwhile."""
    return processes(place, seconds=seconds, seed=seed, cluster=cluster)


def processes(place: Place, *, seconds: float, seed: int, cluster: Cluster | None = None) -> Ledger:
    """This function will do the same, and kill the server only where there is one that may be."""
    ledger = Ledger()
    with archiving.archive(place) as archive:
        with psycopg.connect(place.owner_url, autocommit=True) as own:
            own.execute(writers.FILL)
        keeping = _Keeping(archive, ledger, Random(seed), cluster)  # noqa: S311 - for moments, not for secrets
        until = monotonic() + seconds
        keeping.begin()
        keeping.round()
        while monotonic() < until:
            keeping.round()
    ledger.figures["killed"] = ", ".join(f"{what} {times}" for what, times in sorted(keeping.deaths.items()))
    ledger.figures["left"] = ", ".join(f"{what} {times}" for what, times in sorted(keeping.left.items()))
    ledger.figures["listed, and found valid"] = keeping.validated
    return ledger


def make() -> None:
    """This function will back up what changed."""
    services.create_incremental(actor=on_this_machine())


def prune() -> None:
    """This function will let go what has had its time by then, and of the log what nothing needs."""
    deletion.expire(actor=on_this_machine(), now=datetime.now(UTC) + LATER)


class _Keeping:
    """One folder of chains, and what must be in it whoever dies."""

    def __init__(self, archive: Archive, ledger: Ledger, random: Random, cluster: Cluster | None) -> None:
        self.deaths, self.left = Counter[str](), Counter[str]()
        self.validated = 0
        self._archive, self._ledger, self._random, self._cluster = archive, ledger, random, cluster
        self._takes_s = dict.fromkeys((make, prune, archiving.restore), 0.5)

    def begin(self) -> None:
        """Make the chain that the first pruning shall take away."""
        services.create_full(actor=on_this_machine())
        self._made()

    def round(self) -> None:
        """Begin a chain behind the one that is there, and kill each kind of work on them once."""
        self._insist(lambda: services.create_full(actor=on_this_machine()))
        self._change()
        middle, then = self._made(), self._contents()
        self._change()
        self._made()
        self._kill_making()
        self._kill_pruning()
        self._kill_restoring(middle, then)

    def _kill_making(self) -> None:
        before = self._listed()
        self._change()
        self._killed(make)
        new = self._look() - before
        self._ledger.require(len(new) <= 1, f"one backup was made, and there are {new}")
        self._ledger.require(before <= self._listed(), "a backup went while another was made")
        self.left["the new backup" if new else "no new backup"] += 1
        self._made()

    def _kill_pruning(self) -> None:
        before = self._listed()
        last = self._found()[0]
        stay = {last.file, *last.chain}
        self._killed(prune)
        found = self._look()
        self._ledger.require(stay <= found <= before, f"there should be {stay}, and are {found}")
        self.left["all of the old chain" if found == before else "a part" if found != stay else "none"] += 1
        self._made()
        self._insist(prune)
        self._ledger.require(stay <= self._look(), "the last chain was not kept")

    def _kill_restoring(self, middle: str, then: Digests) -> None:
        self._change()
        broken = self._contents()
        self._killed(archiving.restore, middle)
        self._settle()
        found = self._contents()
        self._ledger.require(found in (broken, then), "a restore left a mixture of old and new")
        self._look()
        self.left["the catalog as it was" if found == broken else "the catalog restored"] += 1
        try:
            self._made()
        except FullBackupNeeded as refusal:
            self._ledger.require(
                found == then and refusal.details["reason"] == "capture_interrupted",
                f"after a restore: {refusal.message}",
            )
        self._insist(lambda: archiving.restore(middle))
        self._ledger.require(self._contents() == then, "a restore that was done is not")

    def _killed(self, work: Callable[..., None], *arguments: str) -> None:
        """Let a process do it, and kill that or the server meanwhile."""
        victim = self._random.choice(VICTIMS) if self._cluster else PROCESS
        started = monotonic()
        process = self._archive.start(work, *arguments)
        process.join(self._random.uniform(0, self._takes_s[work]))
        is_done = not process.is_alive()
        if victim == PROCESS:
            process.kill()
        elif self._cluster is not None:
            places.kill(self._cluster)
            self._cluster.start()
            places.databases.disconnect()
        status = archiving.ended(process)
        self._ledger.require(
            status not in {None, BROKEN},
            f"with {victim} killed, {work.__name__} ended with {status}: {self._archive.fault()}",
        )
        if is_done:  # too late: earlier the next time
            self._takes_s[work] = min(self._takes_s[work], monotonic() - started)
        else:
            self._takes_s[work] *= 1.3
        self.deaths[f"{victim} in {work.__name__}" + (", too late" if is_done else "")] += 1

    def _made(self) -> str:
        """Make an incremental backup that nobody disturbs, and return its name."""
        made = self._insist(lambda: services.create_incremental(actor=on_this_machine()))
        return str(made.backup_file) if isinstance(made, services.MadeIncremental) else ""

    def _insist(self, work: Callable[[], object]) -> object:
        """Do it when nobody disturbs it: at once, or soon."""
        until = monotonic() + FREED_S
        while True:
            try:
                with database.translated():
                    return work()
            except FullBackupNeeded:
                raise
            except (Conflict, Refused) as refusal:
                if monotonic() > until:
                    self._ledger.require(False, f"not done {FREED_S:g} s after a death: {refusal.message}")
                    return None
            sleep(POLL_S)

    def _found(self) -> list[catalogue.Found]:
        return catalogue.read(storage.configured())[0]

    def _listed(self) -> set[str]:
        return {one.file for one in self._found()}

    def _look(self) -> set[str]:
        """Check that what is listed is whole, has all it builds on, and that there is nothing else; return it."""
        place = storage.configured()
        storage.sweep(place, datetime.now(UTC) + SWEPT)
        found, unreadable = catalogue.read(place)
        listed = {one.file for one in found}
        known = {
            file
            for name in map(names.parse, listed)
            for file in (name.file, name.app_file, name.manifest_file)
        }
        self._ledger.require(not unreadable, f"can't be read: {unreadable}")
        self._ledger.require(set(place.names()) <= known, f"half of one: {set(place.names()) - known}")
        for one in found:
            self._ledger.require(set(one.chain) <= listed, f"{one.file} has lost what it builds on")
            told = validate_backup(actor=on_this_machine(), backup_file=one.file)
            self._ledger.require(told.valid, f"{one.file}: {[c for c in told.checks if not c.ok]}")
            self.validated += told.valid
        if self._random.random() < PROVEN:
            told = validate_backup(actor=on_this_machine(), backup_file=found[0].file, deep=True)
            self._ledger.require(told.valid, f"{found[0].file}: {[c for c in told.checks if not c.ok]}")
        return listed

    def _change(self) -> None:
        """Change something, in a few of the ways that there are."""
        with psycopg.connect(self._archive.place.owner_url, autocommit=True) as own:
            for _ in range(5):
                with writers.passing():
                    own.execute(writers.statement(self._random).encode())

    def _contents(self) -> Digests:
        """What every table but the trail holds."""
        with psycopg.connect(self._archive.place.owner_url) as own:
            own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            own.execute(checksums.PINNED)
            found = points.digests(own)
        return {name: found[name] for name in found if not registry.get(name).append_only}

    def _settle(self) -> None:
        """Wait until the server has noticed that who restored is dead."""
        with psycopg.connect(self._archive.place.owner_url) as own:
            own.execute("SET lock_timeout = '20s'; LOCK TABLE app.restore_gate IN ACCESS EXCLUSIVE MODE")
