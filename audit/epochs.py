"""Epochs of the catalog: each begins when a restore replaces the whole of it.

What was said of the records before, by versions, cursors and plans, need not be true of those that are there now.
"""

from __future__ import annotations

from datetime import datetime

from accesscontrol.errors import Conflict
from audit.models import Epoch

START = "INSERT INTO app.audit_epoch (backup_file, sha256, started_at) VALUES (%s, %s, clock_timestamp())"
"""Run by the restore, in its own transaction: with the backup's name and sha256."""


def current() -> Epoch | None:
    """This function will return the present epoch, or None where the catalog was never restored."""
    return Epoch.objects.order_by("-id").first()


def require_same(at: datetime, what: str) -> None:
    """This function will do nothing where the catalog was not restored since a moment.

    :raises Conflict: it was
    """
    epoch = current()
    if epoch is not None and at <= epoch.started_at:
        raise Conflict(
            f"{what} is from before {epoch.started_at:%Y-%m-%d %H:%M:%S} UTC, when the whole catalog was restored"
            f" from {epoch.backup_file}.",
            hint="Look at what is there now.",
            restored_at=epoch.started_at.isoformat(),
        )
