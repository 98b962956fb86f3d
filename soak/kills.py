"""MCP servers killed in the middle of writes, again and again; their agents ask again under the same keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from mcp_bridge import auth
from soak import invariants
from soak.callers import PATIENCE_S, Agent, Direct, fork
from soak.ledger import REPEATED, Call, Ledger
from soak.places import Place
from soak.work import GIVEN_UP, Mix, settle

OPEN = 8  # calls that an agent has open at once: twice what a server runs at once
LIFE_S = (0.01, 1.0)  # of a server that has work
ASKED_AGAIN = 20  # of the writes that were answered, at the end


def run(place: Place, *, seconds: float, seed: int, agents: int = 2) -> Ledger:
    """This function will kill servers for so long, and then let the last ones answer what is still open."""
    ledger = Ledger()
    known = settle(Direct(auth.by_name(place.username)), ledger, seed)
    lanes = [_Lane(place, ledger, Mix(f"lane {number}", seed, known)) for number in range(agents)]
    until = monotonic() + seconds
    with ThreadPoolExecutor(agents) as threads:
        for done in [threads.submit(lane.run, until) for lane in lanes]:
            done.result()
    ledger.figures["servers killed"] = sum(lane.kills for lane in lanes)
    ledger.figures["writes open when killed"] = sum(lane.cut_off for lane in lanes)
    ledger.require(all(lane.kills for lane in lanes), "nothing was killed")
    invariants.check(place, ledger)
    return ledger


class _Lane:
    """One agent, who has one server after the other; the next one starts while this one works."""

    def __init__(self, place: Place, ledger: Ledger, mix: Mix) -> None:
        self.kills = self.cut_off = 0
        self._place, self._ledger, self._mix = place, ledger, mix
        self._open: dict[str, Call] = {}
        self._answered: list[Call] = []
        self._first = self._start()
        self._first.greet()

    def run(self, until: float) -> None:
        """Kill servers until that moment; then let one live."""
        agent = self._first
        while monotonic() < until:
            following = self._start()
            self._work(agent, self._mix.random.uniform(*LIFE_S))
            agent.kill()
            self.kills += 1
            self._lose()
            agent = following
            agent.greet()
        with agent:
            self._settle(agent)

    def _start(self) -> Agent:
        return Agent(fork(self._place.username, self._place.app_url))

    def _work(self, agent: Agent, seconds: float) -> None:
        """Ask what is open again and more, and then more with each answer, for so long."""
        asked = {agent.send(call.tool, call.arguments): call for call in self._open.values()}
        while len(asked) < OPEN:
            asked.update([self._ask(agent)])
        for number, answer in agent.answers(monotonic() + seconds):
            call = asked.pop(number)
            if self._ledger.note(call, answer) not in REPEATED:
                self._close(call)
            self._mix.learn(call, answer)
            asked.update([self._ask(agent)])

    def _ask(self, agent: Agent) -> tuple[int, Call]:
        call = self._mix.write()
        self._open[str(call.key)] = call
        return agent.send(call.tool, call.arguments), call

    def _close(self, call: Call) -> None:
        self._open.pop(str(call.key), None)
        self._answered = [*self._answered[1 - ASKED_AGAIN :], call]

    def _lose(self) -> None:
        """Write down what was open; some of it is never asked again."""
        self.cut_off += len(self._open)
        for key, call in list(self._open.items()):
            self._ledger.lose(call)
            if self._mix.random.random() < GIVEN_UP:
                del self._open[key]

    def _settle(self, agent: Agent) -> None:
        """Ask what is open, and of what was answered some again: the ledger knows whether that is the same."""
        for call in (*self._open.values(), *self._answered):
            deadline = monotonic() + PATIENCE_S
            while self._ledger.note(call, agent(call.tool, call.arguments)) in REPEATED:
                if monotonic() > deadline:
                    self._ledger.require(False, f"{call.key} was never answered")
                    break
