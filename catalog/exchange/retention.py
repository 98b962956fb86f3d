"""How long files are kept: those of exports, and those that people brought and did not import."""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import NotFound
from audit.work import Work
from catalog.exchange import store, uploads
from catalog.exchange.frame import long_transaction
from jobs.files import FileStore
from jobs.progress import SILENT, Progress

MAX_LISTED: Final = 200  # names in the row of the trail, which counts all

_EXPORT: Final = re.compile(r"export_\w+_\d{8}T\d{6}Z\.[a-z]+", re.ASCII)


def expire(*, actor: Actor, now: datetime, progress: Progress = SILENT) -> dict[str, int]:
    """This function will delete the files of exports that are older than EXPORT_DAYS, and uploads older than a day.

    It returns how many there were of each. The rows of exports stay, and so do the files to import that somebody put
    beside them. What interrupted exports and uploads have left is swept away.

    :raises AuthenticationRequired: the account is disabled
    """
    policy.require_account(actor)
    files = store.files()
    going = _older(files, now - timedelta(days=settings.EXPORT_DAYS)) if settings.EXPORT_DAYS else []
    left = uploads.left_before(now - uploads.KEPT_FOR)
    if going or left:
        _tell(actor, going, left)
    for name in going:
        progress.check()
        files.delete(name)
    uploads.forget_all(left)
    files.sweep()
    return {"exports": len(going), "uploads": len(left)}


def _tell(actor: Actor, going: list[str], left: list[str]) -> None:
    """Write the row of the trail: nothing goes before it is there."""
    work = Work("PURGE", actor, "exports")
    work.entry.record_count = len(going)
    work.entry.changes = {
        "files": {"old": going[:MAX_LISTED], "new": []},
        "uploads": {"old": len(left), "new": 0},
    }
    with long_transaction():
        work.finish()


def _older(files: FileStore, moment: datetime) -> list[str]:
    """The exports that were written before a moment."""
    found = []
    for name in filter(_EXPORT.fullmatch, files.names()):
        with contextlib.suppress(NotFound):  # somebody else was faster
            if files.modified(name) < moment:
                found.append(name)
    return found
