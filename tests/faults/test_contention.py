"""Many at once: rows and connections that others hold, and batches that wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic, sleep
from typing import Any, ClassVar

import psycopg
import pytest
from django.db import connection
from psycopg.errors import LockNotAvailable

from audit import operation
from catalog.services import references, statements
from soak.places import POLL_S
from tests import databases
from tests.faults.conftest import PATIENCE_S, Caller, Witness
from tests.faults.test_connections import NONE, QUERY, WRITES, assert_done_once, gist

pytestmark = pytest.mark.django_db(transaction=True)

LOCKS = "LOCK TABLE public.authors, public.books IN SHARE ROW EXCLUSIVE MODE"
TIMEOUT = {"error": True, "code": "TIMEOUT", "details": {"outcome": "none"}}


def until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds; to ask all the time would hold up what is waited for."""
    deadline = monotonic() + PATIENCE_S
    while not condition():
        assert monotonic() < deadline
        sleep(POLL_S)


class TestALockThatIsHeldForLong:
    @pytest.mark.parametrize("tool", ["db_update_records", "db_purge_records", "db_batch_insert"])
    def test_refuses_a_write_that_is_done_once_when_repeated(
        self, world: None, caller: Caller, witness: Witness, settings: Any, tool: str
    ) -> None:
        before, changes = witness.contents(), witness.successes()
        settings.LOCK_TIMEOUT_S = 0.05

        with witness.locking(LOCKS):
            refusal = caller(tool, **WRITES[tool], idempotency_key="k")

            assert gist(refusal) == TIMEOUT
            assert refusal["message"] == "Another transaction holds these rows."
            assert witness.refusals() == ["TIMEOUT"]
        assert (witness.contents(), witness.successes()) == (before, changes)
        assert_done_once(caller, witness, tool, changes)

    def test_holds_up_no_query(self, world: None, caller: Caller, witness: Witness) -> None:
        with witness.locking(LOCKS):
            assert caller("db_query_records", **QUERY)["count"] == 1

    def test_ends_a_call_that_waits_for_the_same_key(
        self, world: None, caller: Caller, witness: Witness, settings: Any
    ) -> None:
        changes = witness.successes()
        tool = "db_batch_insert"

        with witness.locking("LOCK TABLE app.auditlog_logentry"):
            first = caller.begins(tool, **WRITES[tool], idempotency_key="k")
            until(witness.is_waiting)
            settings.LOCK_TIMEOUT_S = 0.05
            assert gist(caller(tool, **WRITES[tool], idempotency_key="k")) == TIMEOUT

        assert first.result(PATIENCE_S)["inserted"] == 50
        assert_done_once(caller, witness, tool, changes)


@pytest.fixture
def one_connection(world: None, turned: Callable[..., None]) -> Iterator[None]:
    """Let the pool have one connection, and nobody wait long for it."""
    turned(pool={"min_size": 1, "max_size": 1, "timeout": 0.2})
    yield
    databases.disconnect()


class TestAPoolThatIsExhausted:
    @pytest.mark.parametrize("tool", ["db_query_records", "db_batch_insert"])
    def test_refuses_calls_until_a_connection_is_given_back(
        self, one_connection: None, caller: Caller, witness: Witness, tool: str
    ) -> None:
        arguments = WRITES.get(tool, QUERY)
        changes = witness.successes()

        connection.ensure_connection()  # this thread's: the only one
        refusals = [caller(tool, **arguments) for _ in range(2)]
        connection.close()

        assert [gist(refusal) for refusal in refusals] == [NONE, NONE]
        assert witness.successes() == changes
        assert "error" not in caller(tool, **arguments)
        assert len(witness.successes() - changes) == (tool in WRITES)


