"""The trail summed up for charts: times by classes, and a step for each span of a period."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from accesscontrol.actor import Actor
from audit import overview as module
from audit import trail as writer
from audit.browsing import own
from audit.overview import overview, step_of
from audit.trail import Entry
from tests.audit.entries import ANN

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def timed(db: None) -> None:
    """A hundred entries that took from 1 to 100 ms, the last of which failed, and one of which nobody knows."""
    for took in range(1, 101):
        writer.record(Entry(ANN, "QUERY", "books", execution_time_ms=took, success=took < 100))


Sum = Callable[..., module.Overview]


@pytest.fixture
def summed(auditor: Actor) -> Sum:
    """Return a function that sums up what Ann did."""

    def sum_up(start: datetime | None = None, end: datetime | None = None) -> module.Overview:
        until = end or timezone.now() + timedelta(seconds=1)
        return overview(actor=auditor, chosen=Q(user_id="ann"), start=start, end=until)

    return sum_up


def test_times_are_those_that_were_taken_and_exact_to_five_percent(timed: None, summed: Sum) -> None:
    found = summed()

    (step,) = [step for step in found.steps if step.number]
    assert (step.number, step.failed) == (100, 1)
    for told, exact in ((step.median, 50), (step.percentile_95, 95), (found.percentile_95, 95)):
        assert told is not None
        assert exact <= told <= exact * 1.05 + 1
        assert told == round(told)
    assert (found.all.number, found.all.failed, found.all.average, found.all.slowest) == (100, 1, 50.5, 100)
    assert [entry.execution_time for entry in found.slowest] == list(range(100, 100 - module.SLOWEST, -1))


def test_what_took_no_time_counts_all_the_same(summed: Sum) -> None:
    writer.record(Entry(ANN, "LOGIN"))

    found = summed()

    assert (found.all.number, found.percentile_95) == (1, 0)


def test_of_nothing_there_is_nothing(summed: Sum) -> None:
    found = summed()

    assert (found.all.number, found.percentile_95, found.slowest) == (0, None, [])
    assert not any(step.number for step in found.steps)
    assert found.by_operation == found.by_user == []


@pytest.mark.parametrize(
    ("period", "step", "most"),
    [
        (HOUR, HOUR / 60, 61),
        (DAY, HOUR, 26),
        (7 * DAY, DAY, 9),
        (100 * DAY, DAY, 102),
    ],
)
def test_a_period_has_as_many_steps_as_a_chart_can_show(
    timed: None, summed: Sum, period: timedelta, step: timedelta, most: int
) -> None:
    now = timezone.now() + timedelta(seconds=1)

    found = summed(now - period, now)

    assert found.length == step_of(period) == step
    assert len(found.steps) <= most
    assert {later.at - earlier.at for earlier, later in zip(found.steps, found.steps[1:], strict=False)} <= {
        step
    }
    assert found.steps[-1].at <= now
    assert sum(one.number for one in found.steps) == 100


def test_one_that_began_long_ago_begins_with_the_first_entry(timed: None, summed: Sum) -> None:
    for start in (datetime(1, 1, 1, tzinfo=UTC), timezone.now() - 365 * DAY):
        found = summed(start)

        assert len(found.steps) <= 2
        assert sum(step.number for step in found.steps) == 100


def test_what_somebody_did_last_leaves_out_what_is_no_deed(auditor: Actor) -> None:
    for actor, operation in (
        (auditor, "UPDATE"),
        (auditor, "QUERY"),
        (ANN, "DELETE"),
        (auditor, "INSERT"),
        (auditor, "QUERY"),
    ):
        writer.record(Entry(actor, operation, "books"))

    found = own(actor=auditor, besides=["QUERY", "AUDIT_QUERY"], limit=5)

    assert [entry.operation for entry in found] == ["INSERT", "UPDATE"]
