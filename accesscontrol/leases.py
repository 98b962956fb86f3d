"""What this process knows of callers: the permits that it holds for them, and what they owe."""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple

from django.conf import settings

from accesscontrol import addresses
from accesscontrol.actor import CREDENTIAL, Actor
from accesscontrol.buckets import Draw, Drawn
from accesscontrol.limits import Cost, Limit, Whose, Work

LEASE_S: Final = 2.0  # then what is left is lost
MAX_LEASE: Final = 64
MUCH_OF_LIMIT: Final = 0.01  # is told at once, unless that is less than this
MUCH: Final[Mapping[Cost, float]] = {Cost.ROWS: 1_000, Cost.SECONDS: 0.25}
MAX_CALLERS: Final = 10_000

_FOR_S: Final = 0.25  # of a caller's present pace that a lease is meant for


class Level(NamedTuple):
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
        passed = now - self.since
        found = zip(self.draws, self.drawn.ahead, strict=True)
        return tuple(
            [Level(draw.limit, max(0.0, ahead - passed - self.left * draw.step_s)) for draw, ahead in found]
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


class Caller(NamedTuple):
    """Whose limits count: of the key or token that a program came with, of its user, of the address."""

    credential: str | None
    user: int | None
    ip: str | None
    channel: str

    @classmethod
    def of(cls, actor: Actor) -> Caller:
        """This function will return who an actor is to limits."""
        info = actor.client_info
        credential = next((f"{kind} {info[kind]}" for kind in CREDENTIAL if kind in info), None)
        return cls(credential, actor.user.pk if actor.user else None, info.get("ip"), actor.channel)

    def names(self) -> Iterator[tuple[Whose, str]]:
        """This function will yield the names by which the buckets know the caller."""
        if self.credential:
            yield Whose.KEY, f"key:{self.credential}"
        if self.user is not None:
            yield Whose.USER, f"user:{self.user}"
        if self.ip:
            yield Whose.ADDRESS, f"address:{addresses.network(self.ip)} {self.channel}"


class Account:
    """One caller: the limits as they were when they came, permits, and what they owe."""

    def __init__(self, caller: Caller) -> None:
        limits = settings.RATE_LIMITS
        found = [
            (name, limits.get((whose, kind))) for whose, name in caller.names() for kind in (*Work, *Cost)
        ]
        draws = [Draw(name, limit) for name, limit in found if limit]
        self.costs = [draw for draw in draws if not draw.price]
        self._cost_limits = [_of_cost(draw.limit) for draw in self.costs]
        self.draws = {
            work: [
                *(draw for draw in draws if draw.limit.kind is work),
                *(() if work is Work.LOGIN else self.costs),
            ]
            for work in Work
        }
        self.leases: dict[Work, Lease] = {}
        self.owed: dict[Work | Cost, float] = {}

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
        left = before.left if before and before.holds(lease.since) else 0
        if lease.drawn.permits or not left:
            lease.left += left
            self.leases[work] = lease

    def owe(self, costs: Mapping[Cost, float]) -> bool:
        """This function will add up what the caller owes, and say whether that is much by now."""
        is_much = False
        for cost, amount, much in self._cost_limits:
            owed = self.owed[cost] = self.owed.get(cost, 0.0) + min(costs[cost], amount)
            is_much = is_much or owed >= much
        return is_much

    def find_out(self, drawn: Drawn) -> None:
        """This function will heed what the buckets of costs say: who owes too much has no permits any more."""
        if any(ahead >= draw.limit.period_s for draw, ahead in zip(self.costs, drawn.ahead, strict=True)):
            self.leases.clear()  # the next request asks anew

    def settle(self) -> Mapping[Work | Cost, float]:
        """This function will return what the caller owes, and forget it."""
        owed, self.owed = self.owed, {}
        return owed


def _of_cost(limit: Limit) -> tuple[Cost, int, float]:
    """A cost, as how much of it one request counts at most, and how much is told to the buckets at once."""
    cost = Cost(limit.kind)
    return cost, limit.amount, max(MUCH[cost], limit.amount * MUCH_OF_LIMIT)


class Accounts:
    """The callers who came last. Whoever uses one holds the lock."""

    def __init__(self) -> None:
        self.forget()
        os.register_at_fork(after_in_child=self.forget)  # a permit is spent once

    def forget(self) -> None:
        """This function will forget everything."""
        self.lock = Lock()
        self._found: OrderedDict[Caller, Account] = OrderedDict()

    def of(self, actor: Actor) -> Account:
        """This function will return what is known of a caller."""
        caller = Caller.of(actor)
        account = self._found.get(caller)
        if account is None:
            account = self._found[caller] = Account(caller)
            if len(self._found) > MAX_CALLERS:
                self._found.popitem(last=False)
        else:
            self._found.move_to_end(caller)
        return account
