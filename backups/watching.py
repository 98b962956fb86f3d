"""Whether there is a backup that would be good: somebody is told where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from audit import alerts
from backups import catalogue, storage
from backups.catalogue import Found
from backups.offsite import watching as offsite
from backups.pitr import watching as pitr

NONE_PROVEN: Final = "no_proven_backup"
NOT_VALID: Final = "backup_not_valid"
PROVEN_WITHIN: Final = timedelta(hours=26)
"""The policy: a full backup of the last day, restored aside and found the same; two hours to make and to prove it."""


def watch(now: datetime) -> list[str]:
    """This function will open or close the alerts about backups, and return what they say."""
    found, _ = catalogue.read(storage.configured())
    full = [backup for backup in found if backup.type == "full"]
    chains = [backup for backup in found if backup.type in {"full", "incremental"}]
    said = {NONE_PROVEN: none_proven(full, now), NOT_VALID: not_valid(chains)}
    for kind, message in said.items():
        alerts.tell(kind, message)
    return [message for message in (*said.values(), offsite.watch(now), *pitr.watch(now)) if message]


def none_proven(full: Sequence[Found], now: datetime) -> str | None:
    """This function will say so where the newest full backup that is proven is older than the policy."""
    hours = PROVEN_WITHIN // timedelta(hours=1)
    proven = [backup.created_at for backup in full if backup.is_proven]
    if not proven:
        return "No full backup has been proven by restoring it."
    if now - max(proven) > PROVEN_WITHIN:
        return f"The last full backup that was proven is of {max(proven):%Y-%m-%d %H:%M} UTC, over {hours} hours old."
    return None


def not_valid(backups: Sequence[Found]) -> str | None:
    """This function will name the backups that were looked at and found not to be valid."""
    bad = sorted(backup.file for backup in backups if backup.is_valid is False)
    return f"Found not valid, so not to be relied on: {', '.join(bad)}." if bad else None
