"""Which backups have had their time: a matter of names, moments and rules alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final


@dataclass(frozen=True)
class Kept:
    """A backup as far as its keeping goes."""

    name: str
    created_at: datetime
    is_proven: bool  # it was restored, and was what it should be
    series: str = ""  # of what: rules hold for each series for itself
    builds_on: tuple[str, ...] = ()  # what it can't be restored without


@dataclass(frozen=True)
class Rules:
    """What is kept: everything for some days, then the newest of a day, of a week, of a month; nothing for longer."""

    all_days: int = 2
    daily: int = 14
    weekly: int = 8
    monthly: int = 3
    max_days: int = 90


DEFAULT_RULES: Final = Rules()


def expired(backups: Iterable[Kept], now: datetime, rules: Rules = DEFAULT_RULES) -> list[str]:
    """This function will return the names of the backups that may go, oldest first.

    Never the newest of a series, nor the newest that is proven, nor what one that stays builds on; and none from the
    future, which a clock has misplaced. What builds on others is not kept for a day's, a week's or a month's sake.
    """
    found, keep = list(backups), set[str]()
    series: dict[str, list[Kept]] = {}
    for backup in found:
        series.setdefault(backup.series, []).append(backup)
    for members in series.values():
        members.sort(key=lambda backup: (backup.created_at, backup.name), reverse=True)
        keep |= _kept(members, now, rules)
    keep |= {name for backup in found if backup.name in keep for name in backup.builds_on}
    going = [backup for backup in found if backup.name not in keep]
    return [backup.name for backup in sorted(going, key=lambda backup: (backup.created_at, backup.name))]


def _kept(newest_first: list[Kept], now: datetime, rules: Rules) -> set[str]:
    """The names of what stays of one series."""
    young = [b for b in newest_first if now - b.created_at <= timedelta(days=rules.max_days)]
    keep = {b.name for b in young if now - b.created_at <= timedelta(days=rules.all_days)}
    apart = [b for b in young if not b.builds_on]
    for count, period in ((rules.daily, _day), (rules.weekly, _week), (rules.monthly, _month)):
        keep |= _newest_of_each(apart, period, count)
    keep |= {backup.name for backup in newest_first[:1]}
    keep |= {backup.name for backup in [b for b in newest_first if b.is_proven][:1]}
    return keep


def _newest_of_each(newest_first: list[Kept], period: Callable[[datetime], object], count: int) -> set[str]:
    """The newest of each of the last `count` periods that have any."""
    found: dict[object, str] = {}
    for backup in newest_first:
        found.setdefault(period(backup.created_at.astimezone(UTC)), backup.name)
    return set(list(found.values())[:count])


def _day(moment: datetime) -> object:
    return moment.date()


def _week(moment: datetime) -> object:
    return moment.isocalendar()[:2]


def _month(moment: datetime) -> object:
    return (moment.year, moment.month)
