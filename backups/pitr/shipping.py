"""Bases and log in the bucket, so that any moment comes back where the machine with all its disks is lost.

pitr/SYSTEM/base_….tar.gz.enc      a base
pitr/SYSTEM/base_….json.enc        its description; without it there is none
pitr/SYSTEM/log_TIMELINE/….gz.enc  a segment, or as much of it as there is
"""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, BinaryIO, Final, cast

from django.conf import settings
from django.db import transaction

from accesscontrol.actor import Actor
from accesscontrol.errors import NotFound
from audit import timeouts
from audit.work import Work
from backups import access, database
from backups.errors import BackupInvalid, OffsiteDamaged, OffsiteMissing
from backups.offsite import bucket as buckets
from backups.offsite import copying, lock, transfer
from backups.offsite.bucket import Bucket
from backups.offsite.transfer import Blocks, Sent, Source
from backups.pitr import bases, checking, receiver, segments, server
from backups.pitr.bases import Base, Described
from backups.pitr.segments import PARTIAL
from backups.streams import Gzip, Measured
from jobs.files import FileStore
from jobs.progress import SILENT, Progress

_ROOT: Final = "pitr/"
_GZ: Final = ".gz"
_TAR: Final = ".tar.gz"
_JSON: Final = ".json"


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
        there = bucket.sizes()
        sent = list(_ship_log(bucket, this.folder, there, progress))
        for base in bases.found(this.folder):
            name = base.described.name
            if _target(this.folder, f"{name}{_JSON}") not in there:
                work = Work(copying.OPERATION, actor)
                _ship_base(bucket, base, progress)
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
    known = _described(bucket, this.system_id)
    going = bases.unneeded(known, now - timedelta(days=settings.OFFSITE_DAYS))
    for each in going:
        for suffix in (_JSON, _TAR):
            bucket.delete(f"{_ROOT}{this.system_id}/{each.name}{suffix}{transfer.SUFFIX}")
    kept = [each for each in known if each not in going]
    first = min((each.first_segment for each in kept), default=0)
    for name in bucket.sizes() if kept else ():
        segment = name.rsplit("/", 1)[-1].removesuffix(f"{_GZ}{transfer.SUFFIX}")
        number = segments.number(segment, kept[0].segment_bytes)
        if name.startswith(f"{_ROOT}{this.system_id}/") and number is not None and number < first:
            bucket.delete(name)
    return [each.name for each in going]


def fetch(*, system_id: str | None = None, progress: Progress = SILENT) -> Path:
    """This function will bring home what the bucket has of a server: its newest base, and all the log since.

    It needs no database. What is there already is not fetched again.

    :return: the folder of the server's copies
    :raises NotFound: the bucket has no base of it, or of several and it is not said which
    :raises OffsiteFailed: the bucket can't be used, or holds what is not ours
    """
    bucket = buckets.configured()
    folder = server.root() / (system_id or _only_system(bucket))
    known = _described(bucket, folder.name)
    if not known:
        raise NotFound(f"The bucket has no base of the server {folder.name}.")
    FileStore(server.root()).below(folder.name).names()
    newest = known[-1]
    if newest.name not in [base.described.name for base in bases.found(folder)]:
        _fetch_base(bucket, folder, newest, progress)
    _fetch_log(bucket, folder, newest, progress)
    return folder


def _ship_log(bucket: Bucket, folder: Path, there: dict[str, int], progress: Progress) -> Iterator[str]:
    """Send each file of the log that is not there; that which is not full yet each time, as it may have grown."""
    for log in receiver.folders(folder):
        for path in sorted(log.iterdir()):
            name = f"{log.name}/{path.name}{_GZ}"
            if path.name.endswith(PARTIAL) or _target(folder, name) not in there:
                data = gzip.compress(path.read_bytes(), compresslevel=1, mtime=0)
                _send_small(bucket, folder, name, data, progress)
                yield name


def _ship_base(bucket: Bucket, base: Base, progress: Progress) -> None:
    """Send a base as one compressed file, and last what makes it one; one that was begun is gone on with."""
    folder, name = base.folder.parent, base.described.name
    with TemporaryFile(dir=folder) as file:
        packed = Measured(file)
        _pack(base.folder, Gzip(packed), progress)
        file.flush()
        source = Source(f"{name}{_TAR}", packed.size, packed.sha256, partial(_rewound, file))
        begun = _Begun(base.folder.with_name(f".{name}.sending"), packed.sha256)
        _send(bucket, folder, source, progress, begun)
        begun.forget()
    _send_small(bucket, folder, f"{name}{_JSON}", (folder / f"{name}{_JSON}").read_bytes(), progress)


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


