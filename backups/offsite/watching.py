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
    """This function will name the backups that could not be copied, wait to be for too long, or whose copy is lost."""
    failed = dict(OffsiteCopy.objects.filter(state=OffsiteState.FAILED).values_list("file", "reason"))
    waiting = {backup.file: backup.created_at for backup in copying.due(storage.configured())}
    late = {file for file, created_at in waiting.items() if now - created_at > COPIED_WITHIN}
    missing = sorted(late | failed.keys())
    if not missing:
        return None
    reason = next((failed[file] for file in missing if file in failed), "")
    return f"Not copied offsite: {', '.join(missing)}.{f' {reason}' if reason else ''}"
