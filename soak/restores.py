"""Restores under readers, writers and SELECT … FOR UPDATE; what restores is killed at any moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from random import Random
from time import monotonic
from typing import Any

import psycopg
from django.db import Error, connection

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Refused
from backups import scratch, switching
from catalog import registry
from catalog.services.queries import query_records
from catalog.services.records import insert_record
from config.cluster import Cluster
from mcp_bridge import auth
from soak import archiving, places
from soak.archiving import BROKEN, DONE, Archive
from soak.ledger import Ledger
from soak.places import Place

SERVER = "PostgreSQL"
Disturb = Callable[[BaseProcess], None]  # done to a process that restores, at a moment of its work
FREED_S = 30.0  # from a death until a restore is done
WAIT_S = 1.0  # what a restore may make a reader wait
BOOKS, AUTHORS = registry.get("books"), registry.get("authors")
BOOKS_OF_RUN = 60
NEW = "written meanwhile"  # by whom nothing is compared

FILL = """
TRUNCATE public.authors, public.writing_goals, public.writing_sessions CASCADE;
INSERT INTO public.authors (name) VALUES ('Author');
INSERT INTO public.books (author_id, title)
SELECT (SELECT min(id) FROM public.authors), 'as backed up' FROM generate_series(1, {books});
INSERT INTO public.writing_sessions (session_date, notes)
SELECT '2026-01-01', repeat(md5(n::text), 20) FROM generate_series(1, {rows}) n
"""
BREAK = """
UPDATE public.books SET title = 'broken {number}';
DELETE FROM public.writing_sessions WHERE id % 3 = {number} % 3;
INSERT INTO public.writing_goals (goal_type, target) VALUES ('words', {number});
"""
# Those who work meanwhile leave everything else as it is.
_COMPARED = {
    "authors": f"SELECT t::text FROM public.authors t WHERE name <> '{NEW}'",  # noqa: S608
    "books": "SELECT concat(id, title, author_id, deleted_at) FROM public.books",
}
_CONTENTS = "SELECT count(*), coalesce(sum(hashtextextended(r, 0)::numeric), 0) FROM ({}) s (r)"
_TRAIL = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM public.audit_logs t WHERE id <= %s"


def run(cluster: Cluster, place: Place, *, seconds: float, seed: int, rows: int = 10_000) -> Ledger:
    """This function will restore for so long; `place` is in the server, and Django is turned to it."""
    ledger = Ledger()

    def kill_the_server(_: BaseProcess) -> None:
        places.kill(cluster)
        cluster.start()
        places.databases.disconnect()

    disturbances: dict[str, Disturb] = {"the process": BaseProcess.kill, SERVER: kill_the_server}
    with archiving.archive(place) as archive:
        fill(place, rows)
        restoring = Restoring(archive, ledger, Random(seed), disturbances)  # noqa: S311 - for moments, not for secrets
        with _working(place, ledger, seed) as meanwhile:
            restoring.measure()
            until = monotonic() + seconds
            while monotonic() < until:
                restoring.round(meanwhile)
            restoring.insist(meanwhile)
        _check(place, ledger, meanwhile)
    restoring.tell()
    return ledger


def fill(place: Place, rows: int) -> None:
    """This function will put so many rows into the catalog, and records for those who work meanwhile."""
    with psycopg.connect(place.owner_url, autocommit=True) as owner:
        owner.execute(FILL.format(rows=rows, books=BOOKS_OF_RUN).encode())


@dataclass
class Meanwhile:
    """What those have seen and done who work meanwhile."""

    is_restoring: bool = False
    done: Counter[str] = field(default_factory=Counter)
    slowest_s: dict[bool, float] = field(default_factory=lambda: {False: 0.0, True: 0.0})  # by is_restoring
    written: int = 0  # records whose insertion was answered
    stop: threading.Event = field(default_factory=threading.Event)


class Restoring:
    """The catalog broken and restored, again and again, and each time disturbed in one of the ways given, by name."""

    def __init__(
        self, archive: Archive, ledger: Ledger, random: Random, disturbances: Mapping[str, Disturb]
    ) -> None:
        self.seen: Counter[str] = Counter()
        self.waits: list[float] = []
        self.done = self.undone = 0
        self._archive, self._ledger, self._random = archive, ledger, random
        self._disturbances = disturbances
        self._takes_s, self._number = 1.0, 0
        self._file = archiving.make()
        self._backed_up = self._contents()

    def measure(self) -> None:
        """This function will find out how long a restore takes."""
        archiving.ended(self._archive.start(_nothing))  # the first process starts what all are forked from
        started = monotonic()
        status = archiving.ended(self._archive.restoring(self._file))
        self._takes_s = monotonic() - started
        self._ledger.require(status == DONE, f"a restore that nobody disturbs ended with {status}")

    def tell(self) -> None:
        """This function will write down what was seen."""
        figures = self._ledger.figures
        figures["restores"] = f"{self.done} done, {self.undone} that left everything as it was"
        figures["disturbed"] = ", ".join(f"{who} {times}" for who, times in sorted(self.seen.items()))
        figures["from that to a restore that is done"] = f"{max(self.waits, default=0):.1f} s at most"

    def round(self, meanwhile: Meanwhile) -> None:
        """Disturb it in each way once, in any order."""
        for victim in self._random.sample(list(self._disturbances), len(self._disturbances)):
            self._one(victim, meanwhile)

    def _one(self, victim: str, meanwhile: Meanwhile) -> None:
        """Break the catalog, restore it, disturb that, and look at what it is then."""
        self.seen[victim] += 1
        broken, trail = self._break(), self._trail()
        meanwhile.is_restoring = victim != SERVER  # for which all wait
        process = self._archive.restoring(self._file)
        process.join(self._random.uniform(0, self._takes_s))
        self._disturbances[victim](process)
        status = archiving.ended(process)
        self._settle()
        meanwhile.is_restoring = False
        self._ledger.require(
            status not in {None, BROKEN},
            f"with {victim} disturbed, a restore ended with {status}: {self._archive.fault()}",
        )
        found = self._contents()
        mixed = self._mixed(found, broken)
        self._ledger.require(
            found in (broken, self._backed_up), f"with {victim} disturbed, a mixture of old and new: {mixed}"
        )
        self._ledger.require(status != DONE or found == self._backed_up, "a restore that was done is not")
        self._ledger.require(
            self._trail(trail[0]) == trail, f"with {victim} disturbed, the trail was changed"
        )
        self.done += found == self._backed_up
        self.undone += found == broken
        if status != DONE:
            self.insist(meanwhile)

    def insist(self, meanwhile: Meanwhile) -> None:
        """Restore when nobody disturbs it: at once, or soon."""
        started, meanwhile.is_restoring = monotonic(), True
        while (status := archiving.ended(self._archive.restoring(self._file))) != DONE:
            if monotonic() - started > FREED_S:
                self._ledger.require(False, f"no restore is done {FREED_S:g} s after a death: {status}")
                return
        meanwhile.is_restoring = False
        self.waits.append(monotonic() - started)
        self._ledger.require(self._contents() == self._backed_up, "a restore that was done is not")

    def _break(self) -> dict[str, Any]:
        self._number += 1
        with psycopg.connect(self._archive.place.owner_url) as owner:
            owner.execute(BREAK.format(number=self._number).encode())
        return self._contents()

    def _contents(self) -> dict[str, Any]:
        """What every table but the trail holds, read at one moment."""
        with psycopg.connect(self._archive.place.owner_url) as owner:
            owner.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET LOCAL TimeZone = 'UTC'")
            return {
                table.name: owner.execute(
                    _CONTENTS.format(
                        _COMPARED.get(table.name, f"SELECT t::text FROM public.{table.name} t")  # noqa: S608
                    ).encode()
                ).fetchone()
                for table in registry.all_tables()
                if not table.append_only
            }

    def _mixed(self, found: dict[str, Any], broken: dict[str, Any]) -> list[str]:
        return [name for name in found if found[name] not in (broken[name], self._backed_up[name])]

    def _trail(self, last: int | None = None) -> tuple[int, Any]:
        """The trail up to a row, or up to its last that no earlier one can follow."""
        read = self._archive.place.read
        if last is None:
            with self._archive.place.locking("LOCK TABLE public.audit_logs IN SHARE MODE"):
                ((last,),) = read("SELECT coalesce(max(id), 0) FROM public.audit_logs")
        return last, read(_TRAIL, last)

    def _settle(self) -> None:
        """Wait until the server has noticed that who restored is dead."""
        with psycopg.connect(self._archive.place.owner_url) as owner:
            owner.execute("SET lock_timeout = '20s'; LOCK TABLE app.restore_gate IN ACCESS EXCLUSIVE MODE")


def _nothing() -> None:
    """Do nothing in a process of its own."""


@contextmanager
def _working(place: Place, ledger: Ledger, seed: int) -> Iterator[Meanwhile]:
    """Read, write and lock all the while, through every death of the server."""
    meanwhile = Meanwhile()
    works = (_read, _read, _write, _Locking(place, seed))
    threads = [threading.Thread(target=_forever, args=(place, work, meanwhile, ledger)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield meanwhile
    finally:
        meanwhile.stop.set()
        for thread in threads:
            thread.join()


def _forever(
    place: Place, work: Callable[[Actor, Meanwhile, Ledger], None], meanwhile: Meanwhile, ledger: Ledger
) -> None:
    account = auth.by_name(place.username)
    while not meanwhile.stop.is_set():
        try:
            work(Actor(account.read(), Channel.COMMAND), meanwhile, ledger)
        except (Error, psycopg.Error, Refused) as fault:
            meanwhile.done[f"refused ({getattr(fault, 'code', type(fault).__name__)})"] += 1
            connection.close()
            meanwhile.stop.wait(0.05)
        except Exception as fault:  # noqa: BLE001 - told, whatever it is
            ledger.require(False, f"somebody who worked meanwhile ended: {fault!r}")
            return
        meanwhile.stop.wait(0.01)
    connection.close()


def _read(actor: Actor, meanwhile: Meanwhile, ledger: Ledger) -> None:
    started, is_restoring = monotonic(), meanwhile.is_restoring
    page = query_records(actor=actor, table=BOOKS, columns=["title"], limit=100)
    is_restoring = is_restoring and meanwhile.is_restoring
    meanwhile.slowest_s[is_restoring] = max(meanwhile.slowest_s[is_restoring], monotonic() - started)
    titles = {record["title"] for record in page.records}
    ledger.require(
        len(titles) == 1 and len(page.records) == BOOKS_OF_RUN,
        f"a reader saw {len(page.records)} books: {titles}",
    )
    meanwhile.done["reads"] += 1


def _write(actor: Actor, meanwhile: Meanwhile, ledger: Ledger) -> None:
    insert_record(actor=actor, table=AUTHORS, data={"name": NEW})
    meanwhile.written += 1
    meanwhile.done["writes"] += 1


class _Locking:
    """Locks a book, thinks, and changes it."""

    def __init__(self, place: Place, seed: int) -> None:
        self._url, self._random = place.app_url, Random(f"{seed} locks")  # noqa: S311

    def __call__(self, actor: Actor, meanwhile: Meanwhile, ledger: Ledger) -> None:
        with psycopg.connect(self._url) as own:
            at = self._random.randrange(BOOKS_OF_RUN)
            (key,) = own.execute(
                "SELECT id FROM public.books ORDER BY id OFFSET %s LIMIT 1 FOR UPDATE", [at]
            ).fetchone() or (None,)
            meanwhile.stop.wait(self._random.uniform(0, 0.1))
            own.execute("UPDATE public.books SET description = 'locked' WHERE id = %s", [key])
        meanwhile.done["SELECT … FOR UPDATE"] += 1


def _check(place: Place, ledger: Ledger, meanwhile: Meanwhile) -> None:
    """What must hold in the end."""
    ledger.figures["meanwhile"] = ", ".join(
        f"{count:,} {what}" for what, count in sorted(meanwhile.done.items())
    )
    quiet, restoring = meanwhile.slowest_s[False], meanwhile.slowest_s[True]
    ledger.figures["slowest read"] = f"{restoring:.2f} s during a restore, {quiet:.2f} s otherwise"
    ledger.require(restoring <= WAIT_S + quiet, f"a reader waited {restoring:.1f} s for a restore")
    told = place.read(
        "SELECT count(*) FROM public.audit_logs WHERE operation = 'INSERT' AND success AND table_name = 'authors'"
    )[0][0]
    ledger.require(
        told >= meanwhile.written, f"{meanwhile.written} inserts were answered, the trail has {told}"
    )
    since = place.read(
        "SELECT count(*) FROM public.audit_logs WHERE operation = 'INSERT' AND success AND table_name = 'authors'"
        " AND timestamp > (SELECT max(started_at) FROM app.audit_epoch)"
    )
    there = place.read("SELECT count(*) FROM public.authors WHERE name = %s", NEW)
    ledger.require(there == since, f"since the last restore {since} were inserted, and {there} are there")
    with psycopg.connect(place.owner_url, autocommit=True) as owner:
        switching.sweep(owner)
        scratch.sweep(owner)
    left = place.read(
        "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'before_restore_')"
        " UNION ALL SELECT datname FROM pg_database WHERE starts_with(datname, 'scratch_')"
    )
    ledger.require(left == [], f"left behind: {left}")
