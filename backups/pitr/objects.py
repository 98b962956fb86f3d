"""What the bucket has of servers, by its names:

pitr/SYSTEM/base_….tar.gz.enc      a base
pitr/SYSTEM/base_….json.enc        its description; without it there is none
pitr/SYSTEM/log_TIMELINE/….gz.enc  a segment, or as much of it as there is
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import structlog

from backups.errors import BackupInvalid, OffsiteDamaged, OffsiteMissing
from backups.offsite import transfer
from backups.offsite.bucket import Bucket
from backups.offsite.fetching import any_version
from backups.pitr import bases
from backups.pitr.bases import Described

ROOT: Final = "pitr/"
GZ: Final = ".gz"
TAR: Final = ".tar.gz"
JSON: Final = ".json"

logger = structlog.get_logger(__name__)


def target(folder: Path, name: str) -> str:
    """This function will return what a file of a server's folder is called."""
    return f"{ROOT}{folder.name}/{name}{transfer.SUFFIX}"


def described(bucket: Bucket, system_id: str, *, deleted: bool = False) -> list[Described]:
    """This function will return the bases of a server that the bucket has, in the order of the log.

    What is not ours is none. With `deleted` those are there too that somebody deleted, and the bucket still keeps.

    :raises OffsiteDamaged: there is none but what is not ours
    """
    start, end = f"{ROOT}{system_id}/", f"{JSON}{transfer.SUFFIX}"
    names = [name for name in bucket.sizes(deleted=deleted) if name.startswith(start) and name.endswith(end)]
    known, refused = list[Described](), list[OffsiteDamaged | OffsiteMissing]()
    for name in names:
        try:
            known.append(_described(bucket, name, name.removeprefix(start).removesuffix(end)))
        except (OffsiteDamaged, OffsiteMissing) as refusal:
            logger.warning("base_not_known", file=name, error=refusal.message)
            refused.append(refusal)
    if refused and not known:
        raise refused[0]
    return sorted(known, key=lambda each: each.order)


def _described(bucket: Bucket, target: str, name: str) -> Described:
    def read(version: str | None) -> Described:
        try:
            return bases.parse(b"".join(transfer.texts(bucket, target, version=version)), name)
        except BackupInvalid as refusal:
            raise OffsiteDamaged(f"{target}: {refusal.message}") from refusal

    return any_version(bucket, target, read)
