"""Bases: whole copies of the server, from which the log leads on to any later moment.

A base is a folder, and the signed description beside it, without which it is none.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from accesscontrol.errors import Conflict, NotFound
from backups import signing
from backups.errors import BackupInvalid
from backups.manifest import Count, Sha256, Signature, Text
from backups.pitr import checking, segments
from backups.pitr.server import Server, environment
from backups.programs import Program
from jobs.files import FileStore
from jobs.progress import Progress

_STAMP: Final = "base_%Y%m%dT%H%M%SZ"
_NAME: Final = re.compile(r"base_[0-9]{8}T[0-9]{6}Z", re.ASCII)
_MAKING: Final = ".making"
Position = Annotated[str, Field(pattern=r"\A[0-9A-F]{1,8}/[0-9A-F]{1,8}\z")]


class Described(BaseModel):
    """What is known of a base."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"\Abase_[0-9]{8}T[0-9]{6}Z\z")]
    system_id: Text
    timeline: Count
    server_version: Count
    segment_bytes: Annotated[int, Field(ge=1 << 20, le=1 << 30)]
    start: Position
    end: Position
    finished_at: datetime
    size_bytes: Count
    manifest_sha256: Sha256
    signature: Signature | None = None

    @property
    def is_signed(self) -> bool:
        """Whether one of our keys signed exactly this."""
        return signing.is_signed(self._unsigned(), self.signature.model_dump() if self.signature else None)

    @property
    def first_segment(self) -> int:
        """The number of the first segment of the log that it needs."""
        return segments.position(self.start) // self.segment_bytes

    @property
    def order(self) -> tuple[int, int]:
        """Where it stands among the bases of its server, whatever a clock said."""
        return self.timeline, segments.position(self.start)

    def encode(self) -> bytes:
        """This function will return the file's content: JSON for people too."""
        return json.dumps(self.model_dump(mode="json"), indent=1).encode() + b"\n"

    def sealed(self) -> Described:
        """This function will return the description with our signature."""
        return self.model_copy(update={"signature": Signature(**signing.sign(self._unsigned()))})

    def _unsigned(self) -> dict[str, object]:
        return self.model_dump(mode="json", exclude={"signature"})


@dataclass(frozen=True)
class Base:
    """A base that is there."""

    described: Described
    folder: Path


@dataclass(frozen=True)
class Draft:
    """A base that is whole, and not there yet."""

    described: Described
    making: Path

    def publish(self) -> None:
        """This function will make it a base: the folder gets its name, and last there is its description."""
        folder = self.making.with_name(self.described.name)
        self.making.rename(folder)
        with FileStore(folder.parent).create() as file:
            file.write(self.described.encode())
            file.publish(f"{self.described.name}.json")


@contextlib.contextmanager
def draft(server: Server, progress: Progress) -> Iterator[Draft]:
    """This function will copy the whole server, look at every file of the copy, and describe it, not yet published.

    :raises Conflict: another one is being taken
    :raises Cancelled: it is not wanted any more; nothing is left
    :raises ProgramFailed, BackupInvalid, StoreFailed: it could not be taken; nothing is left
    """
    with _alone(server.folder):
        making = server.folder / _MAKING
        shutil.rmtree(making, ignore_errors=True)  # what one that was killed has left
        try:
            _copy(making, progress)
            checking.check(making, progress)
            yield Draft(_describe(server, making), making)
        finally:
            shutil.rmtree(making, ignore_errors=True)


def found(system_folder: Path) -> list[Base]:
    """This function will return the bases of one server that are there and ours, in the order of the log."""
    if not system_folder.is_dir():
        return []
    names = [path.name for path in system_folder.iterdir() if _NAME.fullmatch(path.name)]
    bases = []
    for name in names:
        with contextlib.suppress(BackupInvalid, NotFound):
            bases.append(read(system_folder, name))
    return sorted(bases, key=lambda base: base.described.order)


def unneeded(found: Sequence[Described], first_day: datetime) -> list[Described]:
    """This function will return those, of bases in their order, without which all moments since can be brought back.

    A base is needed for the moments after it: the newest before the first day stays.
    """
    return [base for base in found if base.finished_at <= first_day][:-1]


def read(system_folder: Path, name: str) -> Base:
    """This function will return a base by its name.

    :raises NotFound: there is none
    :raises BackupInvalid: its description is not ours, or that of another
    """
    with FileStore(system_folder).open(f"{name}.json") as file:
        described = parse(file.read(), name)
    folder = system_folder / name
    try:
        manifest = hashlib.sha256((folder / checking.MANIFEST).read_bytes()).hexdigest()
    except OSError as error:
        raise BackupInvalid("The base has no manifest that can be read.") from error
    if described.manifest_sha256 != manifest:
        raise BackupInvalid("The manifest of the base is not the one that was signed.")
    return Base(described, folder)


def parse(content: bytes, name: str) -> Described:
    """This function will read the description of a base.

    :raises BackupInvalid: it is none, or not ours, or that of another
    """
    try:
        described = Described.model_validate_json(content)
    except ValidationError as error:
        raise BackupInvalid("The description of the base is not valid.") from error
    if not described.is_signed or described.name != name:
        raise BackupInvalid("The description of the base is not ours.")
    return described


def remove(base: Base) -> None:
    """This function will delete a base: first what makes it one."""
    FileStore(base.folder.parent).delete(f"{base.described.name}.json")
    shutil.rmtree(base.folder)


def _copy(folder: Path, progress: Progress) -> None:
    progress.begin("Copy of the server")
    arguments = (
        "--pgdata", folder, "--format=plain", "--checkpoint=fast", "--wal-method=stream",
        "--manifest-checksums=SHA256", "--no-password",
    )  # fmt: skip
    with Program("pg_basebackup", arguments, environment("dbadmin_base")) as copying:
        copying.finish(progress)


def _describe(server: Server, making: Path) -> Described:
    manifest = checking.read(making)
    ranges, at = manifest["WAL-Ranges"], timezone.now().astimezone(UTC)
    return Described(
        name=_free_name(server.folder, at),
        system_id=server.system_id,
        timeline=ranges[0]["Timeline"],
        server_version=server.version,
        segment_bytes=server.segment_bytes,
        start=ranges[0]["Start-LSN"],
        end=ranges[-1]["End-LSN"],
        finished_at=at,
        size_bytes=sum(file["Size"] for file in manifest["Files"]),
        manifest_sha256=hashlib.sha256((making / checking.MANIFEST).read_bytes()).hexdigest(),
    ).sealed()


def _free_name(folder: Path, at: datetime) -> str:
    """The name of the moment, or of the next second that no base has: a clock may tell one twice."""
    while (folder / (name := at.strftime(_STAMP))).exists():
        at += timedelta(seconds=1)
    return name


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only one that takes a base of this server."""
    FileStore(folder).names()  # makes it, private
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Conflict("Another base is being taken.", hint="Wait until it is done.") from None
    finally:
        os.close(lock)
