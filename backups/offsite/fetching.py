"""Brings a backup home from the bucket: with what it needs, checked to the last byte, and nothing else required.

A bucket that keeps versions keeps what somebody has deleted or written over: where what lies there is not ours, or
gone, the versions before it are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, TypeVar

from accesscontrol.actor import Actor
from accesscontrol.errors import NotFound
from audit.work import Work
from backups import access, database, manifest, names, publishing, storage
from backups.errors import BackupInvalid, OffsiteDamaged, OffsiteMissing
from backups.manifest import MAX_BYTES, Manifest
from backups.names import BackupName
from backups.offsite import bucket as buckets
from backups.offsite import transfer
from backups.offsite.bucket import Bucket
from backups.storage import Storage
from backups.streams import Measured
from jobs.files import NewFile
from jobs.progress import SILENT, Progress

OPERATION: Final = "FETCH_BACKUP"
T = TypeVar("T")


@dataclass(frozen=True)
class Copy:
    """A backup in the bucket, as far as the names of its files tell."""

    name: BackupName
    size_bytes: int  # of all its files as they lie there


def list_copies(*, actor: Actor, deleted: bool = False) -> list[Copy]:
    """This function will return the backups in the bucket, the newest first; with those `deleted` that it still keeps.

    :raises Forbidden: the actor may not manage backups
    :raises OffsiteFailed: the bucket can't be used
    """
    access.require_management(actor)
    return copies(buckets.configured().sizes(deleted=deleted))


def copies(there: Mapping[str, int]) -> list[Copy]:
    """This function will return the backups that objects of these names and sizes are, the newest first."""
    found = []
    for target in there:
        file = target.removesuffix(transfer.SUFFIX)
        try:
            name = names.parse(file)
        except NotFound:
            continue
        sizes = [there.get(f"{each}{transfer.SUFFIX}") for each in (file, name.app_file, name.manifest_file)]
        if sizes[-1] is not None:  # without its manifest it is none
            found.append(Copy(name, sum(filter(None, sizes))))
    return sorted(found, key=lambda copy: (copy.name.at, copy.name.stem), reverse=True)


def fetch(*, actor: Actor, backup_file: str, progress: Progress = SILENT) -> list[str]:
    """This function will bring a backup from the bucket into the folder, after those that it needs.

    :return: the names of those that were not there yet
    :raises Forbidden: the actor may not manage backups
    :raises NotFound: no backup has such a name
    :raises OffsiteFailed: it is not in the bucket, was changed there, or is signed with a key that is not in use
    """
    access.require_management(actor)
    place, bucket = storage.configured(), buckets.configured()
    fetched = []
    for described in list(_chain(bucket, names.parse(backup_file))):  # all of it is there, or none is fetched
        if described.name.manifest_file not in place.names():
            _fetch(place, bucket, described, actor, progress)
            fetched.append(described.file)
    return fetched


def read_manifest(bucket: Bucket, name: BackupName) -> Manifest:
    """This function will return what the bucket's manifest of a backup says, once it is known to be ours.

    :raises OffsiteMissing: there is none
    :raises OffsiteDamaged: it is none, or not signed with a key of ours
    """

    def read(version: str | None) -> Manifest:
        data, target = bytearray(), _target(name.manifest_file)
        for block in transfer.texts(bucket, target, version=version):
            data += block
            if len(data) > MAX_BYTES:
                break
        try:
            found = manifest.parse(bytes(data))
        except BackupInvalid as refusal:
            raise OffsiteDamaged(f"{target}: {refusal.message}") from refusal
        if found.file != name.file or not found.is_signed:
            raise OffsiteDamaged(f"{target}: it is not the manifest that we signed.")
        return found

    return any_version(bucket, _target(name.manifest_file), read)


def any_version(bucket: Bucket, target: str, read: Callable[[str | None], T]) -> T:
    """This function will return what `read` makes of an object, or of the newest version before it that is ours.

    :raises OffsiteMissing, OffsiteDamaged: there is none; this tells of what lies there now
    """
    try:
        return read(None)
    except (OffsiteMissing, OffsiteDamaged):
        for version in bucket.earlier(target):
            try:
                return read(version)
            except (OffsiteMissing, OffsiteDamaged):
                continue
        raise


def _chain(bucket: Bucket, name: BackupName) -> Iterator[Manifest]:
    """What the backup builds on, a full one first, and last the backup itself."""
    described = read_manifest(bucket, name)
    for link in described.chain.before if described.chain else ():
        found = read_manifest(bucket, names.parse(link.file))
        if found.sha256 != link.sha256:
            raise OffsiteDamaged(f"{link.file}: it is not the one that {described.file} builds on.")
        yield found
    yield described


def _fetch(place: Storage, bucket: Bucket, described: Manifest, actor: Actor, progress: Progress) -> None:
    work = Work(OPERATION, actor)
    wanted = {described.file: (described.size_bytes, described.sha256)}
    if app := described.app:
        wanted[app.file] = (app.size_bytes, app.sha256)
    with database.translated(), ExitStack() as stack:
        files = {
            file: _received(place, bucket, file, size, sha256, stack, progress)
            for file, (size, sha256) in wanted.items()
        }
        publishing.publish(place, work, described.name, lambda _: files, lambda _: described, may_move=False)
    progress.log(f"{described.file}: fetched, and what it was when it was made.")


def _received(
    place: Storage,
    bucket: Bucket,
    name: str,
    size: int,
    sha256: str,
    stack: ExitStack,
    progress: Progress,
) -> NewFile:
    """A new file with what the copy says."""

    def receive(version: str | None) -> NewFile:
        progress.begin(f"Fetch {name}", size)
        with ExitStack() as attempt:
            file = attempt.enter_context(place.create())
            measured = Measured(file)
            for block in transfer.texts(bucket, _target(name), version=version):
                progress.check()
                progress.advance(len(block))
                measured.write(block)
            if (measured.size, measured.sha256) != (size, sha256):
                raise OffsiteDamaged(f"{_target(name)}: it is the copy of another file.")
            stack.push(attempt.pop_all())
        return file

    return any_version(bucket, _target(name), receive)


def _target(file: str) -> str:
    return f"{file}{transfer.SUFFIX}"
