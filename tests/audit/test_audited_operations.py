"""An operation and its audit row are one: neither is there without the other, and a refusal undoes both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

import audit.queries
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, Forbidden, Refused
from audit.models import OPERATIONS, AuditLog
from audit.operation import audited
from audit.trail import Entry
from catalog import registry
from catalog.services import describe, queries, records, trash

Trail = Callable[..., list[AuditLog]]
AUTHORS, BOOKS = registry.get("authors"), registry.get("books")
Service = Callable[[Actor], Any]

WRITES: dict[str, Service] = {
    "INSERT": lambda actor: records.insert_record(
        actor=actor, table=BOOKS, data={"title": "New", "author_id": 1}
    ),
    "UPDATE": lambda actor: records.update_records(
        actor=actor, table=BOOKS, data={"status": "archived"}, where={"title": "Live"}
    ),
    "DELETE": lambda actor: records.delete_records(actor=actor, table=BOOKS, where={"title": "Live"}),
    "RESTORE_RECORDS": lambda actor: trash.restore_records(
        actor=actor, table=BOOKS, where={"title": "Trashed"}
    ),
}
READS: dict[str, Service] = {
    "QUERY": lambda actor: queries.query_records(actor=actor, table=BOOKS),
    "GET_SCHEMA": lambda actor: describe.get_schema(actor=actor, table=BOOKS),
    "LIST_TABLES": lambda actor: describe.list_tables(actor=actor),
    "GET_RELATIONSHIPS": lambda actor: describe.get_relationships(actor=actor, table=BOOKS),
    "LIST_TABLE_COLUMNS": lambda actor: describe.list_table_columns(actor=actor, table=BOOKS),
    "AUDIT_QUERY": lambda actor: audit.queries.search(actor=actor, table="books"),
    "AUDIT_SUMMARY": lambda actor: audit.queries.summary(actor=actor, table="books"),
}
SERVICES = WRITES | READS


@pytest.fixture
def library(db: None) -> None:
    """One author with a book, and a book in the trash."""
    author = AUTHORS.model(id=1, name="Anna")
    author.save(force_insert=True)
    for title in ("Live", "Trashed"):
        BOOKS.model(title=title, author_id=1).save()
    BOOKS.model._default_manager.filter(title="Trashed").update(deleted_at="2026-01-01T00:00Z")


def state() -> list[dict[str, Any]]:
    return list(BOOKS.model._default_manager.order_by("id").values())


def is_gate_held() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'app.restore_gate'::regclass"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.usefixtures("library")
def test_what_writes_keeps_a_restore_of_the_whole_from_beginning(editor: Actor) -> None:
    READS["QUERY"](editor)
    assert not is_gate_held()

    WRITES["UPDATE"](editor)
    assert is_gate_held()


@pytest.mark.usefixtures("library")
class TestEveryService:
    @pytest.mark.parametrize("operation", SERVICES)
    def test_leaves_one_row_that_names_it(self, editor: Actor, operation: str, trail: Trail) -> None:
        SERVICES[operation](editor)

        (row,) = trail()
        assert (row.operation, row.user_id, row.success) == (operation, "edith", True)
        assert row.table_name == (None if operation == "LIST_TABLES" else "books")
        assert row.request_id == editor.request_id
        assert row.execution_time > 0
        assert row.operation in OPERATIONS

    @pytest.mark.parametrize("operation", SERVICES)
    def test_does_and_answers_nothing_when_its_row_cannot_be_written(
        self, editor: Actor, operation: str, broken_trail: None
    ) -> None:
        before = state()

        with pytest.raises(IntegrityError, match="audit_logs_operation_check"):
            SERVICES[operation](editor)

        assert state() == before
        assert not AuditLog.objects.exists()

    @pytest.mark.parametrize("operation", SERVICES)
    def test_leaves_no_row_of_a_transaction_that_is_rolled_back(
        self, editor: Actor, operation: str, trail: Trail
    ) -> None:
        before = state()

        with transaction.atomic():
            SERVICES[operation](editor)
            assert len(trail()) == 1
            transaction.set_rollback(True)

        assert trail() == []
        assert state() == before

    @pytest.mark.parametrize("operation", SERVICES)
    def test_leaves_the_row_of_a_refusal_to_the_face(self, operation: str, trail: Trail) -> None:
        with pytest.raises(AuthenticationRequired):
            SERVICES[operation](Actor(None, Channel.API))

        assert trail() == []

    @pytest.mark.parametrize("operation", SERVICES)
    def test_writes_its_row_last(self, editor: Actor, operation: str) -> None:
        with CaptureQueriesContext(connection) as captured:
            SERVICES[operation](editor)

        statements = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
        assert "INSERT INTO public.audit_logs" in statements[-1]
        assert sum("audit_logs (" in statement for statement in statements) == 1


@pytest.mark.usefixtures("library")
class TestWrites:
    def test_are_told_with_key_change_and_number(self, editor: Actor, trail: Trail) -> None:
        change = WRITES["UPDATE"](editor)

        (row,) = trail()
        assert row.change_id == change.change_id
        assert (row.record_id, row.record_count) == (str(change.records[0]["id"]), 1)
        assert row.changes == {"status": {"old": "draft", "new": "archived"}}

    def test_of_many_name_each_record(self, editor: Actor, trail: Trail) -> None:
        BOOKS.model._default_manager.update(deleted_at=None)

        change = records.update_records(
            actor=editor, table=BOOKS, data={"genre": "x"}, where={"author_id": 1}
        )

        (row,) = trail()
        assert (row.record_id, row.record_count) == (None, 2)
        assert row.changes == {
            "records": [
                {"key": str(record["id"]), "changes": {"genre": {"old": None, "new": "x"}}}
                for record in change.records
            ]
        }

    def test_of_nothing_are_told_as_such(self, editor: Actor, trail: Trail) -> None:
        records.update_records(actor=editor, table=BOOKS, data={"genre": "x"}, where={"title": "No such"})

        (row,) = trail()
        assert (row.record_id, row.record_count, row.changes, row.success) == (None, 0, None, True)

    def test_keep_a_change_that_postgresql_tells_apart_and_python_does_not(
        self, editor: Actor, trail: Trail
    ) -> None:
        characters = registry.get("characters")
        records.insert_record(
            actor=editor, table=characters, data={"name": "Kit", "attributes": {"alive": 1}}
        )
        records.update_records(
            actor=editor, table=characters, data={"attributes": {"alive": True}}, where={"name": "Kit"}
        )

        assert trail()[-1].changes == {"attributes": {"old": {"alive": 1}, "new": {"alive": True}}}

    def test_of_64_kilobytes_and_more_are_cut_in_the_trail_alone(self, editor: Actor, trail: Trail) -> None:
        long = "ß" * 100_000
        for number in range(30):
            BOOKS.model(title=f"Many {number}", author_id=1, description="old" * 1_000).save()

        change = records.update_records(
            actor=editor, table=BOOKS, data={"description": long}, where={"title": {"$like": "Many%"}}
        )

        assert all(record["description"] == long for record in change.records)
        (row,) = trail()
        assert 0 < len(row.changes["records"]) < 30
        assert len(row.changes["records"]) + row.changes["cut"] == 30
        new = row.changes["records"][0]["changes"]["description"]["new"]
        assert new == {"cut": True, "length": 100_000, "start": long[:2_000]}


class TestAudited:
    def test_takes_a_table_by_name_only_where_it_could_be_one(self, admin: Actor, trail: Trail) -> None:
        @audited("QUERY")
        def service(entry: Entry, *, actor: Actor, table: object) -> None:
            pass

        for table in (AUTHORS, "books", "a b", "\x00", 7, None):
            service(actor=admin, table=table)

        assert [row.table_name for row in trail()] == ["authors", "books", None, None, None, None]

    def test_lets_refusals_pass_as_they_are(self, admin: Actor, trail: Trail) -> None:
        refusal = Forbidden("No.")

        @audited("QUERY")
        def service(entry: Entry, *, actor: Actor) -> None:
            AUTHORS.model(name="Half done").save()
            raise refusal

        with pytest.raises(Refused) as raised:
            service(actor=admin)

        assert raised.value is refusal
        assert not AUTHORS.model._default_manager.exists()
        assert trail() == []
