"""Copies what is not in the bucket yet, the oldest first, reads it back, and keeps how far that went."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import Final

from django.db import transaction
from django.utils import timezone

from accesscontrol.actor import Actor
from accesscontrol.errors import NotFound, Refused
from audit import refusals, timeouts
from audit.work import Work
from backups import access, catalogue, database, manifest, names, storage
from backups.catalogue import Found
from backups.errors import BackupInvalid, OffsiteDamaged, OffsiteFailed, OffsiteMissing
from backups.manifest import Manifest
from backups.models import OffsiteCopy, OffsiteState
from backups.offsite import bucket as buckets
from backups.offsite import lock, transfer
from backups.offsite.bucket import Bucket
from backups.offsite.transfer import Sent, Source
from backups.storage import Storage
from jobs.progress import SILENT, Progress

OPERATION: Final = "COPY_BACKUP"
_DONE: Final = (OffsiteState.VERIFIED, OffsiteState.EXPIRED)


def copy_all(*, actor: Actor, progress: Progress = SILENT) -> list[str]:
    """This function will copy each backup that is not in the bucket yet, and return the names of those it has copied.

    A backup that can't be copied doesn't hold up the others, a bucket that can't be used does; the next run goes on
    from where this one ended.

    :raises Forbidden: the actor may not manage backups
    :raises Busy: another one is at it
    :raises OffsiteFailed, BackupInvalid: of one at least there is no copy; what was copied stays
    :raises Cancelled: it is not wanted any more; what was copied stays
    """
    access.require_management(actor)
    place, bucket = storage.configured(), buckets.configured()
    copied, failed = list[str](), dict[str, Refused]()
    with lock.held():
        notice_lost(bucket)
        while (name := _next(place, {*copied, *failed})) is not None:
            try:
                copy(place, bucket, name, actor, progress)
            except (BackupInvalid, NotFound) as refusal:
                failed[name] = refusal
                progress.log(f"{name}: {refusal.message}")
            else:
                copied.append(name)
                progress.log(f"{name}: copied, and read back.")
    first, *others = failed.values() or [None]
    for other in filter(None, others):
        refusals.record(actor, OPERATION, None, other)
    if first is not None:  # of which the face tells
        raise first
    return copied


def copy(place: Storage, bucket: Bucket, name: str, actor: Actor, progress: Progress = SILENT) -> None:
    """This function will copy one backup, its manifest last, and read all of it back.

    :raises OffsiteFailed, BackupInvalid, NotFound: it can't be copied, or is not there as it was sent; that is kept
    """
    work = Work(OPERATION, actor)
    described = manifest.read(place, names.parse(name))
    row = note(described, OffsiteState.COPYING)
    _want_again(described)
    try:
        for source in sources(place, described):
            _send(row, bucket, source, progress)
        _keep(row, OffsiteState.COPIED)
        for source in sources(place, described):
            _read_back(row, bucket, source, progress)
    except (OffsiteFailed, BackupInvalid, NotFound) as refusal:
        _keep(row, OffsiteState.FAILED, refusal.message)
        raise
    work.entry.record_id, work.entry.table_name = described.file, described.table
    versions = {file: sent["version"] for file, sent in row.sent.items()}
    work.entry.changes = {
        "file": {"new": described.file},
        "sha256": {"new": described.sha256},
        "versions": {"new": versions},
    }
    with database.translated(), transaction.atomic():
        timeouts.begin(actor, flushes=True)
        row.verified_at = timezone.now()
        _keep(row, OffsiteState.VERIFIED)
        work.finish()


def sources(place: Storage, described: Manifest) -> Iterator[Source]:
    """This function will yield the files of a backup; a backup is in the bucket when its manifest is."""
    yield Source(described.file, described.size_bytes, described.sha256, partial(place.open, described.file))
    if app := described.app:
        yield Source(app.file, app.size_bytes, app.sha256, partial(place.open, app.file))
    data = described.encode()
    yield Source(described.name.manifest_file, len(data), transfer.sha256(data), lambda: io.BytesIO(data))


def due(place: Storage) -> list[Found]:
    """This function will return the backups of ours that are not in the bucket as they should, the oldest first."""
    found, _ = catalogue.read(place)
    done = OffsiteCopy.objects.filter(state__in=_DONE).values_list("sha256", flat=True)
    there = set(done)
    return [backup for backup in reversed(found) if backup.is_signed and backup.sha256 not in there]


def notice_lost(bucket: Bucket) -> None:
    """This function will note which copies the bucket does not have any more: what is still here is copied anew."""
    there = bucket.sizes()
    for row in OffsiteCopy.objects.filter(state=OffsiteState.VERIFIED):
        lost = [file for file in row.sent if f"{file}{transfer.SUFFIX}" not in there]
        for file in lost:
            del row.sent[file]
        if lost:
            _keep(row, OffsiteState.FAILED, f"{lost[0]}{transfer.SUFFIX} is not in the bucket any more.")


def _next(place: Storage, tried: set[str]) -> str | None:
    """Asked anew each time: another may have been made meanwhile."""
    return next((backup.file for backup in due(place) if backup.file not in tried), None)


def note(described: Manifest, state: OffsiteState) -> OffsiteCopy:
    """This function will keep how far the copy of a backup is, and return what is known of it."""
    parent = described.chain.parent if described.chain else None
    row, _ = OffsiteCopy.objects.update_or_create(
        file=described.file,
        defaults={
            "sha256": described.sha256,
            "type": described.type,
            "table": described.table,
            "base": parent.file if parent else None,
            "created_at": described.created,
            "state": state,
            "changed_at": timezone.now(),
        },
    )
    return row


def _want_again(described: Manifest) -> None:
    """Have copied anew what a backup builds on, where it had its time in the bucket."""
    before = [link.file for link in described.chain.before] if described.chain else []
    OffsiteCopy.objects.filter(file__in=before, state=OffsiteState.EXPIRED).delete()


def _send(row: OffsiteCopy, bucket: Bucket, source: Source, progress: Progress) -> None:
    begun = Sent(**row.sent[source.name]) if source.name in row.sent else None
    if begun is None or not begun.is_there:
        transfer.send(bucket, source, begun, partial(_note, row, source), progress)


def _read_back(row: OffsiteCopy, bucket: Bucket, source: Source, progress: Progress) -> None:
    try:
        transfer.read_back(bucket, source, Sent(**row.sent[source.name]), progress)
    except (OffsiteDamaged, OffsiteMissing):
        del row.sent[source.name]  # the next time it is sent anew
        raise


def _note(row: OffsiteCopy, source: Source, sent: Sent) -> None:
    row.sent[source.name] = sent.as_dict()
    _keep(row, OffsiteState.COPYING)


def _keep(row: OffsiteCopy, state: OffsiteState, reason: str = "") -> None:
    row.state, row.reason, row.changed_at = state, reason, timezone.now()
    row.save()
