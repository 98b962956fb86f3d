"""How much a caller may do in a while: the setting RATE_LIMITS, read.

An amount is for one key. All that one user has may take twice as much together, and one address, which many may
share, four times as much: unless the setting says otherwise of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final


class Work(StrEnum):
    """What a request is counted as."""

    READ = "read"
    WRITE = "write"
    HEAVY = "heavy"  # batches, exports, imports, backups, restores
    LOGIN = "login"  # that fail


_HEAVY: Final = ("BATCH_", "EXPORT_", "IMPORT_", "BACKUP_", "RESTORE_FULL", "RESTORE_TABLE", "VALIDATE_")


def work_of(operation: str, *, reads: bool) -> Work:
    """This function will return what a request is counted as, by what the trail calls its operation."""
    if operation.startswith(_HEAVY):
        return Work.HEAVY
    return Work.READ if reads else Work.WRITE


class Cost(StrEnum):
    """What a request turns out to have cost."""

    ROWS = "rows"
    SECONDS = "seconds"


class Whose(StrEnum):
    """Who has a limit."""

    KEY = "key"
    USER = "user"
    ADDRESS = "address"


@dataclass(frozen=True, eq=False)
class Limit:
    """So much in so many seconds: all of it at once, or as it comes back, which it does steadily."""

    whose: Whose
    kind: Work | Cost
    amount: int
    period_s: int

    @cached_property
    def name(self) -> str:
        """What the setting and its callers call it."""
        return f"{self.whose}.{self.kind}"

    @cached_property
    def unit_s(self) -> float:
        """How long one takes to come back."""
        return self.period_s / self.amount


Limits = Mapping[tuple[Whose, Work | Cost], Limit]

# Whoever waits for each answer before the next request stays below these.
DEFAULT: Final = "read=30000/min write=15000/min heavy=600/min login=20/min rows=30M/min seconds=300/min"

_EACH: Final = {Whose.KEY: 1, Whose.USER: 2, Whose.ADDRESS: 4}
_OF: Final[Mapping[Work | Cost, Mapping[Whose, int]]] = {
    Work.READ: _EACH,
    Work.WRITE: _EACH,
    Work.HEAVY: _EACH,
    Work.LOGIN: {Whose.ADDRESS: 1},
    Cost.ROWS: {Whose.USER: 1},
    Cost.SECONDS: {Whose.USER: 1},
}
_PERIODS: Final = {"s": 1, "min": 60, "h": 3600}
_MULTIPLES: Final = {"": 1, "k": 1_000, "M": 1_000_000}
_ENTRY: Final = re.compile(
    rf"(?:({'|'.join(Whose)})\.)?({'|'.join([*Work, *Cost])})=(?:off|0|(\d{{1,9}})([kM]?)/({'|'.join(_PERIODS)}))"
)


def read(text: str) -> Limits:
    """This function will read limits as the setting has them; what it does not name is as by default.

    :raises ValueError: they can't be read
    """
    if text.strip().lower() in {"off", "0"}:
        return {}
    limits: dict[tuple[Whose, Work | Cost], Limit] = {}
    for given in (DEFAULT, text):
        for entry in sorted(given.replace(",", " ").split(), key=_is_of_one):
            _put(entry, limits)
    return limits


def _is_of_one(entry: str) -> bool:
    """Whether an entry says whose limit it is: such a one is heeded whatever stands behind it."""
    return "." in entry.partition("=")[0]


def _put(entry: str, limits: dict[tuple[Whose, Work | Cost], Limit]) -> None:
    found = _ENTRY.fullmatch(entry)
    kind = _kind(found[2]) if found else None
    whose = _OF[kind] if kind else {}
    if found is None or kind is None or (found[1] and found[1] not in whose):
        raise ValueError(f"can't be read at {entry[:40]!r}; an example is {DEFAULT!r}")
    amount = int(found[3] or 0) * _MULTIPLES[found[4] or ""]
    for who, factor in {Whose(found[1]): 1}.items() if found[1] else whose.items():
        limits.pop((who, kind), None)
        if amount:
            limits[who, kind] = Limit(who, kind, amount * factor, _PERIODS[found[5]])


def _kind(name: str) -> Work | Cost:
    return Work(name) if name in set(Work) else Cost(name)
