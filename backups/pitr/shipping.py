"""Sends bases and log to the bucket, so that any moment comes back where the machine with all its disks is lost."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, BinaryIO, cast

from django.conf import settings
from django.db import transaction

from accesscontrol.actor import Actor
from audit import timeouts
from audit.work import Work
from backups import access, database
from backups.offsite import bucket as buckets
from backups.offsite import copying, lock, transfer
from backups.offsite.transfer import Source
from backups.pitr import bases, objects, receiver, segments, server
from backups.pitr.bases import Base
from backups.pitr.segments import PARTIAL
from backups.pitr.way import Way
from backups.streams import Gzip, Measured
from jobs.progress import SILENT, Progress


def ship(*, actor: Actor, progress: Progress = SILENT) -> list[str]:
    """This function will send what is not in the bucket yet, and return the names of what it has sent.

    :raises Forbidden: the actor may not manage backups
    :raises Busy: another one works on the copies
    :raises OffsiteFailed: the bucket can't be used; what was sent stays there
    :raises Cancelled: it is not wanted any more; what was sent stays there
    """
    access.require_management(actor)
    this, bucket = server.identify(), buckets.configured()
    with lock.held():
        way = Way(bucket, this.folder, progress)
        sent = list(_ship_log(way))
        for base in bases.found(this.folder):
            name = base.described.name
            if not way.has(f"{name}{objects.JSON}"):
                work = Work(copying.OPERATION, actor)
                _ship_base(way, base)
                work.entry.record_id = name
                work.entry.changes = {"base": {"new": name}}
                with database.translated(), transaction.atomic():
                    timeouts.begin(actor, flushes=True)
                    work.finish()
                sent.append(name)
    return sent


def expire(*, actor: Actor, now: datetime) -> list[str]:
    """This function will delete from the bucket what is not needed for the days that copies are kept there.

    :return: the names of the bases that went
    :raises Forbidden: the actor may not manage backups
    :raises OffsiteFailed: the bucket can't be used
    """
    access.require_management(actor)
    this, bucket = server.identify(), buckets.configured()
    known = objects.described(bucket, this.system_id)
    going = bases.unneeded(known, now - timedelta(days=settings.OFFSITE_DAYS))
    for each in going:
        for suffix in (objects.JSON, objects.TAR):
            bucket.delete(f"{objects.ROOT}{this.system_id}/{each.name}{suffix}{transfer.SUFFIX}")
    kept = [each for each in known if each not in going]
    first = min((each.first_segment for each in kept), default=0)
    for name in bucket.sizes() if kept else ():
        segment = name.rsplit("/", 1)[-1].removesuffix(f"{objects.GZ}{transfer.SUFFIX}")
        number = segments.number(segment, kept[0].segment_bytes)
        if name.startswith(f"{objects.ROOT}{this.system_id}/") and number is not None and number < first:
            bucket.delete(name)
    return [each.name for each in going]


def _ship_log(way: Way) -> Iterator[str]:
    """Send each file of the log that is not there; that which was not full yet, where it has grown."""
    for log in receiver.folders(way.folder):
        for path in sorted(log.iterdir()):
            name, may_grow = f"{log.name}/{path.name}{objects.GZ}", path.name.endswith(PARTIAL)
            if may_grow or not way.has(name):
                source = _in_memory(name, gzip.compress(path.read_bytes(), compresslevel=1, mtime=0))
                if not way.has_same(source):
                    way.send(source, is_noted=may_grow)
                    yield name


def _ship_base(way: Way, base: Base) -> None:
    """Send a base as one compressed file, and last what makes it one; one that was begun is gone on with."""
    folder, name = base.folder.parent, base.described.name
    with TemporaryFile(dir=folder) as file:
        packed = Measured(file)
        _pack(base.folder, Gzip(packed), way.progress)
        file.flush()
        way.send(Source(f"{name}{objects.TAR}", packed.size, packed.sha256, partial(_rewound, file)))
    way.send(_in_memory(f"{name}{objects.JSON}", (folder / f"{name}{objects.JSON}").read_bytes()))


def _pack(folder: Path, sink: Gzip, progress: Progress) -> None:
    """Write a folder with all that is in it into a sink, as tar does."""
    progress.begin(f"Pack {folder.name}")
    with tarfile.open(fileobj=cast("IO[bytes]", sink), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            progress.check()
            tar.add(path, str(path.relative_to(folder)), recursive=False)
    sink.finish()


def _rewound(file: IO[bytes]) -> BinaryIO:
    """The same file once more, from its beginning."""
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    return os.fdopen(os.dup(file.fileno()), "rb")


def _in_memory(name: str, data: bytes) -> Source:
    return Source(name, len(data), transfer.sha256(data), lambda: io.BytesIO(data))
