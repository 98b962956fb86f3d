"""Refusals of strangers are counted by address, and told once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from queue import Queue
from types import SimpleNamespace

import pytest
from django.db import connection, transaction

import audit.queries
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, RateLimited
from audit import refusals, repeats
from audit.models import AuditLog, RepeatedRefusal
from catalog import registry
from catalog.services import queries
from tests.audit.logins import fail

Trail = Callable[..., list[AuditLog]]


class Clock:
    """The time of repeats, set by hand."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, 20, 15, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def pass_(self, **time: int) -> None:
        self.moment += timedelta(**time)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(repeats, "timezone", SimpleNamespace(now=clock.now))
    return clock


def told(rows: list[AuditLog]) -> list[tuple[str, str | None, int | None]]:
    return [(row.operation, row.client_info.get("ip"), row.record_count) for row in rows]


@pytest.mark.django_db
class TestRepeats:
    def test_of_one_ipv6_network_count_as_one_address(self, clock: Clock, trail: Trail) -> None:
        for number in range(20):
            fail(ip=f"2001:db8:0:1::{number:x}")
        fail(ip="2001:db8:0:2::1")

        assert len(trail()) == 2

    def test_of_one_minute_are_one_row_at_once_and_one_for_the_rest(self, clock: Clock, trail: Trail) -> None:
        for _ in range(50):
            fail()
        assert told(trail()) == [("LOGIN_FAILED", "192.0.2.7", 1)]

        clock.pass_(minutes=1)
        fail()

        rows = trail()
        assert told(rows) == [
            ("LOGIN_FAILED", "192.0.2.7", 1),
            ("LOGIN_FAILED", "192.0.2.7", 49),
            ("LOGIN_FAILED", "192.0.2.7", 1),
        ]
        assert rows[1].error_message == "49 more in the minute of 2026-11-22 20:15 UTC."
        assert (rows[1].success, rows[1].error_code, rows[1].channel) == (
            False,
            "AUTHENTICATION_REQUIRED",
            "admin",
        )
        assert RepeatedRefusal.objects.count() == 1

    def test_count_all_attempts_whatever_comes_between(self, clock: Clock, trail: Trail) -> None:
        for minute in range(3):
            for attempt in range(minute + 1):
                fail()
                fail(ip=f"192.0.2.{attempt}")
            clock.pass_(minutes=1)
        repeats.flush()

        assert sum(row.record_count or 0 for row in trail()) == 12
        assert not RepeatedRefusal.objects.exists()

    def test_are_told_apart_by_address(self, clock: Clock, trail: Trail) -> None:
        for _ in range(3):
            fail(ip="192.0.2.1")
            fail(ip="2001:db8::1")
        clock.pass_(minutes=1)
        repeats.flush()

        assert sorted(told(trail())) == [
            ("LOGIN_FAILED", "192.0.2.1", 1),
            ("LOGIN_FAILED", "192.0.2.1", 2),
            ("LOGIN_FAILED", "2001:db8::/64", 2),
            ("LOGIN_FAILED", "2001:db8::1", 1),
        ]

    def test_are_told_apart_by_operation(self, clock: Clock, trail: Trail) -> None:
        fail()
        stranger = Actor(None, Channel.API, {"ip": "192.0.2.7"})
        repeats.record(stranger, "QUERY", AuthenticationRequired())

        assert [row.operation for row in trail()] == ["LOGIN_FAILED", "QUERY"]

    def test_leave_no_second_row_for_a_single_one(self, clock: Clock, trail: Trail) -> None:
        fail()
        clock.pass_(minutes=1)
        repeats.flush()
        repeats.flush()

        assert told(trail()) == [("LOGIN_FAILED", "192.0.2.7", 1)]

    def test_of_the_minute_that_runs_wait(self, clock: Clock, trail: Trail) -> None:
        fail()
        fail()
        clock.pass_(seconds=29)
        repeats.flush()
        assert len(trail()) == 1

        clock.pass_(seconds=1)
        repeats.flush()
        assert len(trail()) == 2

    @pytest.mark.parametrize("read", ["search", "summary", "table"])
    def test_are_told_to_who_reads_the_whole_trail(self, read: str, clock: Clock, auditor: Actor) -> None:
        fail()
        fail()
        clock.pass_(minutes=1)

        match read:
            case "search":
                logs = audit.queries.search(actor=auditor, operation="LOGIN_FAILED")["logs"]
                counts = [log["record_count"] for log in logs]
            case "summary":
                counts = [1] * audit.queries.summary(actor=auditor)["summary"]["failed_operations"]
            case _:
                page = queries.query_records(
                    actor=auditor, table=registry.get("audit_logs"), columns=["record_count"]
                )
                counts = [record["record_count"] for record in page.records]

        assert counts == [1, 1]

    def test_cost_who_sees_their_own_rows_nothing(self, clock: Clock, nobody: Actor) -> None:
        fail()
        fail()
        clock.pass_(minutes=1)

        assert audit.queries.search(actor=nobody)["count"] == 0
        assert RepeatedRefusal.objects.get().count == 2

    def test_are_not_lost_when_their_row_cannot_be_written(
        self, clock: Clock, trail: Trail, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
    ) -> None:
        fail()
        fail()
        clock.pass_(minutes=1)
        request.getfixturevalue("broken_trail")

        with pytest.raises(Exception, match="audit_logs_operation_check"):
            repeats.flush()
        with pytest.raises(Exception, match="audit_logs_operation_check"):
            fail()

        assert RepeatedRefusal.objects.get().count == 2


