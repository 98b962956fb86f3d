"""Which copies have had their time in the bucket; and what lies there that we did not know of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction

from accesscontrol.actor import Actor
from audit import timeouts
from audit.work import Work
from backups import access, catalogue, database, names, retention, storage
from backups.errors import OffsiteDamaged, OffsiteMissing
from backups.models import OffsiteCopy, OffsiteState
from backups.offsite import bucket as buckets
from backups.offsite import copying, fetching, lock, transfer
from backups.offsite.bucket import Bucket
from backups.retention import Kept, Rules

OPERATION: Final = "DELETE_COPY"
_THERE: Final = (OffsiteState.COPIED, OffsiteState.VERIFIED)

logger = structlog.get_logger(__name__)


def expire(*, actor: Actor, now: datetime, dry_run: bool = False) -> list[str]:
    """This function will delete the copies older than OFFSITE_DAYS, and return their names, oldest first.

    Never the newest of a series, nor the newest that is proven, nor what one that stays builds on. A bucket that keeps
    versions keeps what was deleted for as long as it says.

    :raises Forbidden: the actor may not manage backups
    :raises Busy: copies are being made
    :raises OffsiteFailed: the bucket can't be used
    """
    access.require_management(actor)
    bucket = buckets.configured()
    with lock.held():
        adopt(bucket)
        rows = {row.file: row for row in OffsiteCopy.objects.all()}
        going = [*_expired(rows, now), *_abandoned(rows, now)]
        if not dry_run:
            here = set(storage.configured().names())
            for file in going:
                _delete(bucket, rows[file], actor, is_here=file in here)
            OffsiteCopy.objects.filter(state=OffsiteState.EXPIRED).exclude(file__in=here).delete()
    return going


def adopt(bucket: Bucket) -> list[str]:
    """This function will note the backups of ours in the bucket that nothing is known of: after a restore, say."""
    targets = bucket.sizes()
    known = {names.parse(file).stem for file in OffsiteCopy.objects.values_list("file", flat=True)}
    adopted = []
    for copy in fetching.copies(targets):
        if copy.name.stem in known:
            continue
        try:
            described = fetching.read_manifest(bucket, copy.name)
        except (OffsiteDamaged, OffsiteMissing) as refusal:
            logger.warning("copy_not_known", file=copy.name.file, error=refusal.message)
            continue
        copying.note(described, OffsiteState.COPIED)
        adopted.append(described.file)
    return adopted


def _expired(rows: dict[str, OffsiteCopy], now: datetime) -> list[str]:
    there = [row for row in rows.values() if row.state in _THERE]
    proven = catalogue.proven(row.sha256 for row in there)
    days = settings.OFFSITE_DAYS
    kept = [
        Kept(
            row.file, row.created_at, row.sha256 in proven, f"{row.type} {row.table}",
            tuple(_builds_on(rows, row)),
        )
        for row in there
    ]  # fmt: skip
    return retention.expired(kept, now, Rules(all_days=days, max_days=days))


def _builds_on(rows: dict[str, OffsiteCopy], row: OffsiteCopy) -> Iterator[str]:
    """What a copy builds on, and what that builds on."""
    below: OffsiteCopy | None = row
    while below is not None and below.base is not None:
        yield below.base
        below = rows.get(below.base)


def _abandoned(rows: dict[str, OffsiteCopy], now: datetime) -> list[str]:
    """What began and will never be whole: the backup is no longer here."""
    here = set(storage.configured().names())
    return [
        row.file
        for row in rows.values()
        if row.state not in {*_THERE, OffsiteState.EXPIRED}
        and row.file not in here
        and now - row.changed_at > timedelta(days=settings.OFFSITE_DAYS)
    ]


def _delete(bucket: Bucket, row: OffsiteCopy, actor: Actor, *, is_here: bool) -> None:
    """Nothing goes before the trail tells of it; the manifest goes first, so that no half is taken for a whole.

    Of a backup that `is_here` it stays known that its copy had its time: or it would be copied again.
    """
    work, name = Work(OPERATION, actor), names.parse(row.file)
    work.entry.record_id, work.entry.table_name = row.file, row.table
    work.entry.changes = {"file": {"old": row.file}, "sha256": {"old": row.sha256}}
    with database.translated(), transaction.atomic():
        timeouts.begin(actor, flushes=True)
        work.finish()
    for file in (name.manifest_file, name.file, *((name.app_file,) if row.type == "full" else ())):
        if upload := row.sent.get(file, {}).get("upload"):
            bucket.abort(f"{file}{transfer.SUFFIX}", upload)
        bucket.delete(f"{file}{transfer.SUFFIX}")
    if is_here:
        row.state, row.sent, row.verified_at = OffsiteState.EXPIRED, {}, None
        row.save()
    else:
        row.delete()
