"""Retention: what stays, over a simulated year and whatever the backups are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backups.retention import DEFAULT_RULES, Kept, Rules, expired

START = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)

MOMENTS = st.integers(0, 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
BACKUPS = st.lists(
    st.builds(
        Kept,
        name=st.uuids().map(str),
        created_at=MOMENTS,
        is_proven=st.booleans(),
        series=st.sampled_from("ab"),
    ),
    unique_by=lambda backup: backup.name,
)


def backup(day: int, *, proven: bool = False, hour: int = 0, series: str = "full") -> Kept:
    return Kept(f"{series} {day}.{hour}", START + day * DAY + timedelta(hours=hour), proven, series)


class TestYear:
    def test_a_nightly_backup_keeps_days_weeks_and_months_and_no_more(self):
        kept: list[Kept] = []
        for day in range(365):
            now = START + day * DAY + timedelta(hours=1)
            kept.append(backup(day, proven=True))
            gone = expired(kept, now)
            kept = [one for one in kept if one.name not in gone]
            if day > 120:
                days = {(now - one.created_at).days for one in kept}
                assert set(range(14)) <= days
                assert max(days) <= DEFAULT_RULES.max_days
                assert 18 <= len(kept) <= 14 + 8 + 3
        weeks = {one.created_at.isocalendar()[:2] for one in kept}
        assert len(weeks) >= 8

    def test_when_proofs_stop_the_last_proven_one_stays_for_good(self):
        kept: list[Kept] = []
        for day in range(365):
            kept.append(backup(day, proven=day <= 30))
            gone = expired(kept, START + day * DAY)
            kept = [one for one in kept if one.name not in gone]

        assert "full 30.0" in {one.name for one in kept}
        assert {one.name for one in kept if (kept[-1].created_at - one.created_at).days > 90} == {"full 30.0"}

    def test_when_backups_stop_the_newest_stays_for_good(self):
        kept = [backup(day) for day in range(30)]

        assert set(expired(kept, START + 365 * DAY)) == {one.name for one in kept[:-1]}

    def test_all_of_the_last_days_stay_and_of_an_older_day_the_newest(self):
        kept = [backup(day, hour=hour) for day in (0, 9) for hour in range(3)]

        assert expired(kept, START + 10 * DAY) == ["full 0.0", "full 0.1"]

    def test_series_do_not_stand_in_for_each_other(self):
        old, new = backup(0, series="books"), backup(200)

        assert expired([old, new], START + 200 * DAY) == []


class TestAlways:
    @given(BACKUPS, MOMENTS)
    def test_the_newest_and_the_last_proven_of_each_series_stay(self, backups, now):
        gone = set(expired(backups, now, Rules(0, 0, 0, 0, 0)))

        for series in "ab":
            members = sorted((b for b in backups if b.series == series), key=lambda b: (b.created_at, b.name))
            for chosen in (members, [b for b in members if b.is_proven]):
                assert not chosen or chosen[-1].name not in gone

    @given(BACKUPS, MOMENTS, st.randoms())
    def test_the_order_does_not_matter_and_a_second_time_lets_nothing_more_go(self, backups, now, random):
        gone = expired(backups, now)
        shuffled = random.sample(backups, len(backups))

        assert expired(shuffled, now) == gone
        assert expired([b for b in backups if b.name not in gone], now) == []

    @given(BACKUPS, MOMENTS)
    def test_nothing_of_the_last_days_goes(self, backups, now):
        gone = set(expired(backups, now))

        assert not any(b.name in gone for b in backups if now - b.created_at <= 2 * DAY)


@given(BACKUPS, MOMENTS, st.randoms(use_true_random=False))
def test_nothing_that_stays_builds_on_what_goes(backups, now, random):
    chained: list[Kept] = []
    for backup in sorted(backups, key=lambda one: one.created_at):
        base = random.choice([None, *chained])
        before = () if base is None else (*base.builds_on, base.name)
        series = "chained" if before else backup.series
        chained.append(replace(backup, builds_on=before, series=series))

    gone = set(expired(chained, now))

    assert all(not gone & set(backup.builds_on) for backup in chained if backup.name not in gone)


def test_what_builds_on_another_is_kept_two_days_and_the_last_for_longer():
    full = backup(0)
    chain = [
        replace(backup(0, hour=4 * n, series="incremental"), builds_on=(full.name,)) for n in range(1, 4)
    ]

    assert expired([full, *chain], START + DAY) == []
    assert expired([full, *chain], START + 4 * DAY) == [one.name for one in chain[:2]]
