"""Refusals of who is unknown, and of who comes too often: counted, so that an attacker can't fill the trail.

Those of one minute are counted by address; where they are of somebody known who comes too often, by user too. The first
of a minute is written at once, the rest as one row with `record_count` when the minute is over and the next refusal,
or a reader of the trail, comes. A count waits for no disk.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from accesscontrol import addresses
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import RateLimited, Refused
from audit import trail
from audit.models import RepeatedRefusal
from audit.trail import Entry

_COUNT = """
INSERT INTO audit_repeatedrefusal AS r (operation, error_code, address, user_id, channel, minute, count)
VALUES (%s, %s, %s, %s, %s, %s, 1)
ON CONFLICT (operation, error_code, address, user_id, minute) DO UPDATE SET count = r.count + 1
RETURNING r.count, CASE WHEN r.count > 1 THEN set_config('synchronous_commit', 'off', true) END
"""
_IS_ANY_OVER = "SELECT EXISTS (SELECT FROM audit_repeatedrefusal WHERE minute < %s)"


@transaction.atomic
def record(actor: Actor, operation: str, refusal: Refused) -> None:
    """This function will write a refusal, or count it where the same address or user had one this minute."""
    flush()
    address = addresses.network(str(actor.client_info.get("ip") or ""))
    user = str(trail.storable(actor.username or "")) if isinstance(refusal, RateLimited) else ""
    minute = _minute(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [operation, refusal.code, address, user, str(actor.channel), minute])
        count, _ = cursor.fetchone()
    if count == 1:
        entry = Entry(actor, operation, success=False, error_code=refusal.code, error_message=refusal.message)
        entry.record_count = 1
        trail.record(entry)


def flush() -> None:
    """This function will write one row for what was counted in each minute that is over."""
    now = _minute(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_IS_ANY_OVER, [now])  # of every look at the trail: hardly ever is there something
        (is_any,) = cursor.fetchone()
    if is_any:
        _write_before(now)


@transaction.atomic
def _write_before(now: datetime) -> None:
    over = RepeatedRefusal.objects.filter(minute__lt=now).select_for_update(skip_locked=True)
    for counted in list(over):
        if counted.count > 1:
            trail.record(
                Entry(
                    _who(counted),
                    counted.operation,
                    success=False,
                    error_code=counted.error_code,
                    error_message=f"{counted.count - 1} more in the minute of {counted.minute:%Y-%m-%d %H:%M} UTC.",
                    record_count=counted.count - 1,
                )
            )
        counted.delete()


def _who(counted: RepeatedRefusal) -> Actor:
    """Who was refused, by their name of then and their address, as far as they are known."""
    user = User(username=counted.user_id) if counted.user_id else None
    return Actor(user, Channel(counted.channel), {"ip": counted.address} if counted.address else {})


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
