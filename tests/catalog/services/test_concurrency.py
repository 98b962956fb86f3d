"""Two callers at once, each on a connection of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from accesscontrol.errors import Conflict, TimedOut
from audit.models import AuditLog
from catalog.errors import DuplicateKey, ForeignKeyViolation
from catalog.services import records, trash
from tests.catalog.services import builders
from tests.catalog.services.builders import AUTHORS, BOOKS, CHAPTERS
from tests.catalog.services.conftest import again

DEADLINE_S = 10

pytestmark = pytest.mark.django_db(transaction=True)


class Caller:
    """Someone who calls services on a connection and in a thread of their own."""

    def __init__(self, owner: psycopg.Connection) -> None:
        self.owner = owner
        self.thread = ThreadPoolExecutor(max_workers=1)

    def calls(self, service: Callable[..., Any], **arguments: Any) -> Future[Any]:
        """Start a call, whose result is to be waited for."""
        return self.thread.submit(service, **{**arguments, "actor": again(arguments["actor"])})

    def is_held_up_calling(self, service: Callable[..., Any], **arguments: Any) -> Future[Any]:
        """Start a call, and return when it waits for a lock."""
        call = self.calls(service, **arguments)
        deadline = monotonic() + DEADLINE_S
        while not self._is_waiting():
            assert not call.done(), "the call was to wait for a lock"
            assert monotonic() < deadline
        return call

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep what the caller does uncommitted meanwhile."""
        block = transaction.atomic()
        self.thread.submit(block.__enter__).result()
        try:
            yield
        finally:
            self.thread.submit(block.__exit__, None, None, None).result()

    def leave(self) -> None:
        self.thread.submit(lambda: connection.close()).result()  # noqa: PLW0108 - the thread's own
        self.thread.shutdown()

    def _is_waiting(self) -> bool:
        (count,) = self.owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
        return bool(count)


@pytest.fixture
def callers(owner: psycopg.Connection) -> Iterator[tuple[Caller, Caller]]:
    both = Caller(owner), Caller(owner)
    yield both
    for caller in both:
        caller.leave()


@pytest.fixture
def third(owner: psycopg.Connection) -> Iterator[Caller]:
    caller = Caller(owner)
    yield caller
    caller.leave()


def refusal(call: Future[Any], error: type[Exception]) -> Any:
    with pytest.raises(error) as caught:
        call.result(DEADLINE_S)
    return caught.value


class TestUpdates:
    def test_of_one_record_take_turns_and_the_second_sees_what_the_first_left(self, editor, callers):
        first, second = callers
        book = builders.book(word_count=1)
        update: dict[str, Any] = {"actor": editor, "table": BOOKS, "where": {"id": book.pk}}

        with first.transaction():
            first.calls(records.update_records, **update, data={"word_count": 2}).result()
            waiting = second.is_held_up_calling(records.update_records, **update, data={"word_count": 3})

        assert waiting.result(DEADLINE_S).count == 1
        changes = AuditLog.objects.filter(operation="UPDATE").order_by("id").values_list("changes", flat=True)
        assert list(changes) == [{"word_count": {"old": 1, "new": 2}}, {"word_count": {"old": 2, "new": 3}}]

    def test_find_no_record_that_another_moved_out_of_their_condition(self, editor, callers):
        first, second = callers
        builders.book(word_count=1)
        update: dict[str, Any] = {"actor": editor, "table": BOOKS, "where": {"word_count": 1}}

        with first.transaction():
            first.calls(records.update_records, **update, data={"word_count": 2}).result()
            waiting = second.is_held_up_calling(records.update_records, **update, data={"word_count": 3})

        assert waiting.result(DEADLINE_S).count == 0
        assert BOOKS.model._default_manager.get().word_count == 2

    def test_of_overlapping_records_lock_them_in_one_order(self, editor, callers):
        first, second = callers
        one, other = builders.author(), builders.author()

        def update(*keys: int) -> dict[str, Any]:
            return {
                "actor": editor,
                "table": AUTHORS,
                "where": {"id": {"$in": list(keys)}},
                "data": {"bio": "x"},
            }

        with first.transaction():
            first.calls(records.update_records, **update(one.pk)).result()
            waiting = second.is_held_up_calling(records.update_records, **update(other.pk, one.pk))
            first.calls(records.update_records, **update(other.pk)).result(DEADLINE_S)

        assert waiting.result(DEADLINE_S).count == 2

    def test_that_wait_too_long_are_timed_out_and_change_nothing(self, editor, callers):
        first, second = callers
        author = builders.author()
        update: dict[str, Any] = {"actor": editor, "table": AUTHORS, "where": {"id": author.pk}}

        def impatient(**arguments: Any) -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '20ms'")
                records.update_records(**arguments)

        with first.transaction():
            first.calls(records.update_records, **update, data={"bio": "first"}).result()
            waiting = second.calls(impatient, **update, data={"bio": "second"})
            assert refusal(waiting, TimedOut).details == {"outcome": "none"}

        assert builders.stored(AUTHORS, pk=author.pk)["bio"] == "first"

    def test_move_updated_at_by_microseconds(self, editor):
        author = builders.author()
        seen = [author.updated_at.isoformat(timespec="microseconds")]

        for number in range(3):
            change = records.update_records(
                actor=editor, table=AUTHORS, data={"bio": str(number)}, where={"id": author.pk}
            )
            seen.append(change.records[0]["updated_at"])

        assert seen == sorted(set(seen))


