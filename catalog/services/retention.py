"""How long the trash keeps what is in it, and letting go of what was there longer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from audit.operation import MAX_AFFECTED
from catalog import registry
from catalog.services import references
from catalog.services.trash import purge_records
from catalog.services.wording import counted
from catalog.table import Table
from jobs.progress import SILENT, Progress


def kept_until(deleted_at: datetime) -> datetime | None:
    """This function will return when a record leaves the trash for good; None where it stays until it is purged."""
    return deleted_at + timedelta(days=settings.TRASH_DAYS) if settings.TRASH_DAYS else None


def expire(*, actor: Actor, now: datetime, progress: Progress = SILENT) -> dict[str, Any]:
    """This function will purge what was in the trash longer than TRASH_DAYS, where nothing else refers to it.

    Each table by itself, in operations of up to 1,000 records, where the actor may purge it. It returns {deleted:
    {table: records}, not_allowed: [table]}; what others refer to stays until they are gone.
    """
    deleted: dict[str, int] = {}
    not_allowed: list[str] = []
    tables = [table for table in reversed(registry.load_order()) if table.soft_delete and settings.TRASH_DAYS]
    progress.begin("Tables", len(tables), "tables")
    for table in tables:
        if policy.decide(actor, Operation.PURGE, table).allowed:
            if count := _expire(actor, table, now - timedelta(days=settings.TRASH_DAYS), progress):
                deleted[table.name] = count
                progress.log(f"{table.name}: {counted(count, 'record', 'records')} deleted for good.")
        else:
            not_allowed.append(table.name)
        progress.advance(1)
    if not_allowed:
        progress.log(f"{actor.username} may not purge {', '.join(not_allowed)}: a role can let it.")
    return {"deleted": deleted, "not_allowed": not_allowed}


def _expire(actor: Actor, table: Table, before: datetime, progress: Progress) -> int:
    """Purge the records of one table that were trashed before a moment; of a tree the leaves first."""
    count = 0
    old = references.unreferred(table).filter(deleted_at__lt=before).order_by("id")
    while keys := list(old.values_list("id", flat=True)[:MAX_AFFECTED]):
        progress.check()
        count += purge_records(actor=actor, table=table, where={"id": {"$in": keys}}).count
    return count
