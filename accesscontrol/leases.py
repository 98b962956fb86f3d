"""What this process knows of callers: the permits that it holds for them, and what they owe."""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from accesscontrol.buckets import Draw, Drawn
from accesscontrol.limits import Cost, Limit, Work

Caller = tuple[str, ...]  # the names of whose limits are asked

LEASE_S: Final = 2.0  # then what is left is lost
MAX_LEASE: Final = 16
MUCH: Final[Mapping[Cost, float]] = {
    Cost.ROWS: 1_000,
    Cost.SECONDS: 0.25,
}  # that waits for no further request
MAX_CALLERS: Final = 10_000

_FOR_S: Final = 0.25  # of a caller's present pace that a lease is meant for


@dataclass(frozen=True)
class Level:
    """How full the bucket of a limit is."""

    limit: Limit
    full_in_s: float

    @property
    def left(self) -> int:
        """How much can be had at once."""
        return max(0, math.floor((self.limit.period_s - self.full_in_s) / self.limit.unit_s + 0.01))

    @property
    def full_in_whole_s(self) -> int:
        """In how many seconds all of it can be had again."""
        return math.ceil(self.full_in_s)


@dataclass
class Lease:
    """Permits for one kind of work; without any, the knowledge that there are none."""

    draws: Sequence[Draw]
    drawn: Drawn
    since: float
    left: int

    def holds(self, now: float) -> bool:
        """This function will say whether what is known is still good."""
        return now - self.since < (LEASE_S if self.drawn.permits else min(LEASE_S, self.wait_s(self.since)))

    def next_size(self, now: float) -> int:
        """This function will return of how many permits the next lease should be: twice as many at most."""
        size = self.drawn.permits
        pace = (size - self.left) / max(now - self.since, 0.001)
        return max(1, min(int(pace * _FOR_S), 2 * size, MAX_LEASE))

    def levels(self, now: float) -> tuple[Level, ...]:
        """This function will return the levels of the limits, what is left of the lease being the caller's."""
        return tuple(
            Level(draw.limit, max(0.0, ahead - (now - self.since) - self.left * draw.step_s))
            for draw, ahead in zip(self.draws, self.drawn.ahead, strict=True)
        )

    def wait_s(self, now: float) -> float:
        """This function will return how long the caller has to wait for a permit."""
        return max(_wait_s(draw, level) for draw, level in zip(self.draws, self.levels(now), strict=True))

    def empty(self, now: float) -> Level:
        """This function will return the level for which the caller waits longest."""
        found = zip(self.draws, self.levels(now), strict=True)
        return max(found, key=lambda pair: _wait_s(*pair))[1]


def _wait_s(draw: Draw, level: Level) -> float:
    return level.full_in_s + draw.step_s - level.limit.period_s


@dataclass
class Account:
    """One caller."""

    leases: dict[Work, Lease] = field(default_factory=dict)
    owed: dict[Work | Cost, float] = field(default_factory=dict)

    def spend(self, work: Work, now: float) -> Lease | None:
        """This function will spend a permit of a lease, or find that there are none; None where nothing is known."""
        lease = self.leases.get(work)
        if lease is None or not lease.holds(now) or (lease.drawn.permits and not lease.left):
            return None
        lease.left = max(0, lease.left - 1)
        return lease

    def next_size(self, work: Work, now: float) -> int:
        """This function will return of how many permits the next lease should be."""
        return self.leases[work].next_size(now) if work in self.leases else 1

    def put(self, work: Work, lease: Lease) -> None:
        """This function will keep a lease, with what is left of one that another thread has got meanwhile."""
        before = self.leases.get(work)
        if before and lease.drawn.permits and before.holds(lease.since):
            lease.left += before.left
        self.leases[work] = lease

    def owe(self, costs: Mapping[Work | Cost, float]) -> None:
        """This function will add up what the caller owes."""
        for cost, much in costs.items():
            self.owed[cost] = self.owed.get(cost, 0.0) + much

    def owes_much(self) -> bool:
        """This function will say whether what the caller owes waits for no further request."""
        return any(self.owed.get(cost, 0.0) >= much for cost, much in MUCH.items())

    def settle(self) -> Mapping[Work | Cost, float]:
        """This function will return what the caller owes, and forget it."""
        owed, self.owed = self.owed, {}
        return owed


class Accounts:
    """The callers who came last. Whoever uses one holds the lock."""

    def __init__(self) -> None:
        self.forget()
        os.register_at_fork(after_in_child=self.forget)  # a permit is spent once

    def forget(self) -> None:
        """This function will forget everything."""
        self.lock = Lock()
        self._found: OrderedDict[Caller, Account] = OrderedDict()

    def of(self, caller: Caller) -> Account:
        """This function will return what is known of a caller."""
        account = self._found.setdefault(caller, Account())
        self._found.move_to_end(caller)
        if len(self._found) > MAX_CALLERS:
            self._found.popitem(last=False)
        return account
