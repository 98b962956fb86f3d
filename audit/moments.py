"""Points in time as callers write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

FORM = "an ISO 8601 time such as 2026-11-22T20:15:00Z, or a date such as 2026-11-22"
_DATE = r"\d{4}-\d{2}-\d{2}"
_MOMENT = re.compile(
    rf"{_DATE}(?:[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,6}})?)?(?:Z|[+-]\d{{2}}:?\d{{2}})?)?", re.ASCII
)


def parse(value: object) -> datetime:
    """This function will return a time in UTC from an ISO 8601 text, a date or a datetime.

    Without a zone it is UTC; a date is its midnight; microseconds are kept, finer than that is refused.

    :raises ValueError: not a time, or outside the years 1 to 9999 in UTC
    """
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        value = _read(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise ValueError(f"is not {FORM}")
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999") from None


def _read(text: str) -> datetime:
    """The moment a well-formed text spells."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:  # such as the 31st of February
        raise ValueError(f"is not {FORM}: {error}") from None
