"""The files of the write-ahead log: how they are named, and which of them follow each other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PARTIAL: Final = ".partial"
_SEGMENT: Final = re.compile(r"[0-9A-F]{8}(?P<high>[0-9A-F]{8})(?P<low>[0-9A-F]{8})(\.partial)?", re.ASCII)
_HISTORY: Final = re.compile(r"[0-9A-F]{8}\.history", re.ASCII)
_LSN: Final = re.compile(r"(?P<high>[0-9A-F]{1,8})/(?P<low>[0-9A-F]{1,8})", re.ASCII)
_HIGH: Final = 1 << 32


@dataclass(frozen=True, order=True)
class Segment:
    """One file of the log, or the part of it that was written so far."""

    number: int  # in the order of the log, whatever the timeline
    timeline: int
    is_partial: bool
    path: Path

    @property
    def name(self) -> str:
        """What the server calls it."""
        return self.path.name.removesuffix(PARTIAL)


def position(lsn: str) -> int:
    """This function will read a place in the log as PostgreSQL writes it, `16/B374D848`.

    :raises ValueError: it is none
    """
    found = _LSN.fullmatch(lsn)
    if found is None:
        raise ValueError("not a position in the log")
    return int(found["high"], 16) * _HIGH + int(found["low"], 16)


def lsn(position: int) -> str:
    """This function will write a place in the log as PostgreSQL does."""
    return f"{position // _HIGH:X}/{position % _HIGH:X}"


def number(name: str, segment_bytes: int) -> int | None:
    """This function will return a segment's place in the order of the log, by its name; None for any other name."""
    match = _SEGMENT.fullmatch(name)
    if match is None:
        return None
    return int(match["high"], 16) * (_HIGH // segment_bytes) + int(match["low"], 16)


def name(timeline: int, number: int, segment_bytes: int) -> str:
    """This function will return what the server calls a segment."""
    high, low = divmod(number, _HIGH // segment_bytes)
    return f"{timeline:08X}{high:08X}{low:08X}"


def find(folders: Iterable[Path], segment_bytes: int) -> list[Segment]:
    """This function will return the segments that lie in folders, in the order of the log; of each its fullest file."""
    found: dict[str, Segment] = {}
    for path in sorted(path for folder in folders for path in folder.iterdir()):
        place = number(path.name, segment_bytes)
        if place is None or path.stat().st_size != segment_bytes:
            continue
        segment = Segment(place, int(path.name[:8], 16), path.name.endswith(PARTIAL), path)
        known = found.get(segment.name)
        if known is None or known.is_partial:
            found[segment.name] = segment
    return sorted(found.values())


def histories(folders: Iterable[Path]) -> list[Path]:
    """This function will return the files that say where timelines branched off."""
    return sorted(path for folder in folders for path in folder.iterdir() if _HISTORY.fullmatch(path.name))


def missing(segments: Iterable[Segment], start: int, end: int | None = None) -> list[int]:
    """This function will return the numbers from `start` up to `end` that none of the segments has as a whole.

    Without `end` they go up to the last segment, of which there need be no more than a part.
    """
    since = [segment for segment in segments if segment.number >= start]
    if end is None:
        end = max((segment.number for segment in since), default=start)
    whole = {segment.number for segment in since if not segment.is_partial}
    return [number for number in range(start, end) if number not in whole]
