"""Connections cut at random: in queries, in COMMIT, in an answer, idle; by the network, by PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from random import Random
from time import monotonic

from django.db import connection

from mcp_bridge import auth
from soak import invariants
from soak.callers import Agent, Caller, Direct, program
from soak.ledger import Ledger
from soak.places import Place, databases, turned
from soak.proxy import Cut, Judge, running
from soak.work import Mix, settle, work

THREADS = 3
CUT, CUT_COMMIT = 0.01, 0.1  # how likely, for each message to the server
PAUSE_S = (0.05, 0.5)  # between connections that are cut whatever they do
TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY random() LIMIT 1"
)


def run(place: Place, *, seconds: float, seed: int, agents: int = 1) -> Ledger:
    """This function will cut connections of threads, and of agents' servers, for so long."""
    ledger = Ledger()
    random = Random(seed)  # noqa: S311 - for moments, not for secrets
    direct = Direct(auth.by_name(place.username))
    known = settle(direct, ledger, seed)
    at = connection.settings_dict
    with (
        running(at["HOST"], at["PORT"]) as proxy,
        turned(HOST=str(proxy.folder), PORT="5432", pool={"timeout": 5}),
        ExitStack() as stack,
        ThreadPoolExecutor(THREADS + agents) as threads,
    ):
        served = program(place.username, place.environment(host=str(proxy.folder)))
        serving = [stack.enter_context(Agent(served)) for _ in range(agents)]
        for agent in serving:
            agent.greet()
        callers: list[Caller] = [*[direct] * THREADS, *serving]
        mixes = [Mix(f"caller {number}", seed, known) for number in range(len(callers))]
        proxy.judge_by(_judge(random))
        until = monotonic() + seconds
        working = [
            threads.submit(work, caller, mix, mix.any, ledger, until)
            for caller, mix in zip(callers, mixes, strict=True)
        ]
        ended = 0
        while monotonic() < until:
            wait(working, random.uniform(*PAUSE_S))
            if random.random() < 0.5:
                proxy.cut_one_of(random)
            else:
                ended += len(place.read(TERMINATE))
        proxy.heal()
        for done in working:
            done.result()
        databases.disconnect()
    ledger.figures["connections cut"] = f"{proxy.cuts} by the proxy, {ended} by PostgreSQL"
    ledger.require(proxy.cuts > 0, "nothing was cut")
    invariants.check(place, ledger)
    return ledger


def _judge(random: Random) -> Judge:
    def judge(chunk: bytes) -> Cut | None:
        likely = CUT_COMMIT if b"COMMIT" in chunk else CUT
        return random.choice(list(Cut)) if random.random() < likely else None

    return judge
