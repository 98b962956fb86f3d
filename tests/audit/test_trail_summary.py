"""The numbers about the trail add up, over what the caller may see."""

from __future__ import annotations

import random
from math import ceil, floor

import pytest
from django.db import connection

from accesscontrol.actor import Actor, Channel
from audit import queries, trail
from audit.models import AuditLog
from audit.trail import Entry
from tests.audit.entries import ANN, BOB


def percentile(values: list[float], share: float) -> float:
    """Return a percentile as percentile_cont defines it."""
    ordered, place = sorted(values), share * (len(values) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))


class TestSummary:
    def test_agrees_with_the_same_sums_in_python(self, auditor: Actor, db: None) -> None:
        chance = random.Random(7)  # noqa: S311 - the same every time
        for _ in range(300):
            trail.record(
                Entry(
                    chance.choice([ANN, BOB, Actor(None, Channel.TASK)]),
                    chance.choice(["QUERY", "INSERT", "LOGIN"]),
                    chance.choice(["books", "authors", "genres", None]),
                    success=chance.random() < 0.8,
                    execution_time_ms=round(chance.expovariate(0.1), 3),
                )
            )
        rows = list(AuditLog.objects.order_by("id"))

        answer = queries.summary(actor=auditor)

        times = [row.execution_time for row in rows]
        good = [row for row in rows if row.success]
        assert answer["summary"] == {
            "total_operations": 300,
            "successful_operations": len(good),
            "failed_operations": 300 - len(good),
            "success_rate": round(len(good) / 300, 4),
            "tables_accessed": 3,
            "unique_users": 2,
            "avg_execution_time_ms": pytest.approx(sum(times) / 300),
            "p95_execution_time_ms": pytest.approx(percentile(times, 0.95)),
            "max_execution_time_ms": max(times),
            "time_range": {"start": rows[0].timestamp, "end": rows[-1].timestamp},
        }
        for part, key, column in (
            ("by_operation", "operation", "operation"),
            ("by_table", "table", "table_name"),
            ("by_user", "user_id", "user_id"),
        ):
            groups: dict[str, list[AuditLog]] = {}
            for row in rows:
                groups.setdefault(getattr(row, column), []).append(row)
            groups.pop(None, None)  # type: ignore[call-overload] # what is about no table, or by nobody
            assert answer[part] == [
                {
                    key: value,
                    "count": len(group),
                    "failed": sum(not row.success for row in group),
                    "avg_execution_time_ms": pytest.approx(
                        sum(row.execution_time for row in group) / len(group)
                    ),
                }
                for value, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
            ]

    @pytest.mark.parametrize("size", [1, 2, 3, 20, 21, 22, 41])
    def test_has_the_percentile_of_few_and_of_equal_times(self, auditor: Actor, db: None, size: int) -> None:
        times = [float(7 * number % 10) for number in range(size)]
        for time in times:
            trail.record(Entry(ANN, "QUERY", "books", execution_time_ms=time))

        answer = queries.summary(actor=auditor)["summary"]

        assert answer["p95_execution_time_ms"] == pytest.approx(percentile(times, 0.95))
        assert answer["max_execution_time_ms"] == max(times)

    @pytest.mark.parametrize("times", [(7, 10, 3), (70, 0, 7)])
    def test_has_the_percentile_where_times_have_changed(
        self, auditor: Actor, db: None, times: tuple[int, int, int]
    ) -> None:
        before, least, since = times
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO public.audit_logs (operation, success, execution_time)"
                " SELECT 'QUERY', true, CASE WHEN n <= 29000 THEN n %% %s ELSE %s + n %% %s END"
                " FROM generate_series(1, 30000) n",
                [before, least, since],
            )
        everything = list(AuditLog.objects.values_list("execution_time", flat=True))

        answer = queries.summary(actor=auditor)["summary"]

        assert answer["p95_execution_time_ms"] == percentile(everything, 0.95)
        assert answer["max_execution_time_ms"] == max(everything)

    @pytest.mark.parametrize("times", [[], [4.0], [4.0, 8.0, 6.0]])
    def test_leaves_entries_without_a_time_out_of_its_times(
        self, auditor: Actor, db: None, times: list[float]
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO public.audit_logs (operation, success) SELECT 'LOGIN', true FROM generate_series(1, 50)"
            )
        for time in times:
            trail.record(Entry(ANN, "QUERY", "books", execution_time_ms=time))

        answer = queries.summary(actor=auditor)["summary"]

        assert answer["total_operations"] == 50 + len(times)
        assert answer["avg_execution_time_ms"] == (sum(times) / len(times) if times else None)
        assert answer["p95_execution_time_ms"] == (pytest.approx(percentile(times, 0.95)) if times else None)
        assert answer["max_execution_time_ms"] == max(times, default=None)

    def test_counts_what_the_caller_may_see(self, rows: list[AuditLog], viewer: Actor, nobody: Actor) -> None:
        assert queries.summary(actor=viewer)["summary"]["total_operations"] == 4
        assert queries.summary(actor=nobody)["summary"]["total_operations"] == 0

    def test_narrows_by_time_and_table(self, rows: list[AuditLog], auditor: Actor) -> None:
        part = queries.summary(
            actor=auditor, table="books", start_date=rows[1].timestamp, end_date=rows[-1].timestamp
        )

        assert part["summary"]["total_operations"] == 1
        assert [group["operation"] for group in part["by_operation"]] == ["UPDATE"]

    def test_of_an_empty_range_has_no_rate_and_no_times(self, auditor: Actor) -> None:
        answer = queries.summary(actor=auditor, end_date="2000-01-01")

        assert answer["summary"] == {
            "total_operations": 0,
            "successful_operations": 0,
            "failed_operations": 0,
            "success_rate": None,
            "tables_accessed": 0,
            "unique_users": 0,
            "avg_execution_time_ms": None,
            "p95_execution_time_ms": None,
            "max_execution_time_ms": None,
            "time_range": {"start": None, "end": None},
        }
        assert answer["by_operation"] == answer["by_table"] == answer["by_user"] == []


def test_reads_a_period_from_one_index(auditor: Actor, db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(
            "EXPLAIN SELECT operation, table_name, user_id, success, execution_time FROM public.audit_logs"
            " WHERE timestamp > '2020-01-01' ORDER BY timestamp DESC, id DESC"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Index Only Scan using audit_logs_timestamp_idx" in plan
    assert "Sort" not in plan