class TestAParentOnItsWayOut:
    @pytest.mark.parametrize("soft_delete", [True, False])
    def test_gets_no_new_child(self, editor, callers, soft_delete):
        first, second = callers
        book = builders.book()

        with first.transaction():
            first.calls(
                records.delete_records,
                actor=editor,
                table=BOOKS,
                where={"id": book.pk},
                soft_delete=soft_delete,
            ).result()
            waiting = second.is_held_up_calling(
                records.insert_record,
                actor=editor,
                table=CHAPTERS,
                data={"book_id": book.pk, "chapter_num": 1},
            )

        assert refusal(waiting, ForeignKeyViolation).details["value"] == book.pk
        assert not CHAPTERS.model._default_manager.exists()

    def test_gets_no_child_moved_to_it(self, editor, callers):
        first, second = callers
        book, chapter = builders.book(), builders.chapter()

        with first.transaction():
            first.calls(records.delete_records, actor=editor, table=BOOKS, where={"id": book.pk}).result()
            waiting = second.is_held_up_calling(
                records.update_records,
                actor=editor,
                table=CHAPTERS,
                data={"book_id": book.pk},
                where={"id": chapter.pk},
            )

        assert refusal(waiting, ForeignKeyViolation).details["column"] == "book_id"
        assert builders.stored(CHAPTERS, pk=chapter.pk)["book_id"] == chapter.book_id

    def test_gets_no_child_out_of_the_trash(self, editor, callers):
        first, second = callers
        chapter = builders.chapter(deleted_at="2026-01-01T00:00:00Z")

        with first.transaction():
            first.calls(
                records.delete_records, actor=editor, table=BOOKS, where={"id": chapter.book_id}
            ).result()
            waiting = second.is_held_up_calling(
                trash.restore_records, actor=editor, table=CHAPTERS, where={"id": chapter.pk}
            )

        assert refusal(waiting, Conflict).details["records"][0]["value"] == chapter.book_id
        assert builders.stored(CHAPTERS, pk=chapter.pk)["deleted_at"] is not None

    def test_waits_for_a_child_that_is_being_made_and_then_is_kept_by_it(self, editor, callers):
        first, second = callers
        book = builders.book()

        with first.transaction():
            first.calls(
                records.insert_record,
                actor=editor,
                table=CHAPTERS,
                data={"book_id": book.pk, "chapter_num": 1},
            ).result()
            waiting = second.is_held_up_calling(
                records.delete_records, actor=editor, table=BOOKS, where={"id": book.pk}, soft_delete=False
            )

        (found,) = refusal(waiting, ForeignKeyViolation).details["dependents"]
        assert (found["table"], found["count"]) == ("chapters", 1)

    def test_waits_for_a_child_that_is_coming_back_too(self, editor, callers):
        first, second = callers
        chapter = builders.chapter(deleted_at="2026-01-01T00:00:00Z")

        with first.transaction():
            first.calls(
                trash.restore_records, actor=editor, table=CHAPTERS, where={"id": chapter.pk}
            ).result()
            waiting = second.is_held_up_calling(
                records.delete_records, actor=editor, table=BOOKS, where={"id": chapter.book_id}
            )

        assert waiting.result(DEADLINE_S).count == 1

    def test_lets_others_be_born_while_it_is_only_changed(self, editor, callers):
        first, second = callers
        book = builders.book()

        with first.transaction():
            first.calls(
                records.update_records, actor=editor, table=BOOKS, data={"title": "x"}, where={"id": book.pk}
            ).result()
            second.calls(
                records.insert_record,
                actor=editor,
                table=CHAPTERS,
                data={"book_id": book.pk, "chapter_num": 1},
            ).result(DEADLINE_S)


class TestAGivenKey:
    @pytest.mark.parametrize("ahead", [1, 5_000])
    def test_is_given_to_nobody_else_before_it_is_committed(self, editor, callers, ahead):
        first, second = callers
        key = builders.author().pk + ahead
        insert: dict[str, Any] = {"actor": editor, "table": AUTHORS}

        with first.transaction():
            first.calls(records.insert_record, **insert, data={"id": key, "name": "given"}).result()
            other = second.calls(records.insert_record, **insert, data={"name": "next"}).result(DEADLINE_S)

        assert other.records[0]["id"] == key + 1

    def test_is_given_to_nobody_else_while_its_record_is_being_made(self, editor, callers, third):
        first, second = callers
        key = builders.author().pk + 2
        insert: dict[str, Any] = {"actor": editor, "table": AUTHORS}
        taken = {"email": "taken@example.org"}

        with second.transaction():
            second.calls(records.insert_record, **insert, data={"name": "holder", **taken}).result()
            waiting = first.is_held_up_calling(
                records.insert_record, **insert, data={"id": key, "name": "given", **taken}
            )
            other = third.calls(records.insert_record, **insert, data={"name": "next"}).result(DEADLINE_S)

        assert other.records[0]["id"] == key + 1
        assert refusal(waiting, DuplicateKey).details["columns"] == ["email"]

    def test_goes_to_the_first_of_two_who_choose_it(self, editor, callers):
        first, second = callers
        key = builders.author().pk + 1
        insert: dict[str, Any] = {"actor": editor, "table": AUTHORS}

        with first.transaction():
            first.calls(records.insert_record, **insert, data={"id": key, "name": "first"}).result()
            waiting = second.is_held_up_calling(
                records.insert_record, **insert, data={"id": key, "name": "second"}
            )

        assert refusal(waiting, DuplicateKey).details["values"] == {"id": key}
        assert builders.stored(AUTHORS, pk=key)["name"] == "first"
