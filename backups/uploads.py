"""Files that somebody brings: kept, not looked into, and trusted only when somebody answers for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, LimitExceeded
from audit import timeouts
from audit.answers import Once
from audit.work import Work
from backups import access, database, manifest, names, publishing, storage
from backups.errors import BackupInvalid
from backups.manifest import Manifest
from backups.models import Trust
from backups.streams import Measured
from jobs.progress import SILENT, Progress

_MB: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"


def add_upload(
    *,
    actor: Actor,
    source: Iterable[bytes],
    manifest_data: bytes | None = None,
    progress: Progress = SILENT,
    once: Once | None = None,
) -> Manifest:
    """This function will keep a file as a backup, and return what is known of it.

    With a manifest that one of our keys signed it is the backup that this tells of, and gets its name back. Without one
    it is a foreign file, of which its size and sha256 are known, and nothing else. What is asked for
    `once` with the same file is kept once.

    :raises Forbidden: the actor may not manage backups, or not see every column
    :raises LimitExceeded: the file is larger than BACKUP_MAX_UPLOAD_MB
    :raises BackupInvalid: the manifest is not signed by us, or tells of another file
    :raises Conflict: that backup is there already
    """
    work = Work("UPLOAD_BACKUP", actor)
    access.require_files(actor)
    ours = None if manifest_data is None else _signed(manifest_data)
    place = storage.configured()
    with database.translated(), place.create() as file:
        measured = Measured(file)
        start = _receive(source, measured, progress)
        if ours is None:
            name = names.new("foreign", datetime.now(UTC), compressed=start.startswith(_GZIP))
            described = manifest.foreign(name, measured.size, measured.sha256)
        else:
            name, described = ours.name, ours
            if (ours.size_bytes, ours.sha256) != (measured.size, measured.sha256):
                raise BackupInvalid("The file is not the one that the manifest tells of.")
        return publishing.publish(
            place,
            work,
            name,
            lambda name: {name.file: file},
            lambda name: described.model_copy(update={"file": name.file}),
            may_move=ours is None,
            once=once and once.about(sha256=measured.sha256),
        )


def trust(*, actor: Actor, backup_file: str, sha256: str | None = None) -> str:
    """This function will note that the actor answers for a file that is not signed by us, and return its sha256.

    It is the file as it is now that may be restored, and no other that may take its name; where they say the sha256 of
    the file that they mean, that one.

    :raises Forbidden: the actor may not manage backups, or not see every column
    :raises NotFound: there is no such backup
    :raises InvalidInput: the file has another sha256
    """
    work = Work("TRUST_BACKUP", actor)
    access.require_files(actor)
    described = manifest.read(storage.configured(), names.parse(backup_file))
    if sha256 not in {None, described.sha256}:
        raise InvalidInput(
            "That is not the sha256 of this file.",
            hint="Compare it with what whoever sent the file says; trust it only where the two are the same.",
            argument="sha256",
        )
    with database.translated(), transaction.atomic():
        timeouts.begin(actor, flushes=True, writes=True)
        Trust.objects.get_or_create(
            sha256=described.sha256, defaults={"file": described.file, "username": actor.username or ""}
        )
        publishing.tell(work, described)
    return described.sha256


def _signed(data: bytes) -> Manifest:
    found = manifest.parse(data)
    if not found.is_signed:
        raise BackupInvalid(
            "None of our keys signed the manifest.",
            hint="Bring the file without it; then it is a foreign one, which somebody must answer for.",
        )
    return found


def _receive(source: Iterable[bytes], measured: Measured, progress: Progress) -> bytes:
    """Write what comes, as long as it is not too much; return its start."""
    most, start = settings.BACKUP_MAX_UPLOAD_MB * _MB, b""
    for block in source:
        progress.check()
        if measured.size + len(block) > most:
            raise LimitExceeded(
                f"The file is larger than {settings.BACKUP_MAX_UPLOAD_MB} MB.",
                limit=settings.BACKUP_MAX_UPLOAD_MB,
            )
        start = start or block[:2]
        measured.write(block)
        progress.advance(len(block))
    return start
