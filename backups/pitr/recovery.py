"""A data directory as the server's was at a moment: a base, the log since, and where to stop in it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from accesscontrol.errors import Conflict, InvalidInput, NotFound
from backups.errors import BackupInvalid
from backups.pitr import bases, checking, reading, receiver, segments, server
from backups.pitr.bases import Base, Described
from backups.pitr.segments import Segment
from jobs.progress import Progress

LATEST: Final = "latest"
SETTINGS: Final = (
    "restore_command", "recovery_target_time", "recovery_target_name", "recovery_target_action",
    "recovery_target_timeline",
)  # fmt: skip
"""What is written to `postgresql.auto.conf`, to be reset once the server has recovered."""
_LOG: Final = "pg_wal"


@dataclass(frozen=True)
class Target:
    """Where to stop: a time, a named point, or the end of the log where there is neither."""

    time: datetime | None = None
    name: str | None = None

    def __str__(self) -> str:
        return self.name or (f"{self.time:%Y-%m-%d %H:%M:%S.%f} UTC" if self.time else "the end of the log")


@dataclass(frozen=True)
class Prepared:
    """A data directory, ready for a server to recover in it."""

    data: Path
    base: Base
    target: Target  # what can be reached
    asked: Target


def parse(text: str) -> Target:
    """This function will read a target: `latest`, a time of ISO 8601 with its zone, or the name of a restore point.

    :raises InvalidInput: it is a time without a zone
    """
    if text == LATEST:
        return Target()
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return Target(name=text)
    if time.tzinfo is None:
        raise InvalidInput("The time lacks its zone.", argument="to", hint=f"For example: {text}Z")
    return Target(time=time.astimezone(UTC))


def prepare(target: Target, data: Path, progress: Progress, *, system_id: str | None = None) -> Prepared:
    """This function will make a data directory in which a server recovers to the target, and then goes on from there.

    Nothing that is there already is touched. The base is looked at once more, file by file.

    :raises Conflict: there is something at `data`
    :raises NotFound: no base is old enough, or no point has that name
    :raises BackupInvalid: the base, or the log since, is not whole
    :raises Cancelled: it is not wanted any more
    """
    if data.exists():
        raise Conflict(f"{data} exists.", hint="Name a folder that is not there yet.")
    folder = _system(system_id)
    all_bases = bases.found(folder)
    if not all_bases:
        raise NotFound(f"There is no base in {folder}.")
    found = segments.find(receiver.folders(folder), all_bases[-1].described.segment_bytes)
    start, reachable = choose(target, [base.described for base in all_bases], found)
    base = next(base for base in all_bases if base.described == start)
    since = [segment for segment in found if segment.number >= base.described.first_segment]
    if missing := gap(base, since):
        since = [segment for segment in since if segment.number < missing[0]]
        _require_within(since, reachable, base, missing)
    checking.check(base.folder, progress)
    try:
        _copy(base, since, segments.histories(receiver.folders(folder)), data, progress)
        _configure(data, reachable)
    except BaseException:
        shutil.rmtree(data, ignore_errors=True)
        raise
    return Prepared(data, base, reachable, target)


def _system(system_id: str | None) -> Path:
    """The folder of the server that is asked for; without its id, the one that was copied last."""
    if system_id is not None:
        return server.root() / system_id
    known = [path for path in server.root().glob("*") if path.name.isdigit()]
    newest = {found[-1].described.finished_at: path for path in known if (found := bases.found(path))}
    if not newest:
        raise NotFound(f"There is no base in {server.root()}.")
    return newest[max(newest)]


def choose(target: Target, known: Sequence[Described], found: Sequence[Segment]) -> tuple[Described, Target]:
    """This function will return the newest base before the target, as little log is read from it, and what is reached.

    That is the end of the log where it comes first: a server refuses to stop at what it never reaches. A time that a
    clock showed twice is the later of the two that is reached.

    :raises NotFound: no base is old enough, or no point has that name
    """
    fitting, reachable = list(known), target
    if target.name is not None:
        fitting = _ended_by(_position_of(target.name, found), known)
    elif target.time is not None:
        fitting = _finished_by(target.time, known)
        reaching = _ended_by(reading.last_after(found, target.time), fitting)
        fitting, reachable = (reaching, target) if reaching else (fitting, Target())
    if not fitting:
        raise _too_early(known)
    return fitting[-1], reachable


def first_looked_at(target: Target, known: Sequence[Described]) -> Described:
    """This function will return the base since which the log must be known for `choose`, of bases in their order.

    For a time that is the base before it, unless one still earlier says a later time, since a clock was set back.

    :raises NotFound: no base is old enough
    """
    if target.name is not None:
        return known[0]
    if target.time is None:
        return known[-1]
    fitting = _finished_by(target.time, known)
    if not fitting:
        raise _too_early(known)
    return next(base for base in fitting if base.finished_at >= fitting[-1].finished_at)


def _finished_by(time: datetime, known: Sequence[Described]) -> list[Described]:
    return [base for base in known if base.finished_at <= time]


def _ended_by(position: int | None, known: Sequence[Described]) -> list[Described]:
    """The bases that were there before a place in the log."""
    return [base for base in known if position and segments.position(base.end) <= position]


def _too_early(known: Sequence[Described]) -> NotFound:
    oldest = min(base.finished_at for base in known)
    return NotFound(
        f"Nothing before {oldest:%Y-%m-%d %H:%M:%S} UTC can be brought back: that is the oldest base."
    )


def _position_of(name: str, found: Sequence[Segment]) -> int:
    """Where the log has the point of that name."""
    known = reading.points(found)
    # Once each: a new timeline begins with what the last segment of the old one has.
    positions = {point.position for point in known if point.name == name}
    if not positions:
        names = ", ".join(sorted({point.name for point in known})[-20:])
        raise NotFound(f"No point has the name {name!r}.", hint=f"These have one: {names or 'none'}.")
    if len(positions) > 1:
        raise InvalidInput(
            f"{len(positions)} points have the name {name!r}.", argument="to", hint="Give the time instead."
        )
    return positions.pop()


def gap(base: Base, found: Sequence[Segment], end: int | None = None) -> list[int]:
    """This function will return the numbers of the segments that are missing between a base and the end of the log.

    The base's own part of the log counts too. With `end` the log is looked at up to there.
    """
    own = {segment.number for segment in segments.find([base.folder / _LOG], base.described.segment_bytes)}
    missing = segments.missing(found, base.described.first_segment, end)
    return [number for number in missing if number not in own]


def _require_within(since: Sequence[Segment], target: Target, base: Base, missing: Sequence[int]) -> None:
    """Refuse what comes after a gap, where the log would end unnoticed."""
    if target.name is not None:
        is_within = target.name in {point.name for point in reading.points(since)}
    else:
        is_within = target.time is not None and reading.last_after(since, target.time) is not None
    if not is_within:
        raise BackupInvalid(
            f"{len(missing)} segments of the log are missing since the base {base.described.name}: nothing after them"
            " can be brought back from it."
        )


def _copy(
    base: Base, since: Sequence[Segment], histories: Sequence[Path], data: Path, progress: Progress
) -> None:
    progress.begin("Copy of the base", base.described.size_bytes)
    shutil.copytree(base.folder, data, copy_function=_watched(progress))
    (data / checking.MANIFEST).unlink()
    data.chmod(0o700)
    progress.begin("Copy of the log", len(since) * base.described.segment_bytes)
    log = data / _LOG
    for history in histories:
        shutil.copy(history, log / history.name)
    copy = _watched(progress)
    for segment in since:
        place = log / segment.name
        own = place.rename(place.with_suffix(".own")) if place.exists() else None
        copy(str(segment.path), str(place))
        if own is not None:
            _keep_the_longer(base, own, place)


def _watched(progress: Progress) -> Any:
    """A copy of one file, that tells how far it is and is ended when it is not wanted any more."""

    def copy(source: str, target: str) -> str:
        progress.check()
        progress.advance(Path(source).stat().st_size)
        return str(shutil.copy(source, target))

    return copy


def _keep_the_longer(base: Base, own: Path, received: Path) -> None:
    """Keep the base's own segment where what was received of it does not reach the base's end."""
    part = {
        "Timeline": base.described.timeline,
        "Start-LSN": base.described.start,
        "End-LSN": base.described.end,
    }
    try:
        checking.check_log(received.parent, part)
    except BackupInvalid:
        own.replace(received)
    else:
        own.unlink()


def _configure(data: Path, target: Target) -> None:
    """Tell the server to recover, from the log that lies in place, and to go on once it is there."""
    chosen = {
        "restore_command": "false",  # nothing is to be fetched
        "recovery_target_action": "promote",
        "recovery_target_timeline": "latest",
    }
    if target.name is not None:
        chosen["recovery_target_name"] = target.name
    if target.time is not None:
        chosen["recovery_target_time"] = target.time.isoformat()
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in chosen.items()]
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.writelines(lines)
    (data / "recovery.signal").touch(mode=0o600)
