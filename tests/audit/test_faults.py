"""What goes wrong in the database reaches the caller in words they can act on, and with no SQL in them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction
from django.db.utils import Error

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Refused, TimedOut, Unavailable
from audit import trail
from audit.models import AuditLog
from audit.operation import audited
from audit.trail import Entry
from config.cluster import APP_ROLE
from tests import databases

LOCK = 7_001


@audited("QUERY")
def run(entry: Entry, *, actor: Actor, statements: list[str]) -> Any:
    """Run statements as a service would."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchone()


class Said(str):
    """What a write answers, kept nowhere here."""

    __slots__ = ()


@audited("INSERT", writes=Said)
def write(entry: Entry, *, actor: Actor, statements: list[str]) -> Any:
    """Run statements as a service that writes would."""
    return run(actor=actor, statements=statements)


@audited("QUERY")
def read_until(entry: Entry, *, actor: Actor, losses: list[int]) -> Any:
    """Lose the connection as often as `losses` has numbers, then read."""
    with connection.cursor() as cursor:
        if losses:
            losses.pop()
            with databases.owner() as owner:
                owner.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        cursor.execute("SELECT 1")
        return cursor.fetchone()


def refusal_of(*statements: str, service: Callable[..., Any] = run) -> Refused:
    with pytest.raises(Refused) as refusal:
        service(actor=Actor(None, Channel.COMMAND), statements=list(statements))
    return refusal.value


def raising(state: str) -> str:
    """Return a statement that PostgreSQL ends with the SQLSTATE."""
    return f"DO $$ BEGIN RAISE EXCEPTION 'SELECT secret FROM books' USING ERRCODE = '{state}'; END $$"  # noqa: S608


def assert_tells_nothing(refusal: Refused) -> None:
    told = json.dumps(refusal.as_dict())
    database = connection.settings_dict
    for secret in (
        "SELECT",
        "pg_",
        "books",
        "QUERY",
        "LINE 1",
        database["NAME"],
        database["PASSWORD"],
        APP_ROLE,
    ):
        assert secret not in told


