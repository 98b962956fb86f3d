"""Reads that one statement does together with its audit row: the same as in the ordinary way, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accesscontrol import grants
from accesscontrol.actor import Actor
from accesscontrol.errors import AuthenticationRequired, Conflict, Forbidden, InvalidInput, TimedOut
from accesscontrol.models import ColumnRule
from audit import epochs
from audit.models import AuditLog
from catalog.services import queries
from catalog.table import Table
from tests.catalog.services import builders
from tests.catalog.services.builders import BOOKS
from tests.catalog.services.conftest import again

pytestmark = pytest.mark.django_db(transaction=True)

ASKED: list[dict[str, Any]] = [
    {},
    {"limit": 2},
    {"limit": 2, "offset": 1},
    {"limit": 3, "offset": 3},
    {"where": {"title": {"$like": "%0%"}, "$or": [{"word_count": 3}, {"genre": {"$ne": "a"}}]}},
    {"where": {"title": "100 % of {it}"}},
    {"where": {"title": "no such"}},
    {"where": {"id": {"$in": []}}},
    {"include_deleted": True, "order_by": [{"column": "genre", "direction": "desc"}], "limit": 3},
    {"columns": ["title"], "order_by": [{"column": "word_count"}], "limit": 2},
    {"columns": ["title", "description"], "expand": ["author_id", "series_id"]},
]
TOLD = (
    "operation", "table_name", "record_id", "user_id", "success", "error_code", "error_message", "changes",
    "record_count", "channel", "client_info", "change_id", "dry_run", "query_hash",
)  # fmt: skip


@pytest.fixture
def library() -> None:
    """Some books, one of them in the trash."""
    writer = builders.author(name="Anna")
    for number in range(5):
        builders.book(title=f"Book {number}", author=writer, word_count=number, genre="ab"[number % 2])
    builders.book(title="100 % of {it}", author=writer, series=builders.series(), description="%s {0}")
    builders.book(title="Trashed", author=writer, deleted_at="2026-01-01T00:00Z")


@pytest.fixture
def reader(viewer: Actor, library: None) -> Actor:
    """Somebody whose rights are known in this process, and who then read at once."""
    query(viewer)
    query(viewer)
    return viewer


@pytest.fixture
def other() -> Any:
    """Another session of the same role."""
    parameters = {**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
    with psycopg.connect(**parameters, autocommit=True) as session:
        yield session


def query(actor: Actor, table: Table = BOOKS, **asked: Any) -> queries.Page:
    return queries.query_records(actor=again(actor), table=table, **{"count": "none", **asked})


def get(actor: Actor, number: int) -> str | None:
    return queries.get_record(actor=again(actor), table=BOOKS, key={"id": number})


def statements(function: Callable[[], Any]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        function()
    return [one["sql"] for one in captured]


def is_at_once(function: Callable[[], Any]) -> bool:
    """Say whether a read was one statement; in the ordinary way it is four at least."""
    return len(statements(function)) == 1


def told() -> dict[str, Any]:
    """Return what the newest row of the trail tells."""
    row = AuditLog.objects.latest("id")
    return {name: getattr(row, name) for name in TOLD}


def ordinarily(monkeypatch: pytest.MonkeyPatch, function: Callable[[], Any]) -> Any:
    with monkeypatch.context() as patch:
        patch.setattr(grants, "known", lambda _: None)
        assert not is_at_once(function)
        return function()


def shown(page: queries.Page) -> dict[str, Any]:
    """Return a page, and of its cursor, which has the time in it, whether there is one."""
    return {
        **asdict(page),
        "records": (page.records.texts, page.records.json(), list(page.records)),
        "next_cursor": bool(page.next_cursor),
    }


class TestAnswersAndTellsTheSame:
    @pytest.mark.parametrize("asked", ASKED, ids=str)
    def test_of_a_page(self, reader: Actor, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]) -> None:
        page = ordinarily(monkeypatch, lambda: query(reader, **asked))
        row = told()

        found = query(reader, **asked)

        assert shown(found) == shown(page)
        assert told() == row

    def test_of_each_page_behind_a_cursor(self, reader: Actor) -> None:
        pages = [query(reader, limit=2)]
        while pages[-1].next_cursor:
            assert is_at_once(lambda: pages.append(query(reader, limit=2, cursor=pages[-1].next_cursor)))

        assert [record["title"] for page in pages for record in page.records] == [
            *(f"Book {number}" for number in range(5)), "100 % of {it}",
        ]  # fmt: skip

    def test_of_a_record(self, reader: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
        (first, *_) = query(reader, limit=1).records
        for number in (first["id"], first["id"] + 1_000):
            text = ordinarily(monkeypatch, lambda number=number: get(reader, number))  # type: ignore[misc]
            row = told()

            assert get(reader, number) == text
            assert told() == row
            assert row["record_id"] == (str(number) if text else None)
            assert is_at_once(lambda number=number: get(reader, number))  # type: ignore[misc]

    def test_of_what_is_hidden(self, reader: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
        (role,) = reader.user.groups.all()
        ColumnRule.objects.create(role=role, table_id="books", column_name="title", access="hidden")

        query(reader)
        assert is_at_once(lambda: query(reader))
        assert "title" not in query(reader).records[0]
        with pytest.raises(InvalidInput):
            query(reader, where={"title": "Book 1"})

    def test_how_long_it_took(self, reader: Actor) -> None:
        query(reader)

        assert 0 < AuditLog.objects.latest("id").execution_time < 10_000


class TestIsOneStatement:
    @pytest.mark.parametrize(
        "asked", [{}, {"limit": 2}, {"expand": ["author_id"]}, {"where": {"genre": "a"}}], ids=str
    )
    def test_of_who_is_known(self, reader: Actor, asked: dict[str, Any]) -> None:
        assert is_at_once(lambda: query(reader, **asked))
        assert AuditLog.objects.latest("id").record_count == len(query(reader, **asked).records)

    @pytest.mark.parametrize(
        "asked",
        [{"count": "exact"}, {"limit": 101}, {"aggregate": {"n": {"fn": "count"}}}],
        ids=str,
    )
    def test_only_where_that_answers_it(self, reader: Actor, asked: dict[str, Any]) -> None:
        assert not is_at_once(lambda: query(reader, **asked))

    def test_not_in_a_transaction_of_the_caller(self, reader: Actor) -> None:
        with transaction.atomic():
            assert not is_at_once(lambda: query(reader))
            transaction.set_rollback(True)

    def test_counts_what_was_read(self, reader: Actor) -> None:
        actor = again(reader)

        queries.query_records(actor=actor, table=BOOKS, count="none", limit=4)

        assert actor.rows == 4


class TestRights:
    def test_that_are_taken_are_gone_at_once(self, reader: Actor, other: psycopg.Connection) -> None:
        assert is_at_once(lambda: query(reader))
        rows = AuditLog.objects.count()

        other.execute("DELETE FROM app.auth_user_groups WHERE user_id = %s", [reader.user.pk])

        with pytest.raises(Forbidden):
            query(reader)
        assert AuditLog.objects.count() == rows

    def test_of_an_account_that_is_disabled_are_gone_at_once(
        self, reader: Actor, other: psycopg.Connection
    ) -> None:
        other.execute("UPDATE app.auth_user SET is_active = false WHERE id = %s", [reader.user.pk])

        with pytest.raises(AuthenticationRequired):
            query(reader)

    def test_that_are_given_are_there_at_once(self, reader: Actor, other: psycopg.Connection) -> None:
        other.execute("DELETE FROM app.auth_user_groups WHERE user_id = %s", [reader.user.pk])
        with pytest.raises(Forbidden):
            query(reader)

        other.execute("UPDATE app.auth_user SET is_superuser = true WHERE id = %s", [reader.user.pk])

        assert len(query(reader).records) == 6

    def test_come_with_the_name_of_now(self, reader: Actor, other: psycopg.Connection) -> None:
        other.execute("UPDATE app.auth_user SET username = 'victoria' WHERE id = %s", [reader.user.pk])

        query(reader)

        assert told()["user_id"] == "victoria"

    def test_of_the_trail_itself_are_asked_in_the_ordinary_way(self, reader: Actor, admin: Actor) -> None:
        for _ in range(2):
            query(admin)
        assert not is_at_once(lambda: query(admin, builders.AUDIT_LOGS))


class TestLimits:
    def test_hold_in_a_session_that_does_not_have_them(self, reader: Actor) -> None:
        """As one of a pooler's, which somebody else has had."""
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")

        before = self._scans()
        assert not is_at_once(lambda: query(reader))
        assert self._scans() == before + 1  # in the ordinary way alone
        assert is_at_once(lambda: query(reader))

    def test_that_are_set_anew_hold_at_once(self, reader: Actor, settings: Any) -> None:
        settings.LOCK_TIMEOUT_S = 0.2

        query(reader)
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("200ms",)
        assert is_at_once(lambda: query(reader))

    def test_end_a_read_that_waits(self, reader: Actor, settings: Any, owner: psycopg.Connection) -> None:
        settings.LOCK_TIMEOUT_S = 0.2
        query(reader)
        query(reader)
        with owner.transaction():
            owner.execute("LOCK TABLE public.books IN ACCESS EXCLUSIVE MODE")

            with CaptureQueriesContext(connection) as captured, pytest.raises(TimedOut):
                query(reader)
        assert len(captured) == 1

    def test_commits_do_not_wait_for_the_disk(self, reader: Actor) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("on",)
            before = self._flushed(cursor)
            for _ in range(20):
                query(reader)
            assert self._flushed(cursor) == before
            builders.author()
            assert self._flushed(cursor) > before

    @staticmethod
    def _scans() -> int:
        """How often the books were read."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
            cursor.execute("SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'books'")
            return int(cursor.fetchone()[0])

    @staticmethod
    def _flushed(cursor: Any) -> int:
        """How often this session has waited for its log to be on the disk."""
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT sum(fsyncs) FROM pg_stat_get_backend_io(pg_backend_pid()) WHERE object = 'wal'"
        )
        (found,) = cursor.fetchone()
        return int(found or 0)


class TestFaults:
    def test_nothing_is_answered_where_its_row_cannot_be_written(
        self, reader: Actor, broken_trail: None
    ) -> None:
        rows = AuditLog.objects.count()

        with pytest.raises(IntegrityError, match="audit_logs_operation_check"):
            query(reader)

        assert AuditLog.objects.count() == rows

    def test_a_lost_connection_is_made_again(self, reader: Actor, owner: psycopg.Connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (number,) = cursor.fetchone()
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [number])

        assert len(query(reader).records) == 6

    def test_a_cursor_from_before_a_restore_of_the_whole_is_refused(
        self, reader: Actor, owner: psycopg.Connection
    ) -> None:
        cursor = query(reader, limit=2).next_cursor
        assert is_at_once(lambda: query(reader, limit=2, cursor=cursor))

        owner.execute(epochs.START, ["full.sql.gz", "0" * 64])

        with pytest.raises(Conflict):
            query(reader, limit=2, cursor=cursor)