def _send_small(bucket: Bucket, folder: Path, name: str, data: bytes, progress: Progress) -> None:
    _send(bucket, folder, Source(name, len(data), transfer.sha256(data), lambda: io.BytesIO(data)), progress)


class _Begun:
    """What is known of a way that was begun, for the next one to go on; of the same bytes only."""

    def __init__(self, path: Path, sha256: str) -> None:
        self._path, self._sha256 = path, sha256

    def read(self) -> Sent | None:
        """This function will return how far it came; None where there is nothing to go on with."""
        try:
            kept = json.loads(self._path.read_bytes())
            return Sent(**kept["sent"]) if kept["sha256"] == self._sha256 else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, sent: Sent) -> None:
        """This function will keep how far it came."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({"sha256": self._sha256, "sent": sent.as_dict()}), encoding="ascii")
        new.replace(self._path)

    def forget(self) -> None:
        """This function will begin anew the next time."""
        self._path.unlink(missing_ok=True)


def _send(
    bucket: Bucket, folder: Path, source: Source, progress: Progress, begun: _Begun | None = None
) -> None:
    """Send a file unless all of it has arrived, and read it back."""
    there = replace(source, name=f"{_ROOT}{folder.name}/{source.name}")
    sent = begun.read() if begun else None
    if sent is None or not sent.is_there:
        sent = transfer.send(bucket, there, sent, begun.keep if begun else lambda _: None, progress)
    try:
        transfer.read_back(bucket, there, sent, progress)
    except (OffsiteDamaged, OffsiteMissing):
        if begun:
            begun.forget()
        raise


def _only_system(bucket: Bucket) -> str:
    """The server that the bucket has copies of, where it is one."""
    names = {name.removeprefix(_ROOT).split("/", 1)[0] for name in bucket.sizes() if name.startswith(_ROOT)}
    if len(names) != 1:
        raise NotFound(
            f"The bucket has copies of {len(names)} servers.", hint=", ".join(sorted(names)) or None
        )
    return names.pop()


def _described(bucket: Bucket, system_id: str) -> list[Described]:
    """The bases of a server that the bucket has, in the order of the log."""
    start, end = f"{_ROOT}{system_id}/", f"{_JSON}{transfer.SUFFIX}"
    names = [name for name in bucket.sizes() if name.startswith(start) and name.endswith(end)]
    known = [_read_described(bucket, name, name.removeprefix(start).removesuffix(end)) for name in names]
    return sorted(known, key=lambda each: each.order)


def _read_described(bucket: Bucket, target: str, name: str) -> Described:
    try:
        return bases.parse(b"".join(transfer.texts(bucket, target)), name)
    except BackupInvalid as refusal:
        raise OffsiteDamaged(f"{target}: {refusal.message}") from refusal


def _fetch_base(bucket: Bucket, folder: Path, described: Described, progress: Progress) -> None:
    """Unpack a base beside its place, look at all of it, and put it there."""
    progress.begin(f"Fetch {described.name}", described.size_bytes)
    blocks = transfer.texts(bucket, _target(folder, f"{described.name}{_TAR}"))
    with TemporaryDirectory(dir=folder, prefix=".") as making:
        with tarfile.open(fileobj=cast("IO[bytes]", Blocks(_watched(blocks, progress))), mode="r|gz") as tar:
            tar.extractall(making, filter="data")
        checking.check(Path(making), progress)
        Path(making).rename(folder / described.name)
        Path(making).mkdir()  # to be taken away
    with FileStore(folder).create() as file:
        file.write(described.encode())
        file.publish(f"{described.name}{_JSON}")


def _watched(blocks: Iterator[bytes], progress: Progress) -> Iterator[bytes]:
    for block in blocks:
        progress.check()
        yield block


def _fetch_log(bucket: Bucket, folder: Path, since: Described, progress: Progress) -> None:
    start = f"{_ROOT}{folder.name}/"
    for target in sorted(bucket.sizes()):
        log, _, name = target.removeprefix(start).removesuffix(f"{_GZ}{transfer.SUFFIX}").partition("/")
        if not target.startswith(start) or not name or not log.startswith(receiver.LOG_PREFIX):
            continue
        number = segments.number(name, since.segment_bytes)
        store = FileStore(folder).below(log)
        if (number is None or number >= since.first_segment) and name not in store.names():
            progress.check()
            with store.create() as file:
                file.write(gzip.decompress(b"".join(transfer.texts(bucket, target))))
                file.publish(name)


def _target(folder: Path, name: str) -> str:
    return f"{_ROOT}{folder.name}/{name}{transfer.SUFFIX}"
