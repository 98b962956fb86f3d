"""Threads and agents that read, write, batch and undo at once: is all of it audited, and does nothing grow?"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from statistics import median
from time import monotonic

from mcp_bridge import auth
from soak import invariants
from soak.callers import Agent, Caller, Direct, program
from soak.ledger import Ledger
from soak.places import Place
from soak.work import Mix, settle, work

THREADS = 3
SAMPLE_S = 0.5
GROWTH_MB, GROWTH = 25, 1.15  # what the memory of a server may grow by from the second quarter to the last
CONNECTIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def run(place: Place, *, seconds: float, seed: int, agents: int = 2) -> Ledger:
    """This function will let threads of this process and agents work for so long, and watch the agents' servers."""
    ledger = Ledger()
    direct = Direct(auth.by_name(place.username))
    known = settle(direct, ledger, seed)
    memory: list[float] = []
    connections: list[float] = []
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
            memory.append(max(agent.resident_mb() for agent in serving))
            connections.append(float(place.read(CONNECTIONS)[0][0]))
        for done in working:
            done.result()
    ledger.figures["memory of a server, MB"] = _told(memory)
    ledger.figures["connections"] = _told(connections)
    before, after = _second_quarter(memory), _last_quarter(memory)
    ledger.require(
        after <= max(before * GROWTH, before + GROWTH_MB), f"the memory of a server grew: {_told(memory)}"
    )
    ledger.require(
        _last_quarter(connections) <= max(connections[: len(connections) // 2]) + 1,
        f"the connections grew: {_told(connections)}",
    )
    invariants.check(place, ledger)
    invariants.check_calls(place, ledger)
    return ledger


def _second_quarter(samples: Sequence[float]) -> float:
    return median(samples[len(samples) // 4 : len(samples) // 2])


def _last_quarter(samples: Sequence[float]) -> float:
    return median(samples[3 * len(samples) // 4 :])


def _told(samples: Sequence[float]) -> str:
    before, after = _second_quarter(samples), _last_quarter(samples)
    return (
        f"{before:.0f} in the second quarter of the time, {after:.0f} in the last, {max(samples):.0f} at most"
    )
