"""The trail summed up for charts: over time, by what was done, to what, by whom, and what took longest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import F, Q, QuerySet

from accesscontrol import policy
from accesscontrol.actor import Actor
from audit import queries
from audit.models import AuditLog
from audit.operation import audited
from audit.trail import Entry

SLOWEST: Final = 8
_ORIGIN: Final = datetime(2001, 1, 1, tzinfo=UTC)  # a Monday: weeks begin there
_STEPS: Final = (  # for periods up to the first, steps of the second
    (timedelta(hours=2), timedelta(minutes=1)),
    (timedelta(hours=12), timedelta(minutes=10)),
    (timedelta(days=3), timedelta(hours=1)),
    (timedelta(days=100), timedelta(days=1)),
    (timedelta(days=700), timedelta(days=7)),
    (timedelta.max, timedelta(days=28)),
)
_LONG: Final = _STEPS[3][0]
_BY: Final = ("operation", "table_name", "user_id", "channel", "error_code")
_SUMMED: Final = (*_BY, "success", "execution_time")
_TIMED: Final = ("timestamp", "success", "execution_time")
_UNLISTED: Final = ("changes", "client_info", "error_message")

# Summed up once in small groups, which are then summed up in five ways.
_GROUPS: Final = f"""
WITH groups AS MATERIALIZED (
    SELECT {", ".join(_BY)}, count(*) AS number, count(*) FILTER (WHERE NOT success) AS failed,
           sum(execution_time) AS took, count(execution_time) AS timed, max(execution_time) AS slowest
      FROM ({{rows}}) r GROUP BY {", ".join(_BY)}
)
SELECT grouping({", ".join(_BY)}) AS what, coalesce({", ".join(_BY)}) AS value,
       coalesce(sum(number), 0)::bigint AS number, coalesce(sum(failed), 0)::bigint AS failed,
       sum(took) / nullif(sum(timed), 0)::float8 AS average, max(slowest) AS slowest
  FROM groups GROUP BY GROUPING SETS ((), {", ".join(f"({name})" for name in _BY)})
 ORDER BY number DESC, value
"""  # noqa: S608 - our own column names
# Times are counted by classes, each a twentieth of an e-fold wide, which spares sorting them: the longest of the class
# in which a percentile lies is at most 5 % longer than the percentile, and was really taken.
# OFFSET 0 keeps the planner from thinking of a group for each row, and sorting them all.
_STEPPED: Final = """
SELECT at, class, count(*) AS number, count(*) FILTER (WHERE NOT success) AS failed, max(execution_time) AS longest
  FROM (SELECT date_bin(%s, timestamp, %s) AS at, floor(ln(greatest(execution_time, 0.001)) * 20) AS class,
               success, execution_time FROM ({rows}) r OFFSET 0) r
 GROUP BY at, class ORDER BY class
"""


@dataclass(frozen=True)
class Group:
    """The entries of one kind: how many, how many of them failed, and how long they took, in milliseconds."""

    value: str | None
    number: int
    failed: int
    average: float | None
    slowest: float | None


@dataclass(frozen=True)
class Step:
    """The entries of one span of time; half of them took at most the median, 95 of 100 at most the percentile."""

    at: datetime
    number: int
    failed: int
    median: float | None
    percentile_95: float | None


@dataclass(frozen=True)
class Overview:
    """What the entries of a period come to. A step's entries are those from its `at` on, for `length`."""

    all: Group
    percentile_95: float | None
    by_operation: list[Group]
    by_table: list[Group]
    by_user: list[Group]
    by_channel: list[Group]
    by_error: list[Group]
    steps: list[Step]
    length: timedelta
    slowest: list[AuditLog]