@pytest.fixture
def in_a_thread() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Return a function that runs another in a thread, whose connection is its own."""

    def own(work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        yield lambda work: pool.submit(own, work)


@pytest.mark.django_db
class TestTimeouts:
    def test_say_that_a_statement_took_too_long(self) -> None:
        refusal = refusal_of("SET LOCAL statement_timeout = '10ms'", "SELECT pg_sleep(30)")

        assert isinstance(refusal, TimedOut)
        assert refusal.as_dict() == {
            "error": True,
            "code": "TIMEOUT",
            "message": "The database stopped the operation: it took too long.",
            "details": {"outcome": "none"},
            "hint": "Try again; nothing was changed.",
        }
        assert_tells_nothing(refusal)

    def test_say_that_another_transaction_holds_the_rows(self) -> None:
        url = databases.url_of(connection.settings_dict["NAME"], databases.settings.DATABASE_URL)
        with psycopg.connect(url) as other:
            other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            refusal = refusal_of("SET LOCAL lock_timeout = '10ms'", f"SELECT pg_advisory_xact_lock({LOCK})")

        assert isinstance(refusal, TimedOut)
        assert refusal.message == "Another transaction holds these rows."
        assert refusal.details == {"outcome": "none"}
        assert_tells_nothing(refusal)

    @pytest.mark.parametrize("state", ["40P01", "40001"])
    def test_say_that_another_transaction_got_in_the_way(self, state: str) -> None:
        refusal = refusal_of(raising(state))

        assert isinstance(refusal, TimedOut)
        assert refusal.message == "Another transaction got in the way of this one."
        assert refusal.hint == "Try again; nothing was changed."
        assert_tells_nothing(refusal)


@pytest.mark.django_db
class TestUnavailable:
    @pytest.mark.parametrize("state", ["08006", "53300", "53100", "57P01", "57P03", "25P03"])
    def test_is_what_has_to_do_with_the_server(self, state: str) -> None:
        refusal = refusal_of(raising(state))

        assert isinstance(refusal, Unavailable)
        assert refusal.as_dict() == {
            "error": True,
            "code": "UNAVAILABLE",
            "message": "The database cannot be reached at the moment.",
            "details": {"outcome": "none"},
            "hint": "Try again in a moment; nothing was changed.",
        }
        assert_tells_nothing(refusal)

    def test_is_what_happens_when_the_connection_is_cut(
        self, in_a_thread: Callable[..., Future[Refused]]
    ) -> None:
        begun, pids = threading.Event(), []

        def wait_for_the_end() -> Refused:
            connection.ensure_connection()
            pids.append(connection.connection.info.backend_pid)
            begun.set()
            return refusal_of("SELECT pg_sleep(30)", service=write)

        ending = in_a_thread(wait_for_the_end)
        assert begun.wait(10)
        with databases.owner() as owner:
            owner.execute("SELECT pg_terminate_backend(%s)", pids)
        refusal = ending.result(timeout=10)

        assert isinstance(refusal, Unavailable)
        assert refusal.details == {"outcome": "none"}
        assert_tells_nothing(refusal)

    def test_is_what_happens_without_a_server(
        self, in_a_thread: Callable[..., Future[Refused]], tmp_path: object
    ) -> None:
        def knock() -> Refused:
            wrapper = connections["default"]
            options = {
                name: value for name, value in wrapper.settings_dict["OPTIONS"].items() if name != "pool"
            }
            wrapper.settings_dict = {**wrapper.settings_dict, "HOST": str(tmp_path), "OPTIONS": options}
            return refusal_of("SELECT 1")

        refusal = in_a_thread(knock).result(timeout=10)

        assert isinstance(refusal, Unavailable)
        assert refusal.details == {"outcome": "none"}
        assert str(tmp_path) not in json.dumps(refusal.as_dict())
        assert_tells_nothing(refusal)

    def test_leaves_open_whether_a_commit_that_was_cut_off_was_done(
        self, in_a_thread: Callable[..., Future[Refused]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def cut_off_at_commit() -> Refused:
            def commit() -> None:
                with databases.owner() as owner:
                    owner.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
                type(wrapper)._commit(wrapper)

            wrapper = connections["default"]
            monkeypatch.setattr(wrapper, "_commit", commit)
            return refusal_of("SELECT 1")

        refusal = in_a_thread(cut_off_at_commit).result(timeout=10)

        assert isinstance(refusal, Unavailable)
        assert refusal.details == {"outcome": "unknown"}
        assert refusal.hint == "It may have been done: look before you try again."
        assert not AuditLog.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestAReadThatLosesItsConnection:
    ACTOR = Actor(None, Channel.COMMAND)

    def test_is_done_again_and_told_once(self) -> None:
        losses = [1, 2]

        assert read_until(actor=self.ACTOR, losses=losses) == (1,)

        assert not losses
        assert [(row.operation, row.success) for row in AuditLog.objects.all()] == [("QUERY", True)]

    def test_is_done_three_times_at_most(self) -> None:
        losses = [1, 2, 3, 4]

        with pytest.raises(Unavailable) as refusal:
            read_until(actor=self.ACTOR, losses=losses)

        assert losses == [1]
        assert refusal.value.details == {"outcome": "none"}
        assert not AuditLog.objects.exists()

    def test_is_done_once_within_a_transaction_of_the_callers(self) -> None:
        losses = [1, 2]

        with pytest.raises(Unavailable), transaction.atomic():
            read_until(actor=self.ACTOR, losses=losses)

        assert losses == [1]


@pytest.mark.django_db
class TestMistakesOfOurs:
    @pytest.mark.parametrize(
        ("statement", "error"),
        [
            ("SELECT nothing", ProgrammingError),
            ("UPDATE public.audit_logs SET success = false", ProgrammingError),
            ("INSERT INTO public.authors (name) VALUES (NULL)", IntegrityError),
            (raising("XX000"), Error),
            (raising("P0001"), Error),
        ],
    )
    def test_are_not_passed_off_as_the_databases(self, statement: str, error: type[Error]) -> None:
        with pytest.raises(error):
            run(actor=Actor(None, Channel.COMMAND), statements=[statement])

    def test_keep_their_cause_for_the_log(self) -> None:
        refusal = refusal_of("SET LOCAL statement_timeout = '10ms'", "SELECT pg_sleep(30)")

        assert isinstance(refusal.__cause__, Error)


@pytest.mark.django_db
def test_a_refusal_leaves_the_connection_fit_for_its_audit_row() -> None:
    actor = Actor(None, Channel.COMMAND)
    refusal = refusal_of("SET LOCAL statement_timeout = '10ms'", "SELECT pg_sleep(30)")

    trail.record_refusal(actor, "QUERY", "books", refusal)

    assert AuditLog.objects.get().error_code == "TIMEOUT"
