"""Points in time are read as people write them, and anything else is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from audit import moments


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T20:15", datetime(2026, 11, 22, 20, 15, tzinfo=UTC)),
        ("2026-11-22 20:15:01", datetime(2026, 11, 22, 20, 15, 1, tzinfo=UTC)),
        ("2026-11-22T20:15:01Z", datetime(2026, 11, 22, 20, 15, 1, tzinfo=UTC)),
        ("2026-11-22T20:15:01.000001Z", datetime(2026, 11, 22, 20, 15, 1, 1, tzinfo=UTC)),
        ("2026-11-22T20:15:01.5+02:00", datetime(2026, 11, 22, 18, 15, 1, 500_000, tzinfo=UTC)),
        ("2026-11-22T20:15:01-0130", datetime(2026, 11, 22, 21, 45, 1, tzinfo=UTC)),
        (date(2026, 11, 22), datetime(2026, 11, 22, tzinfo=UTC)),
        (datetime(2026, 11, 22, 1), datetime(2026, 11, 22, 1, tzinfo=UTC)),  # noqa: DTZ001 - without a zone
        (
            datetime(2026, 11, 22, 1, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 11, 21, 23, tzinfo=UTC),
        ),
    ],
)
def test_reads(written: object, meant: datetime) -> None:
    found = moments.parse(written)

    assert found == meant
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "written",
    [
        "", "today", "2026", "2026-11", "2026-W47", "20261122", "22.11.2026", "2026-02-31", "2026-11-22T25:00",
        "2026-11-22T20:15:01.0000001Z", "2026-11-22T20:15:01+99:99", " 2026-11-22", "2026-11-22\n", "0000-01-01",
        "\u0662\u0660\u0662\u0666-\u0661\u0661-\u0662\u0662", "2026-11-22T20:15:01Z; DROP",
        "1" * 100_000, "a\x00", 1_700_000_000, 1.5, True, None, [], {},
    ],
)  # fmt: skip
def test_refuses(written: object) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 time"):
        moments.parse(written)


@pytest.mark.parametrize("written", ["0001-01-01T00:00+00:01", "9999-12-31T23:59-00:01"])
def test_refuses_what_leaves_the_calendar_in_utc(written: str) -> None:
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        moments.parse(written)
