"""Locks that others hold for long, batches that wait for each other, and a pool with too few connections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic, sleep

import psycopg
from django.conf import settings

from mcp_bridge import auth
from soak import invariants
from soak.callers import Direct
from soak.ledger import ANSWERED, REPEATED, Call, Ledger
from soak.places import Place, turned
from soak.work import Known, Mix, settle, work

MAX_HELD_S = 60.0
THREADS, FIGHTERS = 4, 2
GRACE_S = 2.0  # beside the time limit itself, on a busy machine
TABLES = ("authors", "books", "chapters", "scenes", "characters", "character_scenes")
LOCK = f"LOCK TABLE {', '.join(f'public.{table}' for table in TABLES)} IN EXCLUSIVE MODE"  # reads pass
FEW = 6  # scenes that batches fight for
POOL = {"min_size": 1, "max_size": 2, "timeout": 0.1}
THREADS_FOR_POOL = 12
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def run(place: Place, *, seconds: float, seed: int) -> Ledger:
    """This function will hold a lock for half of the time, a minute at most, and share the rest among the others."""
    held_s = min(MAX_HELD_S, seconds / 2)
    others_s = (seconds - held_s) / 2
    run_ = _Run(place, seed)
    run_.hold(held_s)
    run_.deadlock(others_s)
    invariants.check_calls(place, run_.ledger)
    run_.exhaust(others_s)  # where some refusals can't be written into the trail
    invariants.check(place, run_.ledger)
    return run_.ledger


class _Run:
    def __init__(self, place: Place, seed: int) -> None:
        self.ledger = Ledger()
        self._place, self._seed = place, seed
        self._direct = Direct(auth.by_name(place.username))
        self._known: Known = settle(self._direct, self.ledger, seed)

    def _mix(self, name: str) -> Mix:
        return Mix(name, self._seed, self._known)

    def _ask(self, call: Call) -> tuple[str, float]:
        started = monotonic()
        answer = self._direct(call.tool, call.arguments)
        seconds = monotonic() - started
        return self.ledger.note(call, answer, seconds), seconds

    def hold(self, seconds: float) -> None:
        """Hold locks for so long: writes are refused in time, reads are not held up, and all goes on afterwards."""
        with ThreadPoolExecutor(THREADS + 1) as threads, self._place.locking(LOCK):
            until = monotonic() + seconds
            writing = [
                threads.submit(self._write_in_vain, self._mix(f"waiter {n}"), until) for n in range(THREADS)
            ]
            slowest_read_s = threads.submit(self._read, self._mix("reader"), until).result()
            refused = [call for done in writing for call in done.result()]
        for call in refused:
            code, _ = self._ask(call)
            self.ledger.require(
                code not in REPEATED, f"{call.key} was refused ({code}) after the locks were gone"
            )
        self.ledger.figures[f"a lock held for {seconds:.0f} s"] = (
            f"{len(refused)} writes refused within {self.ledger.slowest_s:.2f} s"
            f" (limit {settings.LOCK_TIMEOUT_S} s), done later; slowest read {slowest_read_s:.2f} s"
        )
        self.ledger.require(len(refused) >= THREADS, "hardly anybody waited")

    def _write_in_vain(self, mix: Mix, until: float) -> list[Call]:
        """Write until that moment, and return what was refused because of the locks."""
        refused: list[Call] = []
        while monotonic() < until - settings.LOCK_TIMEOUT_S - GRACE_S or not refused:
            call = mix.write()
            code, seconds = self._ask(call)
            in_time = seconds < settings.LOCK_TIMEOUT_S + GRACE_S
            self.ledger.require(in_time, f"{call.key} waited {seconds:.1f} s")
            self.ledger.require(code != ANSWERED, f"{call.key} was done in spite of the lock")
            if code == "TIMEOUT":
                refused.append(call)
        return refused

    def _read(self, mix: Mix, until: float) -> float:
        """Read until that moment, and return how long the slowest took."""
        slowest_s = 0.0
        while monotonic() < until:
            call = mix.read()
            code, seconds = self._ask(call)
            self.ledger.require(code not in REPEATED, f"{call.tool} was refused ({code}) because of a lock")
            slowest_s = max(slowest_s, seconds)
        return slowest_s

    def deadlock(self, seconds: float) -> None:
        """Let batches lock the same few records, each in an order of its own, and another program too, for so long."""
        ((before,),) = self._place.read(DEADLOCKS)
        until = monotonic() + seconds
        few = self._known.roots["scenes"][:FEW]
        with ThreadPoolExecutor(FIGHTERS + 1) as threads:
            mixes = [self._mix(f"fighter {number}") for number in range(FIGHTERS)]
            working = [
                threads.submit(work, self._direct, mix, partial(mix.in_any_order, few), self.ledger, until)
                for mix in mixes
            ]
            ended = threads.submit(self._lock_backwards, few, until).result()
            for done in working:
                done.result()
        ((after,),) = self._place.read(DEADLOCKS)
        self.ledger.figures["deadlocks"] = f"{after - before}, {ended} of them ended the other program"
        self.ledger.require(after > before, "there was no deadlock")

    def _lock_backwards(self, few: list[int], until: float) -> int:
        """Be a program that knows nothing of ours; return how often PostgreSQL ended what it did."""
        ended = 0
        while monotonic() < until:
            try:
                with psycopg.connect(self._place.owner_url) as other:
                    for key in reversed(few):
                        other.execute("SELECT FROM public.scenes WHERE id = %s FOR UPDATE", [key])
                        sleep(0.01)
            except psycopg.errors.DeadlockDetected:
                ended += 1
        return ended

    def exhaust(self, seconds: float) -> None:
        """Let many more call than there are connections, for so long: each is answered in time, and all goes on."""
        before = self.ledger.codes["UNAVAILABLE"]
        until = monotonic() + seconds
        with turned(pool=POOL), ThreadPoolExecutor(THREADS_FOR_POOL) as threads:
            mixes = [self._mix(f"guest {number}") for number in range(THREADS_FOR_POOL)]
            for done in [
                threads.submit(work, self._direct, mix, mix.batch, self.ledger, until) for mix in mixes
            ]:
                done.result()
        refused = self.ledger.codes["UNAVAILABLE"] - before
        self.ledger.figures["refused for want of a connection"] = refused
        self.ledger.require(refused > 0, "there were connections for all")
        code, _ = self._ask(
            self._mix("last guest").keyed("db_insert_record", table="authors", data={"name": "Last"})
        )
        self.ledger.require(code == ANSWERED, f"with connections for all, a call was refused ({code})")
