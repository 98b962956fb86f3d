"""Measuring one thing beside another: in turns, so that both meet the same noise."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

MIN_ROUNDS = 5

Work = Callable[[], object]


@dataclass(frozen=True)
class Limit:
    """What is promised: a ratio to the floor, or time above it, or both a ratio and a time in all."""

    ratio: float | None = None
    above_ms: float | None = None
    total_ms: float | None = None

    def __str__(self) -> str:
        parts = []
        if self.ratio is not None:
            parts.append(f"{self.ratio:g} \N{MULTIPLICATION SIGN}")
        if self.above_ms is not None:
            parts.append(f"+ {self.above_ms:g} ms")
        if self.total_ms is not None:
            parts.append(f"under {self.total_ms:g} ms")
        return " and ".join(parts)


@dataclass(frozen=True)
class Case:
    """One row of the table: our work, the floor it is measured against, and the limit."""

    name: str
    ours: Work
    floor: Work
    limit: Limit
    floor_is: str  # what the floor does, in a few words
    before: Work = lambda: None  # each round, outside the clock
    seconds: float = 2.0  # how long to go on beyond the least number of rounds
    max_rounds: int = 150
    warm_up: int = 6  # rounds before, at most, that are not counted


@dataclass(frozen=True)
class Result:
    """The medians of one case."""

    name: str
    ours_ms: float
    floor_ms: float
    rounds: int
    limit: Limit
    floor_is: str

    @property
    def ratio(self) -> float:
        """How many times as long our work takes."""
        return self.ours_ms / self.floor_ms

    @property
    def holds(self) -> bool:
        """Whether the limit is kept."""
        limit = self.limit
        return (
            (limit.ratio is None or self.ratio <= limit.ratio)
            and (limit.above_ms is None or self.ours_ms - self.floor_ms <= limit.above_ms)
            and (limit.total_ms is None or self.ours_ms < limit.total_ms)
        )

    @property
    def verdict(self) -> str:
        """The figure that the limit is about."""
        if self.limit.above_ms is not None:
            return f"{self.ours_ms - self.floor_ms:+.2f} ms"
        return f"{self.ratio:.2f} \N{MULTIPLICATION SIGN}"


def measure(case: Case, *, min_rounds: int = MIN_ROUNDS, warm_up: int = 6) -> Result:
    """This function will run a case's two works in turns, and return their medians.

    The first runs are not counted: by then statements are prepared and caches filled on both sides.
    """
    for _ in range(min(warm_up, case.warm_up)):
        case.before()
        case.ours()
        case.floor()
    ours: list[float] = []
    floor: list[float] = []
    until = perf_counter() + (case.seconds if min_rounds >= MIN_ROUNDS else 0)
    while len(ours) < min(min_rounds, case.max_rounds) or (
        perf_counter() < until and len(ours) < case.max_rounds
    ):
        case.before()
        # Each goes first as often as the other: what one leaves behind is not always the other's to bear.
        for work, times in ((case.ours, ours), (case.floor, floor))[:: 1 if len(ours) % 2 else -1]:
            times.append(_ms(work))
    return Result(case.name, median(ours), median(floor), len(ours), case.limit, case.floor_is)


def _ms(work: Work) -> float:
    gc.collect(0)
    started = perf_counter()
    work()
    return (perf_counter() - started) * 1000
