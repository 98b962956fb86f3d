"""Whether any moment can be brought back: somebody is told where the receiver or the bases are not in order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from accesscontrol.errors import Refused
from audit import alerts
from backups.pitr import services
from backups.pitr.services import Status

RECEIVER: Final = "receiver_behind"
BASE: Final = "no_recent_base"
BEHIND_BYTES: Final = 64 << 20
BASE_WITHIN: Final = timedelta(hours=26)


def watch(now: datetime) -> list[str]:
    """This function will open or close the alerts about the receiver and the bases, and return what they say."""
    said = dict.fromkeys((RECEIVER, BASE))
    if settings.POINT_IN_TIME:
        try:
            found = services.current()
        except Refused as refusal:
            said[RECEIVER] = f"The server can't be asked what it writes: {refusal.message}"
        else:
            said = {RECEIVER: receiver_behind(found), BASE: no_recent_base(found, now)}
    for kind, message in said.items():
        alerts.tell(kind, message)
    return [message for message in said.values() if message]


def wants_base() -> bool:
    """This function will say whether the receiver is at work, and no base leads to what it receives.

    So it is at first, after a restore, and where the server had to give up what the receiver did not take.

    :raises ReplicationNeeded, Unavailable: the server can't be asked
    """
    found = services.current()
    return found.receiver.is_running and not found.is_current


def receiver_behind(found: Status) -> str | None:
    """This function will say so where the receiver is not at work, or far behind."""
    if not found.receiver.is_running:
        return "Nothing receives what the server writes: since then no moment can be brought back."
    behind = found.receiver.behind_bytes or 0
    if behind > BEHIND_BYTES:
        return f"The receiver is {behind >> 20} MB behind what the server writes."
    return None


def no_recent_base(found: Status, now: datetime) -> str | None:
    """This function will say so where no base leads to now, or the newest is old."""
    if not found.is_current:
        return "There is no base of the server as it is now: what it writes leads on from none."
    newest = found.bases[-1].finished_at
    if now - newest > BASE_WITHIN:
        return f"The newest base is of {newest:%Y-%m-%d %H:%M} UTC, over {BASE_WITHIN // timedelta(hours=1)} hours old."
    return None
