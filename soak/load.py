"""Threads and agents that read, write, batch and undo at once: is all of it audited, and does nothing grow?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from time import monotonic

from mcp_bridge import auth
from soak import invariants
from soak.callers import Agent, Caller, Direct, program
from soak.growth import Watch
from soak.ledger import Ledger
from soak.places import Place
from soak.work import Mix, settle, work

THREADS = 3
SAMPLE_S = 0.5


def run(place: Place, *, seconds: float, seed: int, agents: int = 2) -> Ledger:
    """This function will let threads of this process and agents work for so long, and watch the agents' servers."""
    ledger = Ledger()
    direct = Direct(auth.by_name(place.username))
    known = settle(direct, ledger, seed)
    watch = Watch()
    with ExitStack() as stack, ThreadPoolExecutor(THREADS + agents) as threads:
        serving = [
            stack.enter_context(Agent(program(place.username, place.environment()))) for _ in range(agents)
        ]
        for agent in serving:
            agent.greet()
        callers: list[Caller] = [*[direct] * THREADS, *serving]
        mixes = [Mix(f"caller {number}", seed, known) for number in range(len(callers))]
        until = monotonic() + seconds
        working = [
            threads.submit(work, caller, mix, mix.any, ledger, until)
            for caller, mix in zip(callers, mixes, strict=True)
        ]
        while wait(working, SAMPLE_S).not_done:
            watch.look(place, max(agent.resident_mb() for agent in serving))
        for done in working:
            done.result()
    watch.judge(ledger, "a server")
    invariants.check(place, ledger)
    invariants.check_calls(place, ledger)
    return ledger
