"""Brings home from the bucket what a moment needs, where the machine is lost with all its disks."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, cast

from accesscontrol.errors import NotFound
from backups.offsite import bucket as buckets
from backups.offsite import transfer
from backups.offsite.bucket import Bucket
from backups.offsite.fetching import any_version
from backups.offsite.transfer import Blocks
from backups.pitr import bases, checking, objects, receiver, recovery, segments, server
from backups.pitr.bases import Described
from backups.pitr.recovery import Target
from backups.pitr.segments import PARTIAL
from jobs.files import FileStore
from jobs.progress import SILENT, Progress


def fetch(*, to: Target, system_id: str | None = None, progress: Progress = SILENT) -> Path:
    """This function will bring home what brings a moment of a server back: the base before it, and all the log since.

    It needs no database. What is there already is not fetched again. Of what was deleted or written over the version
    that is ours is taken, where the bucket keeps versions.

    :return: the folder of the server's copies
    :raises NotFound: the bucket has no base of it, or of several and it is not said which, or none before the moment
    :raises OffsiteFailed: the bucket can't be used, or holds what is not ours
    """
    bucket = buckets.configured()
    folder = server.root() / (system_id or _only_system(bucket))
    known = objects.described(bucket, folder.name, deleted=True)
    if not known:
        raise NotFound(f"The bucket has no base of the server {folder.name}.")
    FileStore(server.root()).below(folder.name).names()
    first = recovery.first_looked_at(to, known)
    _fetch_log(bucket, folder, first, progress)
    base, _ = recovery.choose(to, known, segments.find(receiver.folders(folder), first.segment_bytes))
    if base.name not in [here.described.name for here in bases.found(folder)]:
        _fetch_base(bucket, folder, base, progress)
    return folder


def _only_system(bucket: Bucket) -> str:
    """The server that the bucket has copies of, where it is one."""
    names = {
        name.removeprefix(objects.ROOT).split("/", 1)[0]
        for name in bucket.sizes(deleted=True)
        if name.startswith(objects.ROOT)
    }
    if len(names) != 1:
        raise NotFound(
            f"The bucket has copies of {len(names)} servers.", hint=", ".join(sorted(names)) or None
        )
    return names.pop()


def _fetch_base(bucket: Bucket, folder: Path, described: Described, progress: Progress) -> None:
    """Unpack a base beside its place, look at all of it, and put it there."""
    target = objects.target(folder, f"{described.name}{objects.TAR}")
    any_version(
        bucket, target, partial(_unpack, bucket, target, folder / described.name, described, progress)
    )
    with FileStore(folder).create() as file:
        file.write(described.encode())
        file.publish(f"{described.name}{objects.JSON}")


def _unpack(
    bucket: Bucket, target: str, place: Path, described: Described, progress: Progress, version: str | None
) -> None:
    progress.begin(f"Fetch {described.name}", described.size_bytes)
    blocks = transfer.texts(bucket, target, version=version)
    with TemporaryDirectory(dir=place.parent, prefix=".") as making:
        with tarfile.open(fileobj=cast("IO[bytes]", Blocks(_watched(blocks, progress))), mode="r|gz") as tar:
            tar.extractall(making, filter="data")
        checking.check(Path(making), progress)
        Path(making).rename(place)
        Path(making).mkdir()  # to be taken away


def _watched(blocks: Iterator[bytes], progress: Progress) -> Iterator[bytes]:
    for block in blocks:
        progress.check()
        yield block


def _fetch_log(bucket: Bucket, folder: Path, since: Described, progress: Progress) -> None:
    """Fetch each file of the log that is not here; that which was not full yet, where the bucket has more of it."""
    start = f"{objects.ROOT}{folder.name}/"
    for target in sorted(bucket.sizes(deleted=True)):
        log, _, name = (
            target.removeprefix(start).removesuffix(f"{objects.GZ}{transfer.SUFFIX}").partition("/")
        )
        if not target.startswith(start) or not name or not log.startswith(receiver.LOG_PREFIX):
            continue
        number = segments.number(name, since.segment_bytes)
        store = FileStore(folder).below(log)
        is_here = name in store.names()
        if (number is not None and number < since.first_segment) or (is_here and not name.endswith(PARTIAL)):
            continue
        progress.check()
        content = any_version(bucket, target, partial(_content, bucket, target))
        if is_here:
            if _written(content) <= _written((folder / log / name).read_bytes()):
                continue
            store.delete(name)
        with store.create() as file:
            file.write(content)
            file.publish(name)


def _content(bucket: Bucket, target: str, version: str | None) -> bytes:
    return gzip.decompress(b"".join(transfer.texts(bucket, target, version=version)))


def _written(segment: bytes) -> int:
    """How much of a segment is written: what follows is zeros."""
    return len(segment.rstrip(b"\0"))