class TestConcurrentRepeats:
    @pytest.mark.django_db(transaction=True)
    def test_of_two_at_the_same_moment_are_one_row_and_a_count_of_two(
        self, clock: Clock, trail: Trail
    ) -> None:
        def second_of_two() -> None:
            try:
                connection.ensure_connection()
                pid.put(connection.connection.info.backend_pid)
                fail()
            finally:
                connection.close()

        pid: Queue[int] = Queue()
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                fail()  # its row and its count are there, and not yet committed
                second = pool.submit(second_of_two)
                backend = pid.get(timeout=10)
                while not waits_for_a_lock(backend):
                    assert not second.done()
            second.result(timeout=10)

        assert told(trail()) == [("LOGIN_FAILED", "192.0.2.7", 1)]
        assert RepeatedRefusal.objects.get().count == 2

    @pytest.mark.django_db(transaction=True)
    def test_are_told_once_by_two_who_tell_them_at_the_same_moment(self, clock: Clock, trail: Trail) -> None:
        def tell() -> None:
            try:
                repeats.flush()
            finally:
                connection.close()

        fail()
        fail()
        clock.pass_(minutes=1)

        with ThreadPoolExecutor(1) as pool, transaction.atomic():
            repeats.flush()
            pool.submit(tell).result(timeout=10)  # neither waits nor tells it again

        assert told(trail()) == [("LOGIN_FAILED", "192.0.2.7", 1)] * 2
        assert not RepeatedRefusal.objects.exists()


def waits_for_a_lock(backend: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [backend])
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db
class TestWhoComesTooOften:
    def test_is_told_once_by_name_and_with_a_count(self, clock: Clock, trail: Trail, viewer: Actor) -> None:
        for _ in range(30):
            refusals.record(viewer, "QUERY", "books", RateLimited("Too often."))
        clock.pass_(minutes=1)
        repeats.flush()

        assert [(row.user_id, row.error_code, row.record_count) for row in trail()] == [
            ("victor", "RATE_LIMITED", 1),
            ("victor", "RATE_LIMITED", 29),
        ]

    def test_is_told_apart_from_others_of_the_same_address(
        self, clock: Clock, trail: Trail, viewer: Actor, writer: Actor
    ) -> None:
        for actor in (viewer, writer, viewer):
            at = Actor(actor.user, Channel.API, {"ip": "192.0.2.7"})
            refusals.record(at, "QUERY", None, RateLimited("Too often."))

        assert [row.user_id for row in trail()] == ["victor", "wendy"]

    @pytest.mark.parametrize(("times", "waits"), [(1, "on"), (2, "off")])
    def test_is_counted_without_waiting_for_the_disk(
        self, clock: Clock, viewer: Actor, times: int, waits: str
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = on")
            for _ in range(times):
                refusals.record(viewer, "QUERY", None, RateLimited("Too often."))
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == (waits,)
