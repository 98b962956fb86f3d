"""PostgreSQL killed in the middle of batches, again and again; the application stays, and asks again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from random import Random
from time import monotonic

from config.cluster import Cluster
from mcp_bridge import auth
from soak import invariants, places
from soak.callers import PATIENCE_S, Direct
from soak.ledger import REPEATED, Call, Ledger
from soak.places import Place
from soak.work import Mix, settle, work

THREADS = 4
LIFE_S = (0.2, 2.0)  # of a server that answers again


def run(cluster: Cluster, place: Place, *, seconds: float, seed: int) -> Ledger:
    """This function will kill the server for so long; `place` is in it, and Django is turned to it."""
    ledger = Ledger()
    random = Random(seed)  # noqa: S311 - for moments, not for secrets
    direct = Direct(auth.by_name(place.username))
    known = settle(direct, ledger, seed)
    mixes = [Mix(f"caller {number}", seed, known) for number in range(THREADS)]
    until = monotonic() + seconds
    outages: list[float] = []
    with ThreadPoolExecutor(THREADS) as threads:
        working = [threads.submit(work, direct, mix, mix.batch, ledger, until) for mix in mixes]
        while monotonic() < until:
            wait(working, random.uniform(*LIFE_S))
            places.kill(cluster)
            cluster.start()
            outages.append(_until_answered(direct, ledger))
        for done in working:
            done.result()
    ledger.figures["kills of the server"] = len(outages)
    ledger.figures["from its start to the next answer"] = f"{max(outages):.1f} s at most"
    ledger.require(ledger.codes["UNAVAILABLE"] > 0, "nobody was in the middle of anything")
    invariants.check(place, ledger)
    return ledger


def _until_answered(direct: Direct, ledger: Ledger) -> float:
    """How long it takes, with the server back, until a call is answered."""
    started = monotonic()
    call = Call("db_list_tables", {})
    while ledger.note(call, direct(call.tool, call.arguments)) in REPEATED:
        if monotonic() > started + PATIENCE_S:
            ledger.require(False, "the application did not come back")
            break
    return monotonic() - started
