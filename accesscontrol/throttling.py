"""One limiter for all faces: how many requests, and how much work, of each key, user and address.

The buckets are shared by all processes (see buckets). A process takes a few permits at a time for a caller who comes
often, and spends them without asking: a lease. It is for what the caller's present pace needs in a quarter of a
second, ends after two, and is of one permit where a bucket is nearly empty. So no more is ever let in than the limits
say; what one process has leased and not spent may be missing in another for that long.

What requests turn out to cost is added up here, and told to the shared buckets with the next permits or, once it is
much, at once: a hundredth of the limit. These buckets may owe: whoever owes waits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Final

import structlog
from django.db import Error, connection

from accesscontrol import buckets
from accesscontrol.actor import Actor
from accesscontrol.buckets import Draw, Drawn
from accesscontrol.errors import RateLimited
from accesscontrol.leases import Accounts, Lease, Level
from accesscontrol.limits import Cost, Work

_accounts: Final = Accounts()

logger = structlog.get_logger(__name__)


def take(actor: Actor, work: Work) -> tuple[Level, ...]:
    """This function will let a request in, and return the levels of the limits that it counts against.

    :raises RateLimited: the caller has had too much; this request took nothing
    :raises django.db.Error: the shared buckets can't be asked
    """
    now = monotonic()
    with _accounts.lock:
        account = _accounts.of(actor)
        draws = account.draws[work]
        if not draws:
            return ()
        lease = account.spend(work, now)
        if lease is None:
            size, owed = account.next_size(work, now), account.settle()
    if lease is None:
        drawn = _ask(_with(owed, draws), size)
        lease = Lease(draws, drawn, now, max(0, drawn.permits - 1))
        with _accounts.lock:
            account.put(work, lease)
    if not lease.drawn.permits:
        raise _refusal(lease, now)
    return lease.levels(now)


def charge(actor: Actor, seconds: float) -> None:
    """This function will note what a request has cost: its seconds, and the records that its operations counted.

    One request empties a bucket at most: who waits for each answer needn't wait again. It never fails: what was done
    is done.
    """
    with _accounts.lock:
        account = _accounts.of(actor)
        if not account.owe({Cost.ROWS: actor.rows, Cost.SECONDS: seconds}):
            return
        owed = account.settle()
    try:
        drawn = _ask(_with(owed, account.costs), 0)
    except Error:
        logger.warning("work_not_charged", exc_info=True)
        return
    with _accounts.lock:
        account.find_out(drawn)


def attempt(actor: Actor) -> None:
    """This function will count a login, which may fail, against the address that it comes from.

    :raises RateLimited: too many have failed
    """
    take(actor, Work.LOGIN)


def succeed(actor: Actor) -> None:
    """This function will no longer count a login that was attempted, for it hasn't failed."""
    with _accounts.lock:
        draws = _accounts.of(actor).draws[Work.LOGIN]
    if draws:
        _ask([replace(draw, charge=-1) for draw in draws], 0)


def forget() -> None:
    """This function will forget what this process holds for callers."""
    _accounts.forget()


def _with(owed: Mapping[Work | Cost, float], draws: Sequence[Draw]) -> list[Draw]:
    return [replace(draw, charge=owed.get(draw.limit.kind, 0.0)) for draw in draws]


def _ask(draws: Sequence[Draw], wanted: int) -> Drawn:
    """What the shared buckets give; asked once more where the connection turns out to be lost."""
    try:
        return buckets.take(draws, wanted)
    except Error:
        if connection.in_atomic_block or not (connection.connection and connection.connection.closed):
            raise
        connection.close()
        return buckets.take(draws, wanted)


def _refusal(lease: Lease, now: float) -> RateLimited:
    limit, wait_s = lease.empty(now).limit, max(1, math.ceil(lease.wait_s(now)))
    refusal = RateLimited(
        f"The limit {limit.name} is reached: {limit.amount:,} in {limit.period_s:,} s.",
        hint=f"Wait {wait_s} s, then try again, more slowly.",
        limit=limit.name,
        retry_after_s=wait_s,
    )
    refusal.levels = lease.levels(now)
    return refusal
