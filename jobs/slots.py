"""Which moment of a schedule was the last: pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final

from celery.schedules import crontab, schedule

_DAYS: Final = 366 * 40  # until the 29th of February has been each day of the week


def latest(plan: schedule, now: datetime) -> datetime | None:
    """This function will return the last moment until `now` that a plan names, in UTC; None where it names none."""
    if isinstance(plan, crontab):
        return _latest_of_crontab(plan, now)
    period = plan.run_every.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // period * period, UTC) if period else None


def _latest_of_crontab(plan: crontab, now: datetime) -> datetime | None:
    here = now.astimezone(plan.tz)
    for back in range(_DAYS):
        day = here.date() - timedelta(days=back)
        if (
            day.month not in plan.month_of_year
            or day.day not in plan.day_of_month
            or day.isoweekday() % 7 not in plan.day_of_week
        ):
            continue
        for hour in sorted(plan.hour, reverse=True):
            for minute in sorted(plan.minute, reverse=True):
                moment = datetime.combine(day, time(hour, minute), here.tzinfo).astimezone(UTC)
                if moment <= now:
                    return moment
    return None