class TestBatchesThatWaitForEachOther:
    BATCHES = (
        {
            "table": "authors",
            "records": [{"id": 100, "name": "A", "email": "x"}, {"name": "B", "email": "y"}],
        },
        {
            "table": "authors",
            "records": [{"id": 200, "name": "C", "email": "y"}, {"name": "D", "email": "x"}],
        },
    )

    def test_end_with_one_done_and_one_told(
        self, world: None, caller: Caller, witness: Witness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each has written what the other wants to write; the one that PostgreSQL ends is done again, too late."""
        changes = witness.successes()
        inserts = meet_after_the_first_insert(monkeypatch)

        calls = [caller.begins("db_batch_insert", **batch) for batch in self.BATCHES]
        answers = [call.result(PATIENCE_S) for call in calls]

        assert sorted(answer.get("code", "done") for answer in answers) == ["DUPLICATE_KEY", "done"]
        assert len(inserts) > 4, "the one that was ended was to be done again"
        (done,) = (answer for answer in answers if "error" not in answer)
        assert witness.successes() - changes == {done["change_id"]}
        assert witness.versions() == witness.successes()
        assert witness.refusals() == ["DUPLICATE_KEY"]
        assert len(witness.contents()["authors"]) == 3

    def test_end_with_one_refused_where_it_is_not_done_again(
        self, world: None, caller: Caller, witness: Witness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(operation, "MAX_ATTEMPTS", 1)
        meet_after_the_first_insert(monkeypatch)

        calls = [caller.begins("db_batch_insert", **batch) for batch in self.BATCHES]
        (refusal,) = (answer for call in calls if "error" in (answer := call.result(PATIENCE_S)))

        assert gist(refusal) == TIMEOUT
        assert witness.refusals() == ["TIMEOUT"]
        assert len(witness.contents()["authors"]) == 3
        assert witness.versions() == witness.successes()


def lock_patiently(other: psycopg.Connection[Any], statement: str) -> None:
    """Wait for locks in turns shorter than deadlock_timeout, so that PostgreSQL never ends who asks."""
    other.execute("SET lock_timeout = '700ms'")
    deadline = monotonic() + PATIENCE_S
    while monotonic() < deadline:
        with suppress(LockNotAvailable), other.transaction():
            other.execute(statement)
            return
    pytest.fail("nobody was ended")


class TestABatchThatAnotherProgramWaitsFor:
    def test_is_ended_by_postgresql_and_done_again(
        self, world: None, caller: Caller, witness: Witness
    ) -> None:
        changes = witness.successes()

        with psycopg.connect(witness.owner_url) as other:
            other.execute("SELECT FROM public.books WHERE id = 2 FOR UPDATE")
            batch = caller.begins("db_batch_update", **WRITES["db_batch_update"])  # locks 1, waits for 2
            until(witness.is_waiting)
            lock_patiently(other, "SELECT FROM public.books WHERE id = 1 FOR UPDATE")
            other.commit()

        assert batch.result(PATIENCE_S)["total_updated"] == 2
        assert len(witness.successes() - changes) == 1
        assert witness.versions() == witness.successes()
        assert witness.refusals() == []


class TestAParentThatIsWrittenMeanwhile:
    """Somebody has it locked; what they make of it is what counts, though the insert began before they had done."""

    DATA: ClassVar[dict[str, Any]] = {"book_id": 1, "chapter_num": 1, "title": "New"}

    @pytest.mark.parametrize(
        ("tool", "given"), [("db_insert_record", {"data": DATA}), ("db_batch_insert", {"records": [DATA]})]
    )
    def test_takes_no_child_where_it_goes_to_the_trash(
        self, world: None, caller: Caller, witness: Witness, tool: str, given: dict[str, Any]
    ) -> None:
        with psycopg.connect(witness.owner_url) as other:
            other.execute("SELECT FROM public.books WHERE id = 1 FOR UPDATE")
            insert = caller.begins(tool, table="chapters", **given)
            until(witness.is_waiting)
            other.execute("UPDATE public.books SET deleted_at = now()")
            other.commit()

        refusal = insert.result(PATIENCE_S)
        assert refusal["code"] == "FOREIGN_KEY_VIOLATION"
        assert "record 1 of books is in the trash" in refusal["message"]
        assert witness.read("SELECT FROM public.chapters") == []

    def test_takes_a_child_where_it_comes_back(
        self, world: None, caller: Caller, witness: Witness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It comes back when the insert has left the child out, and before somebody looks why."""
        real = references.require_live_parents

        def restored(*arguments: Any) -> None:
            with psycopg.connect(witness.owner_url) as other:
                other.execute("UPDATE public.books SET deleted_at = NULL")
            real(*arguments)

        with psycopg.connect(witness.owner_url) as other:
            other.execute("UPDATE public.books SET deleted_at = now()")
        monkeypatch.setattr(references, "require_live_parents", restored)

        assert caller("db_insert_record", table="chapters", data=self.DATA)["record"]["book_id"] == 1


def meet_after_the_first_insert(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let two batches each insert their first records before either inserts more; return a list of all inserts."""
    both, inserts, real = threading.Barrier(2), [], statements.insert

    def insert(*arguments: Any) -> Any:
        inserts.append(threading.get_ident())
        rows = real(*arguments)
        if inserts.count(threading.get_ident()) == 1:
            both.wait(PATIENCE_S)
        return rows

    monkeypatch.setattr(statements, "insert", insert)
    return inserts
