"""Refusals of people unknown: counted by address, so that an attacker can't fill the trail.

The first of a minute is written at once; the rest of that minute are counted, and written as one row
with `record_count` when the minute is over and the next refusal, or a reader of the trail, comes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from django.db import connection, transaction
from django.utils import timezone

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Refused
from audit import trail
from audit.models import RepeatedRefusal
from audit.trail import Entry

_COUNT = """
INSERT INTO audit_repeatedrefusal AS r (operation, error_code, address, channel, minute, count)
VALUES (%s, %s, %s, %s, %s, 1)
ON CONFLICT (operation, error_code, address, minute) DO UPDATE SET count = r.count + 1
RETURNING r.count
"""
_IS_ANY_OVER = "SELECT EXISTS (SELECT FROM audit_repeatedrefusal WHERE minute < %s)"


@transaction.atomic
def record(actor: Actor, operation: str, refusal: Refused) -> None:
    """This function will write a refusal, or count it where the same address had one this minute."""
    flush()
    address = _network(str(actor.client_info.get("ip") or ""))
    minute = _minute(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [operation, refusal.code, address, str(actor.channel), minute])
        (count,) = cursor.fetchone()
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
                    Actor(None, Channel(counted.channel), {"ip": counted.address}),
                    counted.operation,
                    success=False,
                    error_code=counted.error_code,
                    error_message=f"{counted.count - 1} more in the minute of {counted.minute:%Y-%m-%d %H:%M} UTC.",
                    record_count=counted.count - 1,
                )
            )
        counted.delete()


def _network(address: str) -> str:
    """The address, or of IPv6 the /64 that one client has to itself."""
    try:
        version = ip_address(address).version
    except ValueError:
        return address
    return address if version == 4 else str(ip_network(f"{address}/64", strict=False))


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
