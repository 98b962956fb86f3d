"""What the log tells of its moments: the points that were named, and when transactions ended."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from backups import programs
from backups.pitr import segments
from backups.pitr.segments import Segment

_PAGE: Final = 8192
_POINT: Final = re.compile(
    r"lsn: (?P<lsn>[0-9A-F]+/[0-9A-F]+), .*desc: RESTORE_POINT (?P<name>.*)$", re.ASCII | re.MULTILINE
)
_END: Final = re.compile(
    r"lsn: (?P<lsn>[0-9A-F]+/[0-9A-F]+), .*desc: (?:COMMIT|ABORT) (?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}) UTC",
    re.ASCII,
)


@dataclass(frozen=True)
class Point:
    """A moment that somebody named."""

    name: str
    position: int


def points(found: Sequence[Segment]) -> list[Point]:
    """This function will return the moments that were named, in the order of the log."""
    with _in_place(found) as folder:
        said = "".join(_said(folder, segment, "XLOG") for segment in found)
    return [Point(match["name"], segments.position(match["lsn"])) for match in _POINT.finditer(said)]


def last_after(found: Sequence[Segment], time: datetime) -> int | None:
    """This function will return where the log has its last end of a transaction that was later than a time.

    None where it has none. A clock may have been set back: then earlier ones follow.
    """
    stamp = f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
    with _in_place(found) as folder:
        for segment in reversed(found):
            ends = _END.finditer(_said(folder, segment, "Transaction"))
            later = [end["lsn"] for end in ends if end["at"] > stamp]
            if later:
                return segments.position(later[-1])
    return None


@contextmanager
def _in_place(found: Sequence[Segment]) -> Iterator[Path]:
    """Give the segments the names that the program knows, those that are not full yet too."""
    with TemporaryDirectory(prefix="database-admin-server-log-") as name:
        for segment in found:
            Path(name, segment.name).symlink_to(segment.path)
        yield Path(name)


def _said(folder: Path, segment: Segment, kind: str) -> str:
    """What the program says of one segment's records of a kind; it fails at the end of the log.

    A record that ends in the next segment is among them, where there is that segment: the program would wait for it.
    """
    size = segment.path.stat().st_size
    after = segments.name(segment.timeline, segment.number + 1, size)
    more = _PAGE if (folder / after).exists() else 0
    start, end = (
        segments.lsn(place) for place in (segment.number * size, (segment.number + 1) * size + more)
    )
    place = ("-p", folder, "-t", str(segment.timeline), "-s", start, "-e", end)
    done = subprocess.run(  # noqa: S603 - our own list, no shell
        [programs.path_of("pg_waldump"), "--rmgr", kind, *place],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={"LC_ALL": "C", "TZ": "UTC"},
        cwd="/",
    )
    return done.stdout
