"""Whether each backup has its copy: somebody is told where one has none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from audit import alerts
from backups import storage
from backups.models import OffsiteCopy, OffsiteState
from backups.offsite import bucket, copying

NOT_COPIED: Final = "backup_not_copied"
COPIED_WITHIN: Final = timedelta(hours=2)


def watch(now: datetime) -> str | None:
    """This function will open or close the alert about copies, and return what it says."""
    said = not_copied(now) if bucket.is_configured() else None
    alerts.tell(NOT_COPIED, said)
    return said


def not_copied(now: datetime) -> str | None:
    """This function will name the backups that could not be copied, or wait to be for too long."""
    failed = dict(OffsiteCopy.objects.filter(state=OffsiteState.FAILED).values_list("file", "reason"))
    late = {
        backup.file: failed.get(backup.file, "")
        for backup in copying.due(storage.configured())
        if backup.file in failed or now - backup.created_at > COPIED_WITHIN
    }
    if not late:
        return None
    reason = next(filter(None, late.values()), "")
    return f"Not copied offsite: {', '.join(sorted(late))}.{f' {reason}' if reason else ''}"
