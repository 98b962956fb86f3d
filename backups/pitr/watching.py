"""Whether any moment can be brought back: somebody is told where the receiver or the bases are not in order."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from accesscontrol.errors import Refused
from audit import alerts
from backups.pitr import receiver, server, services
from backups.pitr.receiver import State
from backups.pitr.services import Status

RECEIVER: Final = "receiver_behind"
BASE: Final = "no_recent_base"
BEHIND_BYTES: Final = 64 << 20
ROOM_BYTES: Final = 64 << 20  # with less, the next segment may have none
BASE_WITHIN: Final = timedelta(hours=26)


def watch(now: datetime) -> list[str]:
    """This function will open or close the alerts about the receiver and the bases, and return what they say."""
    said = dict.fromkeys((RECEIVER, BASE))
    try:
        if settings.POINT_IN_TIME:
            found = services.current()
            said = {RECEIVER: receiver_behind(found.receiver), BASE: no_recent_base(found, now)}
        else:
            said[RECEIVER] = kept_for_nobody(receiver.state())
    except Refused as refusal:
        if settings.POINT_IN_TIME:
            said[RECEIVER] = f"The server can't be asked what it writes: {refusal.message}"
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


def receiver_behind(found: State) -> str | None:
    """This function will say so where the receiver is not at work, or far behind, and what the server keeps for it."""
    behind, why = (found.behind_bytes or 0) >> 20, " The disk of PITR_DIR is full." if _is_full() else ""
    if found.has_lost:
        return (
            "The receiver was away for longer than the server keeps its log: the moments since then can't be brought"
            f" back, until it is at work again and there is a new base.{why}"
        )
    if not found.is_running:
        kept = f" The server's disk keeps {behind} MB of log for it." if behind else ""
        said = "Nothing receives what the server writes: since then no moment can be brought back."
        return f"{said}{why}{kept}"
    if behind > BEHIND_BYTES >> 20:
        return f"The receiver is {behind} MB behind what the server writes, which its disk keeps.{why}"
    return None


def kept_for_nobody(found: State) -> str | None:
    """This function will say so where the server's disk fills up for a receiver that nobody wants any more."""
    behind = found.behind_bytes or 0
    if found.is_running or behind <= BEHIND_BYTES:
        return None
    return (
        f"The server's disk keeps {behind >> 20} MB of log for a receiver, and POINT_IN_TIME is off:"
        " manage.py receive_wal --forget ends that."
    )


def no_recent_base(found: Status, now: datetime) -> str | None:
    """This function will say so where no base leads to now, or the newest is old."""
    if not found.is_current:
        return "There is no base of the server as it is now: what it writes leads on from none."
    newest = found.bases[-1].finished_at
    if now - newest > BASE_WITHIN:
        return f"The newest base is of {newest:%Y-%m-%d %H:%M} UTC, over {BASE_WITHIN // timedelta(hours=1)} hours old."
    return None


def _is_full() -> bool:
    """Whether the disk has no room for more of the log."""
    root = server.root()
    return root.is_dir() and shutil.disk_usage(root).free < ROOM_BYTES
