"""What every write takes beside its own arguments: dry runs, limits, keys; and retries and time limits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, get_ident
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone

from accesscontrol.actor import Actor
from accesscontrol.errors import (
    AuthenticationRequired,
    Conflict,
    InvalidInput,
    LimitExceeded,
    Refused,
    TimedOut,
)
from accesscontrol.models import ColumnRule
from audit import answers
from audit import trail as trail_module
from audit.models import AuditLog, KeptAnswer
from audit.operation import Terms, audited
from audit.trail import Entry
from catalog import registry
from catalog.errors import NotNullViolation
from catalog.services import batch, records, trash, undo
from catalog.services.writing import Change
from tests.catalog.services import builders
from tests.catalog.services.builders import AUTHORS, BOOKS
from tests.catalog.services.conftest import again

Write = Callable[[Actor, Terms], Change]


def insert(actor: Actor, terms: Terms, **data: Any) -> Change:
    return records.insert_record(actor=again(actor), table=AUTHORS, data={"name": "x", **data}, terms=terms)


def state() -> dict[str, Any]:
    """All rows of all tables of the catalog but the trail, and all versions."""
    tables = [table for table in registry.all_tables() if not table.append_only]
    rows = {t.name: list(t.model._default_manager.order_by(*t.key).values()) for t in tables}
    return {**rows, "versions": LogEntry.objects.count(), "answers": KeptAnswer.objects.count()}


@pytest.fixture(
    params=["insert", "update", "delete", "purge_hard", "restore", "purge", "batch_insert", "batch_update",
            "batch_delete", "undo"]
)  # fmt: skip
def write(request: pytest.FixtureRequest, admin: Actor) -> Write:
    """Each way of writing, of two records (one where it can't be more)."""
    author = builders.author()
    books = [builders.book(author=author) for _ in range(2)]
    gone = [builders.book(author=author, deleted_at=timezone.now()) for _ in range(2)]
    where = {"id": {"$in": [book.pk for book in books]}}
    where_gone = {"id": {"$in": [book.pk for book in gone]}}
    done = records.update_records(actor=admin, table=BOOKS, data={"title": "y"}, where=where)
    calls: dict[str, Callable[..., Change]] = {
        "insert": lambda **c: records.insert_record(**c, data={"title": "x", "author_id": author.pk}),
        "update": lambda **c: records.update_records(**c, data={"title": "x"}, where=where),
        "delete": lambda **c: records.delete_records(**c, where=where),
        "purge_hard": lambda **c: records.delete_records(**c, where=where, soft_delete=False),
        "restore": lambda **c: trash.restore_records(**c, where=where_gone),
        "purge": lambda **c: trash.purge_records(**c, where=where_gone),
        "batch_insert": lambda **c: batch.insert_records(
            **c, records=[{"title": "x", "author_id": author.pk}] * 2
        ),
        "batch_update": lambda **c: batch.update_records(
            **c, updates=[{"where": {"id": b.pk}, "data": {"title": "x"}} for b in books]
        ),
        "batch_delete": lambda **c: batch.delete_records(**c, conditions_=[{"id": b.pk} for b in books]),
        "undo": lambda table, **c: undo.undo_change(**c, change_id=done.change_id),
    }
    call = calls[request.param]

    def write(actor: Actor, terms: Terms) -> Change:
        return call(actor=again(actor), table=BOOKS, terms=terms)

    return write


class TestDryRun:
    def test_of_every_write_answers_and_changes_nothing(self, admin, write):
        before = state()
        rows = AuditLog.objects.count()

        tried = write(admin, Terms(dry_run=True, idempotency_key="kept not"))

        assert state() == before
        entry = AuditLog.objects.order_by("-id")[0]
        assert AuditLog.objects.count() == rows + 1
        assert (entry.dry_run, entry.success, entry.record_count) == (True, True, tried.count)
        assert entry.changes
        done = write(admin, Terms())
        assert (done.count, done.type, done.counts) == (tried.count, tried.type, tried.counts)
        assert state() != before

    def test_that_is_refused_changes_nothing_either(self, admin):
        before = state()
        with pytest.raises(NotNullViolation):
            insert(admin, Terms(dry_run=True), name=None)
        assert state() == before

    def test_within_a_larger_transaction_takes_back_its_own_only(self, admin, db):
        with transaction.atomic():
            kept = insert(admin, Terms())
            insert(admin, Terms(dry_run=True))

        assert list(AUTHORS.model._default_manager.values_list("id", flat=True)) == [kept.records[0]["id"]]


class TestMaxAffected:
    def test_of_every_write_refuses_more(self, admin, write, request):
        if "insert]" in request.node.name and "batch" not in request.node.name:
            assert write(admin, Terms(max_affected=1)).count == 1  # the least limit there is
            return
        before = state()

        with pytest.raises(LimitExceeded) as refusal:
            write(admin, Terms(max_affected=1))

        assert refusal.value.details == {"table": "books", "maximum": 1}
        assert state() == before
        assert write(admin, Terms(max_affected=2)).count == 2

    def test_of_every_write_is_a_number(self, admin, write):
        for limit in (0, -1, 1_001, "5", None, True, 1.0):
            with pytest.raises(InvalidInput, match="max_affected"):
                write(admin, Terms(max_affected=limit))


class TestIdempotency:
    def test_of_every_write_gives_the_first_answer_again(self, admin, write):
        first = write(admin, Terms(idempotency_key="k"))
        between = state()

        again_ = write(admin, Terms(idempotency_key="k"))

        assert (again_.records.texts, again_.change_id, again_.type, again_.counts) == (
            first.records.texts, first.change_id, first.type, first.counts,
        )  # fmt: skip
        assert state() == between

    def test_tells_the_trail_of_the_second_call_what_it_repeats(self, admin, trail):
        first = insert(admin, Terms(idempotency_key="k"))
        insert(admin, Terms(idempotency_key="k"))

        one, two = trail(operation="INSERT")
        assert two.client_info["repeats"] == str(first.change_id)
        assert (one.changes is None, two.changes) == (False, None)

    def test_belongs_to_its_user(self, admin, writer):
        insert(admin, Terms(idempotency_key="k"))
        insert(writer, Terms(idempotency_key="k"))

        assert AUTHORS.model._default_manager.count() == 2

    def test_with_other_arguments_is_a_conflict(self, admin):
        insert(admin, Terms(idempotency_key="k"))

        for call in (
            lambda: insert(admin, Terms(idempotency_key="k"), name="other"),
            lambda: batch.insert_records(
                actor=admin, table=AUTHORS, records=[{"name": "x"}], terms=Terms(idempotency_key="k")
            ),
        ):
            with pytest.raises(Conflict, match="idempotency_key"):
                call()
        assert AUTHORS.model._default_manager.count() == 1

    def test_is_free_again_when_the_write_fails(self, admin):
        with pytest.raises(Refused):
            insert(admin, Terms(idempotency_key="k"), name=None)

        assert not KeptAnswer.objects.exists()
        insert(admin, Terms(idempotency_key="k"), name="other")
        assert AUTHORS.model._default_manager.count() == 1

    def test_is_free_again_when_the_audit_row_fails(self, admin, monkeypatch):
        def fail(*_: object) -> None:
            raise RuntimeError("no trail")

        with monkeypatch.context() as patch:
            patch.setattr(trail_module, "record", fail)
            with pytest.raises(RuntimeError):
                insert(admin, Terms(idempotency_key="k"))
        assert not KeptAnswer.objects.exists()
        assert not AUTHORS.model._default_manager.exists()

    def test_is_good_for_a_day(self, admin):
        insert(admin, Terms(idempotency_key="k"))
        KeptAnswer.objects.update(created_at=timezone.now() - answers.KEPT_FOR + timedelta(minutes=1))
        insert(admin, Terms(idempotency_key="k"))
        assert AUTHORS.model._default_manager.count() == 1

        KeptAnswer.objects.update(created_at=timezone.now() - answers.KEPT_FOR - timedelta(minutes=1))
        insert(admin, Terms(idempotency_key="k"), name="another")

        assert AUTHORS.model._default_manager.count() == 2
        assert KeptAnswer.objects.count() == 1

    def test_of_old_keys_of_others_nothing_is_kept(self, admin, writer):
        insert(writer, Terms(idempotency_key="old"))
        KeptAnswer.objects.update(created_at=timezone.now() - answers.KEPT_FOR - timedelta(minutes=1))

        insert(admin, Terms(idempotency_key="new"))

        assert list(KeptAnswer.objects.values_list("key", flat=True)) == ["new"]

    @pytest.mark.parametrize("key", ["", "x" * 201, "a\nb", "\x00", "\ud800", 5, True, ["k"]])
    def test_takes_a_text_of_its_own(self, admin, key):
        with pytest.raises(InvalidInput, match="idempotency_key"):
            insert(admin, Terms(idempotency_key=key))

    def test_shows_nothing_that_is_hidden_since(self, writer):
        first = insert(writer, Terms(idempotency_key="k"), bio="secret")
        assert first.records[0]["bio"] == "secret"
        ColumnRule.objects.create(
            role=Group.objects.get(name="Writer"), table_id="authors", column_name="bio", access="hidden"
        )

        with_rule = insert(writer, Terms(idempotency_key="k"), bio="secret")

        assert "bio" not in with_rule.records[0]
        assert with_rule.records[0]["name"] == "x"

    def test_answers_nobody_whose_account_is_disabled(self, writer):
        insert(writer, Terms(idempotency_key="k"))
        writer.user.is_active = False
        writer.user.save()

        with pytest.raises(AuthenticationRequired):
            insert(writer, Terms(idempotency_key="k"))


def _in_threads(*calls: Callable[[], Any]) -> list[Any]:
    """What the calls return or raise, made at once, each on a connection of its own."""
    barrier = Barrier(len(calls), timeout=10)

    def call(function: Callable[[], Any]) -> Any:
        try:
            barrier.wait()
            return function()
        except Refused as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_calls_with_one_key_write_once(self, writer):
        call = lambda: insert(writer, Terms(idempotency_key="k"))  # noqa: E731
        for _ in range(5):
            one, two = _in_threads(call, call)
            assert one.change_id == two.change_id
        assert AUTHORS.model._default_manager.count() == 1
        assert AuditLog.objects.filter(operation="INSERT").count() == 10

    def test_two_calls_that_deadlock_are_both_done_in_the_end(self, writer):
        one, two = builders.author(), builders.author()
        met, tried = Barrier(2, timeout=10), set[int]()

        @audited("UPDATE", writes=Change)
        def crossing(entry: Entry, *, actor: Actor, first: int, second: int) -> Change:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE authors SET bio = concat(bio, 'x') WHERE id = %s", [first])
                if get_ident() not in tried:  # at the second try nobody is waited for
                    tried.add(get_ident())
                    met.wait()
                cursor.execute("UPDATE authors SET bio = concat(bio, 'x') WHERE id = %s", [second])
            return records.update_records(actor=actor, table=AUTHORS, data={"name": "y"}, where={"id": first})

        def call(first: int, second: int) -> Callable[[], Any]:
            return lambda: crossing(actor=again(writer), first=first, second=second)

        answers_ = _in_threads(call(one.pk, two.pk), call(two.pk, one.pk))

        assert all(isinstance(answer, Change) for answer in answers_), answers_
        # Each did its work once: what the one that was in the way had written was taken back.
        assert {builders.stored(AUTHORS, pk=a.pk)["bio"] for a in (one, two)} == {"xx"}
        assert AuditLog.objects.filter(operation="UPDATE", success=True).count() == 4
        assert LogEntry.objects.count() == 2


@pytest.mark.django_db(transaction=True)
class TestRetries:
    @pytest.mark.parametrize("state_", ["40001", "40P01"])
    def test_of_what_another_transaction_got_in_the_way_of_write_once(self, writer, in_the_way, state_):
        in_the_way(state_, times=2)

        change = insert(writer, Terms(idempotency_key="k"))

        assert AUTHORS.model._default_manager.count() == 1
        assert AuditLog.objects.filter(operation="INSERT").count() == 1
        assert [entry.cid for entry in LogEntry.objects.all()] == [str(change.change_id)]

    def test_end_after_the_third_attempt(self, writer, in_the_way):
        in_the_way("40001", times=3)

        with pytest.raises(TimedOut) as refusal:
            insert(writer, Terms())

        assert refusal.value.details == {"outcome": "none"}
        assert not AUTHORS.model._default_manager.exists()

    def test_are_not_made_inside_a_larger_transaction(self, writer, in_the_way):
        in_the_way("40001", times=1)
        with pytest.raises(TimedOut), transaction.atomic():
            insert(writer, Terms())

    @pytest.fixture
    def in_the_way(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Return a function that lets the last statement of the next operations fail."""
        left = {"state": "", "times": 0}
        record = trail_module.record

        def failing(entry: Entry, *cursor: Any) -> None:
            record(entry, *cursor)
            if left["times"]:
                left["times"] -= 1  # type: ignore[operator]
                with connection.cursor() as cursor:
                    cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{left['state']}'; END $$")

        def prepare(state_: str, *, times: int) -> None:
            left.update(state=state_, times=times)

        monkeypatch.setattr(trail_module, "record", failing)
        return prepare


@pytest.mark.django_db(transaction=True)
class TestTimeLimits:
    def _now(self) -> tuple[str, ...]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
                " current_setting('synchronous_commit')"
            )
            return tuple(cursor.fetchone())

    def test_are_those_of_the_operation_alone(self, writer, settings):
        settings.STATEMENT_TIMEOUT_S, settings.LOCK_TIMEOUT_S = 7.5, 3.25  # no connection begins with these
        before, seen = self._now(), []

        @audited("UPDATE", writes=Change)
        def look(entry: Entry, *, actor: Actor) -> Any:
            seen.append(self._now())
            return None

        @audited("QUERY")
        def read(entry: Entry, *, actor: Actor) -> None:
            seen.append(self._now())

        look(actor=again(writer))
        assert self._now() == before
        read(actor=again(writer))
        assert self._now() == before
        assert seen == [("7500ms", "3250ms", "on"), ("7500ms", "3250ms", "off")]

    def test_do_not_stay_after_a_refusal(self, writer, settings):
        settings.STATEMENT_TIMEOUT_S, settings.LOCK_TIMEOUT_S = 7.5, 3.25
        before = self._now()
        with pytest.raises(Refused):
            insert(writer, Terms(), name=None)
        assert self._now() == before

    def test_stop_a_statement_that_takes_long(self, writer, settings):
        settings.STATEMENT_TIMEOUT_S = 0.02

        @audited("QUERY")
        def long(entry: Entry, *, actor: Actor) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(10)")

        with pytest.raises(TimedOut) as refusal:
            long(actor=again(writer))
        assert refusal.value.details == {"outcome": "none"}
