"""What people and the schedule do about bases: take one, see which there are, let old ones go, name a moment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from django.conf import settings
from django.db import transaction
from psycopg import sql

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, Refused
from accesscontrol.policy import Operation
from audit import timeouts
from audit.operation import audited
from audit.trail import Entry
from audit.work import Work
from backups import access, database
from backups.pitr import bases, receiver, recovery, segments, server
from backups.pitr.bases import Base, Described
from backups.pitr.receiver import State
from backups.pitr.segments import Segment
from backups.pitr.server import Server
from jobs.progress import SILENT, Progress

# The name alone is not on the disk before somebody commits: so this transaction does, with a number of its own.
_NAME: Final = "SELECT pg_catalog.pg_create_restore_point({}), pg_catalog.pg_current_xact_id()"
_POINT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)  # PostgreSQL keeps 63 bytes


@dataclass(frozen=True)
class Gap:
    """Two bases between which a part of the log is missing: not every moment between them can be brought back."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Status:
    """How far back, and up to which moment, the server can be brought back."""

    bases: Sequence[Described]
    receiver: State
    is_current: bool  # the newest base leads, without a gap, to what the server writes now
    gaps: Sequence[Gap]  # before it


@dataclass(frozen=True)
class BaseShown:
    """A base as people and programs are shown it."""

    name: str
    finished_at: datetime
    size_bytes: int


@dataclass(frozen=True)
class Moments:
    """Which moments can be brought back: from `since`, but for `gaps`, to now where the newest base leads on to it."""

    is_wanted: bool
    since: datetime | None = None
    is_current: bool = False
    receiver_is_running: bool = False
    receiver_behind_bytes: int | None = None
    bases: list[BaseShown] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    problem: str | None = None  # why the server can't be asked


def take_base(*, actor: Actor, progress: Progress = SILENT) -> Described:
    """This function will copy the whole server, and look at every file of the copy.

    :raises Forbidden: the actor may not back up every table with every column
    :raises ReplicationNeeded: no role is known that may replicate
    :raises Conflict, Cancelled, BackupInvalid, Unavailable: it could not be taken; nothing is left
    """
    work = Work("BACKUP_FULL", actor)
    access.require_all(actor, Operation.BACKUP)
    with bases.draft(server.identify(), progress) as draft:
        made = draft.described
        work.entry.record_id = made.name
        work.entry.changes = {"base": {"new": made.name}, "size_bytes": {"new": made.size_bytes}}
        with database.translated(), transaction.atomic():
            timeouts.begin(actor, flushes=True)
            work.finish()
            draft.publish()
    progress.log(f"{made.name}: {made.size_bytes} bytes.")
    return made


@audited("LIST_BACKUPS")
def moments(entry: Entry, *, actor: Actor) -> Moments:
    """This function will tell which moments can be brought back, and how what it takes is doing.

    :raises Forbidden: the actor may not manage backups
    """
    access.require_management(actor)
    if not settings.POINT_IN_TIME:
        return Moments(is_wanted=False)
    try:
        found = current()
    except Refused as refusal:
        return Moments(is_wanted=True, problem=refusal.message)
    entry.record_count = len(found.bases)
    return Moments(
        is_wanted=True,
        since=found.bases[0].finished_at if found.bases else None,
        is_current=found.is_current,
        receiver_is_running=found.receiver.is_running,
        receiver_behind_bytes=found.receiver.behind_bytes,
        bases=[BaseShown(base.name, base.finished_at, base.size_bytes) for base in found.bases],
        gaps=list(found.gaps),
    )


def current() -> Status:
    """This function will tell the same to the server itself.

    :raises ReplicationNeeded, Unavailable: the server can't be asked
    """
    this = server.identify()
    found = bases.found(this.folder)
    log = segments.find(receiver.folders(this.folder), this.segment_bytes)
    return Status(
        [base.described for base in found], receiver.state(), _leads_on(found, log, this), _gaps(found, log)
    )


def expire(*, actor: Actor, now: datetime) -> list[str]:
    """This function will delete the bases that are not needed for the days that are kept, and the log before the rest.

    :return: the names of the bases that went
    :raises Forbidden: the actor may not manage backups
    """
    access.require_management(actor)
    this = server.identify()
    found = bases.found(this.folder)
    described = [base.described for base in found]
    going = bases.unneeded(described, now - timedelta(days=settings.PITR_DAYS))
    for base in found:
        if base.described not in going:
            continue
        work = Work("DELETE_BACKUP", actor)
        work.entry.record_id = base.described.name
        work.entry.changes = {"base": {"old": base.described.name}}
        with database.translated(), transaction.atomic():
            timeouts.begin(actor, flushes=True)
            work.finish()
        bases.remove(base)
    _prune([base for base in found if base.described not in going])
    return [base.name for base in going]


def name_moment(name: str) -> None:
    """This function will name this moment in the log, so that the server can be brought back to just here.

    :raises InvalidInput: it is no name
    :raises ReplicationNeeded, Unavailable: the role that replicates may not, or the server can't be reached
    """
    if not _POINT.fullmatch(name):
        raise InvalidInput(
            "A name has up to 63 letters, digits, dots, underscores and hyphens.", argument="name"
        )
    with server.connect() as connection:
        connection.execute("SET synchronous_commit = local")
        connection.execute(sql.SQL(_NAME).format(sql.Literal(name)))


def _leads_on(found: Sequence[Base], log: Sequence[Segment], this: Server) -> bool:
    """Whether the newest base is of the server's timeline, and the log since it has no gap."""
    return bool(found) and found[-1].described.timeline == this.timeline and not recovery.gap(found[-1], log)


def _gaps(found: Sequence[Base], log: Sequence[Segment]) -> list[Gap]:
    """Where the log does not lead from a base to the next."""
    return [
        Gap(base.described.finished_at, then.described.finished_at)
        for base, then in pairwise(found)
        if recovery.gap(base, log, then.described.first_segment)
    ]


def _prune(kept: Sequence[Base]) -> None:
    """Delete the log that no base needs; what lies in a folder of the log and is none of it stays.

    So does what is not full yet, where the receiver may go on with it.
    """
    if not kept:
        return
    first = min(base.described.first_segment for base in kept)
    folders = receiver.folders(kept[0].folder.parent)
    for segment in segments.find(folders, kept[0].described.segment_bytes):
        if segment.number < first and not (segment.is_partial and segment.path.parent == folders[-1]):
            segment.path.unlink()
