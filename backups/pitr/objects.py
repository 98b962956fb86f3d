"""What the bucket has of servers, by its names:

pitr/SYSTEM/base_….tar.gz.enc      a base
pitr/SYSTEM/base_….json.enc        its description; without it there is none
pitr/SYSTEM/log_TIMELINE/….gz.enc  a segment, or as much of it as there is
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from backups.errors import BackupInvalid, OffsiteDamaged
from backups.offsite import transfer
from backups.offsite.bucket import Bucket
from backups.pitr import bases
from backups.pitr.bases import Described

ROOT: Final = "pitr/"
GZ: Final = ".gz"
TAR: Final = ".tar.gz"
JSON: Final = ".json"


def target(folder: Path, name: str) -> str:
    """This function will return what a file of a server's folder is called."""
    return f"{ROOT}{folder.name}/{name}{transfer.SUFFIX}"


def described(bucket: Bucket, system_id: str) -> list[Described]:
    """This function will return the bases of a server that the bucket has, in the order of the log.

    :raises OffsiteDamaged: it holds what is not ours
    """
    start, end = f"{ROOT}{system_id}/", f"{JSON}{transfer.SUFFIX}"
    names = [name for name in bucket.sizes() if name.startswith(start) and name.endswith(end)]
    known = [_read_described(bucket, name, name.removeprefix(start).removesuffix(end)) for name in names]
    return sorted(known, key=lambda each: each.order)


def _read_described(bucket: Bucket, target: str, name: str) -> Described:
    try:
        return bases.parse(b"".join(transfer.texts(bucket, target)), name)
    except BackupInvalid as refusal:
        raise OffsiteDamaged(f"{target}: {refusal.message}") from refusal