@audited("AUDIT_SUMMARY")
def overview(entry: Entry, *, actor: Actor, chosen: Q, start: datetime | None, end: datetime) -> Overview:
    """This function will sum up the entries that an actor may see and that match `chosen`, which keeps to the period.

    Without a `start`, or with one long ago, the steps begin with the first of them.

    :raises AuthenticationRequired: nobody is logged in
    """
    policy.require_account(actor)
    rows = AuditLog.objects.filter(queries.visible_to(actor)).filter(chosen)
    groups = _groups(rows)
    (every,) = groups.pop(())
    begun = _begin(rows, start, end)
    length = step_of(end - begun)
    stepped, percentile_95 = _stepped(rows, length)
    entry.record_count = every.number
    return Overview(
        all=every,
        percentile_95=percentile_95,
        by_operation=groups.get(("operation",), []),
        by_table=_known(groups.get(("table_name",), [])),
        by_user=groups.get(("user_id",), []),
        by_channel=_known(groups.get(("channel",), [])),
        by_error=_known(groups.get(("error_code",), [])),
        steps=_every_step(stepped, begun, end, length),
        length=length,
        slowest=list(
            rows.exclude(execution_time=None).defer(*_UNLISTED).order_by(F("execution_time").desc())[:SLOWEST]
        ),
    )


def step_of(period: timedelta) -> timedelta:
    """This function will return the span of time by which to divide a period, so that a chart can show it."""
    return next(step for longest, step in _STEPS if period <= longest)


def _groups(rows: QuerySet[AuditLog]) -> dict[tuple[str, ...], list[Group]]:
    found: dict[tuple[str, ...], list[Group]] = {}
    for what, *values in _fetch(_GROUPS, rows, _SUMMED):
        by = tuple(name for place, name in enumerate(reversed(_BY)) if not what >> place & 1)
        found.setdefault(by, []).append(Group(*values))
    return found


Class = tuple[int, float]  # of times: how many, and the longest


def _stepped(rows: QuerySet[AuditLog], length: timedelta) -> tuple[dict[datetime, Step], float | None]:
    """The steps in which there is something, and within what 95 of 100 of all were done."""
    numbers: dict[datetime, list[int]] = {}
    classes: dict[datetime, list[Class]] = {}
    every: dict[float, Class] = {}
    for at, class_, number, failed, longest in _fetch(_STEPPED, rows, _TIMED, length, _ORIGIN):
        step = numbers.setdefault(at, [0, 0])
        step[0] += number
        step[1] += failed
        if longest is not None:
            classes.setdefault(at, []).append((number, longest))
            count, least = every.get(class_, (0, 0.0))
            every[class_] = count + number, max(least, longest)
    steps = {
        at: Step(at, number, failed, _within(classes.get(at, []), 0.5), _within(classes.get(at, []), 0.95))
        for at, (number, failed) in numbers.items()
    }
    return steps, _within([every[class_] for class_ in sorted(every)], 0.95)


def _within(classes: list[Class], share: float) -> float | None:
    """The time within which a share of all was done; classes stand in order."""
    wanted = share * sum(number for number, _ in classes)
    for number, longest in classes:
        wanted -= number
        if wanted <= 0:
            return longest
    return None


def _every_step(found: dict[datetime, Step], start: datetime, end: datetime, length: timedelta) -> list[Step]:
    """The steps from start to end, those too in which there is nothing."""
    at = _ORIGIN + (start - _ORIGIN) // length * length
    steps = []
    while at < end:
        steps.append(found.get(at) or Step(at, 0, 0, None, None))
        at += length
    return steps


def _begin(rows: QuerySet[AuditLog], start: datetime | None, end: datetime) -> datetime:
    """Where a chart begins: with the period, or with the first entry of a long one."""
    if start is not None and end - start <= _LONG:
        return start
    first = rows.order_by("timestamp").values_list("timestamp", flat=True).first()
    return first or end


def _known(groups: list[Group]) -> list[Group]:
    return [group for group in groups if group.value is not None]


def _fetch(
    statement: str, rows: QuerySet[AuditLog], columns: tuple[str, ...], *before: Any
) -> list[tuple[Any, ...]]:
    """The rows of a statement over a query; `before` are its parameters that stand before the query."""
    compiler = rows.values(*columns).query.get_compiler(connection=connection, elide_empty=False)
    inner, params = compiler.as_sql()
    with connection.cursor() as cursor:
        cursor.execute(statement.format(rows=inner), (*before, *params))
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
