"""Where the buckets are that all processes share: in PostgreSQL, or in Redis where RATE_LIMIT_URL names one.

One round trip looks at all the buckets of a caller and takes from all of them or from none. The clock is the store's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import connection

from accesscontrol.limits import Limit, Work

_TAKE: Final = "SELECT bucket, granted, ahead FROM app.take_rate(%s, %s, %s, %s, %s, %s)"  # migration 0011
_FORGET: Final = "SELECT app.forget_full_rates()"
_REDIS_TIMEOUT_S: Final = 0.5
_REDIS_REST_S: Final = 5.0  # after a failure, so that a Redis that is away holds up one request and not all

# What app.take_rate does. A bucket that is full is none, and goes by itself.
_SCRIPT: Final = """
local seconds = redis.call('TIME')
local moment = seconds[1] + seconds[2] / 1e6
local wanted, permits = tonumber(ARGV[1]), math.huge
local ahead, answer = {}, {}
for i, name in ipairs(KEYS) do
    local unit, period, price, charge = unpack(ARGV, 4 * i - 2, 4 * i + 1)
    local most = period * (tonumber(price) == 0 and 6 or 1)
    local late = math.max(0, (tonumber(redis.call('GET', name)) or 0) - moment)
    ahead[i] = math.max(0, math.min(late, most) + charge * unit)
    local step = price * unit
    if step > 0 then
        permits = math.min(permits, math.floor((period - ahead[i]) / step + 0.01))
    elseif ahead[i] >= tonumber(period) then
        permits = 0
    end
end
permits = permits < 1 and 0 or math.min(wanted, math.max(1, math.floor(permits / 8)))
for i, name in ipairs(KEYS) do
    local unit, price = ARGV[4 * i - 2], ARGV[4 * i]
    ahead[i] = ahead[i] + permits * price * unit
    if ahead[i] > 0 then
        redis.call('SET', name, string.format('%.6f', moment + ahead[i]), 'PX', math.ceil(ahead[i] * 1000))
    else
        redis.call('DEL', name)
    end
    answer[i] = string.format('%.6f', ahead[i])
end
return {permits, answer}
"""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Draw:
    """What is wanted of one bucket: a permit takes one of a kind of work, and of a cost nothing.

    What costs are for is only had while their bucket isn't empty.
    """

    name: str  # whose: a key's, a user's, an address's
    limit: Limit
    charge: float = 0.0  # what is owed from before, and taken whatever becomes of this

    @cached_property
    def bucket(self) -> str:
        """The name of the bucket."""
        return f"{self.name} {self.limit.kind}"

    @cached_property
    def price(self) -> int:
        """What a permit takes."""
        return int(isinstance(self.limit.kind, Work))

    @cached_property
    def step_s(self) -> float:
        """By how much a permit puts off that the bucket is full."""
        return self.price * self.limit.unit_s


@dataclass(frozen=True)
class Drawn:
    """How many permits were had, and in how many seconds each bucket is full again, in the order of the draws."""

    permits: int
    ahead: tuple[float, ...]


def take(draws: Sequence[Draw], wanted: int) -> Drawn:
    """This function will take permits, as many as wanted or fewer, from all the buckets, or from none.

    It commits by itself, at once: a transaction around it is none of its business, and it holds no lock longer.

    :raises django.db.Error: the buckets are in PostgreSQL, which can't be asked
    """
    if settings.RATE_LIMIT_URL and time.monotonic() >= _rest.until:
        from redis import RedisError  # noqa: PLC0415 - few have one: other programs start without

        try:
            return _take_from_redis(draws, wanted)
        except RedisError as error:
            _rest.until = time.monotonic() + _REDIS_REST_S
            logger.warning("rate_limits_without_redis", reason=type(error).__name__, for_s=_REDIS_REST_S)
    return _take_from_postgresql(draws, wanted)


def forget_full() -> int:
    """This function will delete the buckets that are full, and return how many those were."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)
        return int(cursor.fetchone()[0])


def _take_from_postgresql(draws: Sequence[Draw], wanted: int) -> Drawn:
    arguments: list[Any] = [
        [draw.bucket for draw in draws],
        [draw.limit.unit_s for draw in draws],
        [float(draw.limit.period_s) for draw in draws],
        [draw.price for draw in draws],
        [float(draw.charge) for draw in draws],
        wanted,
    ]
    apart = connection.copy() if connection.in_atomic_block else None
    try:
        with (apart or connection).cursor() as cursor:
            cursor.execute(_TAKE, arguments)
            found = {bucket: (granted, ahead) for bucket, granted, ahead in cursor.fetchall()}
    finally:
        if apart:
            apart.close()
    permits = next(granted for granted, _ahead in found.values())
    return Drawn(permits, tuple(found[draw.bucket][1] for draw in draws))


def _take_from_redis(draws: Sequence[Draw], wanted: int) -> Drawn:
    arguments: list[Any] = [wanted]
    for draw in draws:
        arguments += [draw.limit.unit_s, draw.limit.period_s, draw.price, draw.charge]
    script = _script(settings.RATE_LIMIT_URL)
    permits, ahead = script(keys=[f"rate:{draw.bucket}" for draw in draws], args=arguments)
    return Drawn(int(permits), tuple(float(seconds) for seconds in ahead))


@cache
def _script(url: str) -> Any:
    """The script, in a client of this process; the client opens connections as threads need them."""
    from redis import Redis  # noqa: PLC0415 - as above
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    client = Redis.from_url(
        url,
        socket_timeout=_REDIS_TIMEOUT_S,
        socket_connect_timeout=_REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 1),  # a connection may have been closed while it rested
    )
    return client.register_script(_SCRIPT)


@dataclass
class _Rest:
    """Until when this process leaves Redis alone."""

    until: float = 0.0


_rest = _Rest()
