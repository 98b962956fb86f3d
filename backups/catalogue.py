"""Which backups there are, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accesscontrol.errors import NotFound
from backups import manifest, names
from backups.errors import BackupInvalid
from backups.manifest import Manifest
from backups.models import OffsiteCopy, OffsiteState, Trust, Verification
from backups.storage import Storage


@dataclass(frozen=True)
class Found:
    """One backup."""

    file: str
    type: str
    table: str | None
    size_bytes: int  # of all its files
    created_at: datetime
    sha256: str
    tables: int
    record_count: int
    verified_at: datetime | None
    is_valid: bool | None  # as it was found then
    is_proven: bool  # it was restored into a scratch database, and was the same
    is_signed: bool  # by one of our keys
    is_trusted: bool  # somebody answers for it, signed or not
    base_backup: str | None  # that which it is the changes since
    chain: list[
        str
    ]  # what must be there to restore it: a full backup first, the base last; of others, nothing
    encrypted: bool  # its part with accounts and secrets is there
    offsite: bool  # there is a copy in the bucket, and it was read back to its last byte
    offsite_state: str | None  # copying, copied, verified, failed or expired
    offsite_reason: str | None  # why it failed


def read(storage: Storage) -> tuple[list[Found], list[str]]:
    """This function will return the backups, newest first, and the names of manifests that can't be read."""
    present = set(storage.names())
    described, unreadable = [], []
    for file in sorted(present):
        if names.stem_of_manifest(file) is None:
            continue
        try:
            described.append(manifest.read_file(storage, file))
        except (BackupInvalid, NotFound):  # NotFound: deleted meanwhile
            unreadable.append(file)
    found = [_found(one, present) for one in _with_knowledge(described)]
    return sorted(found, key=lambda backup: (backup.created_at, backup.file), reverse=True), unreadable


def proven(sums: Iterable[str]) -> set[str]:
    """This function will return those whose backup was restored aside, found the same, and not found spoilt since."""
    last: dict[str, bool] = {}
    last_deep: dict[str, bool] = {}
    looks = Verification.objects.filter(sha256__in=list(sums)).order_by("id")
    for sha256, deep, valid in looks.values_list("sha256", "deep", "valid"):
        last[sha256] = valid
        if deep:
            last_deep[sha256] = valid
    return {sha256 for sha256, valid in last_deep.items() if valid and last[sha256]}


@dataclass(frozen=True)
class _Known:
    manifest: Manifest
    last: Verification | None
    last_deep: Verification | None
    is_trusted: bool
    copy: OffsiteCopy | None


def _with_knowledge(described: list[Manifest]) -> list[_Known]:
    """Each manifest with what was found out about its file, in three queries for all."""
    sums = [one.sha256 for one in described]
    trusted = set(Trust.objects.filter(sha256__in=sums).values_list("sha256", flat=True))
    copies = {copy.sha256: copy for copy in OffsiteCopy.objects.filter(sha256__in=sums)}
    last: dict[str, Verification] = {}
    last_deep: dict[str, Verification] = {}
    for verification in Verification.objects.filter(sha256__in=sums).order_by("id"):
        last[verification.sha256] = verification
        if verification.deep:
            last_deep[verification.sha256] = verification
    return [
        _Known(
            one,
            last.get(one.sha256),
            last_deep.get(one.sha256),
            one.sha256 in trusted,
            copies.get(one.sha256),
        )
        for one in described
    ]


def _found(known: _Known, present: set[str]) -> Found:
    one, last, deep, copy = known.manifest, known.last, known.last_deep, known.copy
    chain = [link.file for link in one.chain.before] if one.chain and one.is_signed else []
    app = one.app if one.app and one.app.file in present else None
    return Found(
        file=one.file,
        type=one.type,
        table=one.table,
        size_bytes=one.size_bytes + (app.size_bytes if app else 0),
        created_at=one.created,
        sha256=one.sha256,
        tables=len(one.tables),
        record_count=one.record_count,
        verified_at=last.verified_at if last else None,
        is_valid=last.valid if last else None,
        is_proven=bool(deep and deep.valid and last and last.valid),
        is_signed=one.is_signed,
        is_trusted=known.is_trusted,
        base_backup=chain[-1] if chain else None,
        chain=chain,
        encrypted=app is not None,
        offsite=copy is not None and copy.state == OffsiteState.VERIFIED,
        offsite_state=copy.state if copy else None,
        offsite_reason=copy.reason or None if copy else None,
    )
