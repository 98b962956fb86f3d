from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import (
    AuthenticationRequired,
    Forbidden,
    InvalidInput,
    LimitExceeded,
    NotFound,
    ReadOnlyTable,
)
from audit import changes
from catalog import models, registry
from catalog.services import queries, records, trash, writing
from catalog.table import Table
from tests.catalog.services import builders
from tests.catalog.services.builders import (
    APPEARANCES,
    AUDIT_LOGS,
    AUTHORS,
    BOOKS,
    CHAPTERS,
    CHARACTERS,
    GENRES,
    LOCATIONS,
    SQL_TEXTS,
)
from tests.catalog.services.conftest import again, rows_of, statements

LONG_AGO = "2001-02-03T04:05:06.789012Z"
WRITES = ["INSERT", "UPDATE", "DELETE", "RESTORE_RECORDS"]


def insert(actor: Actor, table: Table, **data: Any) -> dict[str, Any]:
    return records.insert_record(actor=actor, table=table, data=data).records[0]


def update(actor: Actor, table: Table, where: Any, **data: Any) -> writing.Change:
    return records.update_records(actor=actor, table=table, data=data, where=where)


def delete(actor: Actor, table: Table, where: Any, **options: Any) -> writing.Change:
    return records.delete_records(actor=actor, table=table, where=where, **options)


def many_books(count: int, **values: Any) -> models.Author:
    writer = builders.author()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO public.books (author_id, title, word_count)"
            " SELECT %s, 'book ' || n, n FROM generate_series(1, %s) n",
            [writer.pk, count],
        )
    return writer


class TestInsert:
    def test_returns_the_record_with_what_the_database_added(self, writer):
        change = records.insert_record(actor=writer, table=AUTHORS, data={"name": "Jane"})

        (record,) = change.records
        assert (change.count, change.type) == (1, None)
        assert isinstance(change.change_id, UUID)
        assert list(record) == list(AUTHORS.columns)
        assert (record["name"], record["email"]) == ("Jane", None)
        assert isinstance(record["id"], int)
        assert record["created_at"] == record["updated_at"]
        assert record == queries.query_records(actor=writer, table=AUTHORS).records[0]

    def test_fills_in_the_defaults_of_the_database(self, writer):
        book = insert(writer, BOOKS, title="Emma", author_id=builders.author().pk)
        person = insert(writer, CHARACTERS, name="Emma")

        assert (book["status"], book["deleted_at"], person["attributes"]) == ("draft", None, {})

    def test_adds_to_a_junction(self, writer):
        person, scene = builders.character(), builders.scene()

        record = insert(writer, APPEARANCES, character_id=person.pk, scene_id=scene.pk, role="hero")

        assert (record["character_id"], record["scene_id"], record["role"]) == (person.pk, scene.pk, "hero")

    @pytest.mark.parametrize("column", ["created_at", "updated_at", "deleted_at"])
    def test_of_a_column_that_the_database_keeps_is_refused(self, admin, column):
        with pytest.raises(InvalidInput) as refusal:
            insert(admin, CHARACTERS, name="x", **{column: LONG_AGO})

        assert refusal.value.details["columns"] == [column]
        assert rows_of(CHARACTERS) == []

    @pytest.mark.parametrize("text", SQL_TEXTS)
    def test_of_sql_stores_it(self, writer, text):
        record = insert(writer, AUTHORS, name=text, bio=text)

        assert (record["name"], record["bio"]) == (text, text)
        assert builders.stored(AUTHORS, pk=record["id"])["name"] == text

    def test_is_audited_in_one_row(self, writer, trail):
        change = records.insert_record(actor=writer, table=AUTHORS, data={"name": "Jane", "bio": "x" * 3_000})

        (row,) = trail()
        key = change.records[0]["id"]
        assert (row.operation, row.table_name, row.record_id, row.record_count) == (
            "INSERT",
            "authors",
            str(key),
            1,
        )
        assert (row.change_id, row.user_id, row.success, row.error_code) == (
            change.change_id,
            "wendy",
            True,
            None,
        )
        assert row.changes == {
            "id": {"old": None, "new": key},
            "name": {"old": None, "new": "Jane"},
            "bio": {
                "old": None,
                "new": {"cut": True, "length": 3_000, "start": "x" * changes.MAX_VALUE_CHARS},
            },
        }

    def test_into_a_junction_is_audited_under_its_key(self, writer, trail):
        person, scene = builders.character(), builders.scene()

        insert(writer, APPEARANCES, character_id=person.pk, scene_id=scene.pk)

        assert trail()[0].record_id == f"{person.pk}:{scene.pk}"


class TestGivenKey:
    def last(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval('public.authors_id_seq')")
            return cursor.fetchone()[0]

    @pytest.mark.parametrize("ahead", [1, 2, 1_000, 1_001, 1_000_000, 2**40])
    def test_moves_the_sequence_past_it(self, writer, ahead):
        key = self.last() + ahead

        assert insert(writer, AUTHORS, id=key, name="given")["id"] == key
        assert insert(writer, AUTHORS, name="next")["id"] == key + 1

    def test_below_the_sequence_leaves_it_alone(self, writer):
        last = self.last()

        insert(writer, AUTHORS, id=last - 1 or 1, name="given")

        assert insert(writer, AUTHORS, name="next")["id"] == last + 1

    def test_on_a_sequence_never_used_moves_it_too(self, writer, db):
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval('public.tropes_id_seq', 1, false)")  # as in a new database
        tropes = registry.get("tropes")

        assert insert(writer, tropes, id=1, name="first")["id"] == 1
        assert insert(writer, tropes, name="second")["id"] == 2

    @pytest.mark.parametrize("key", [0, -1, -(2**63), 2**53, 2**63 - 1])
    def test_that_nobody_could_name_or_follow_is_refused(self, writer, key):
        last = self.last()

        with pytest.raises(InvalidInput) as refusal:
            insert(writer, AUTHORS, id=key, name="given")

        assert refusal.value.details["column"] == "id"
        assert self.last() == last + 1

    def test_of_the_greatest_number_leaves_numbers_after_it(self, writer):
        last = self.last()
        assert insert(writer, AUTHORS, id=2**53 - 1, name="given")["id"] == 2**53 - 1
        assert insert(writer, AUTHORS, name="next")["id"] == 2**53
        with connection.cursor() as cursor:  # no rollback takes it back
            cursor.execute("SELECT setval(pg_get_serial_sequence('public.authors', 'id'), %s)", [last])


class TestUpdate:
    def test_returns_the_records_as_they_are_now_by_key(self, writer):
        author = many_books(3)

        change = update(
            writer, BOOKS, {"author_id": author.pk, "word_count": {"$gte": 2}}, status="published"
        )

        assert [(r["title"], r["status"], r["word_count"]) for r in change.records] == [
            ("book 2", "published", 2),
            ("book 3", "published", 3),
        ]
        assert list(change.records) == list(
            queries.query_records(actor=writer, table=BOOKS, where={"status": "published"}).records
        )
        assert rows_of(BOOKS)[0]["status"] == "draft"

    def test_of_a_junction_finds_it_by_its_key(self, writer):
        kept, changed = builders.appearance(), builders.appearance()
        key = {"character_id": changed.character_id, "scene_id": changed.scene_id}

        change = update(writer, APPEARANCES, key, role="villain")

        assert [(r["character_id"], r["role"]) for r in change.records] == [(changed.character_id, "villain")]
        assert builders.stored(APPEARANCES, character_id=kept.character_id)["role"] is None

    def test_moves_updated_at_and_leaves_created_at(self, writer):
        author = builders.author(created_at=LONG_AGO, updated_at=LONG_AGO)

        record = update(writer, AUTHORS, {"id": author.pk}, bio="x").records[0]

        assert record["created_at"] == "2001-02-03T04:05:06.789012+00:00"
        assert record["updated_at"] > record["created_at"]
        assert (
            builders.stored(AUTHORS, pk=author.pk)["updated_at"].isoformat()[:19] == record["updated_at"][:19]
        )

    def test_matching_nothing_answers_none_and_is_audited(self, writer, trail):
        change = update(writer, AUTHORS, {"id": -1}, name="x")

        assert (change.count, list(change.records)) == (0, [])
        assert [(row.operation, row.record_count, row.changes, row.record_id) for row in trail()] == [
            ("UPDATE", 0, None, None)
        ]

    def test_matching_nothing_is_not_found_where_one_is_expected(self, writer, trail):
        with pytest.raises(NotFound):
            records.update_records(
                actor=writer, table=AUTHORS, data={"name": "x"}, where={"id": -1}, expect_one=True
            )

        assert trail() == []

    def test_does_not_see_the_trash(self, writer):
        gone = builders.book(deleted_at=LONG_AGO)

        assert update(writer, BOOKS, {"id": gone.pk}, title="x").count == 0
        assert builders.stored(BOOKS, pk=gone.pk)["title"] == gone.title

    @pytest.mark.parametrize(
        ("table", "column"),
        [
            (AUTHORS, "id"), (AUTHORS, "created_at"), (AUTHORS, "updated_at"), (CHARACTERS, "deleted_at"),
            (APPEARANCES, "character_id"), (APPEARANCES, "scene_id"), (APPEARANCES, "created_at"),
        ],
    )  # fmt: skip
    def test_of_a_key_or_a_column_that_the_database_keeps_is_refused(self, admin, table, column):
        with pytest.raises(InvalidInput) as refusal:
            update(admin, table, {"created_at": {"$null": False}}, **{column: 1})
        assert refusal.value.details["columns"] == [column]

    @pytest.mark.parametrize("where", [{}, None, {"$and": []}, {"$or": [{}]}, {"no": 1}, [], "id = 1"])
    def test_without_a_condition_is_refused(self, admin, where):
        author = builders.author()

        with pytest.raises(InvalidInput):
            update(admin, AUTHORS, where, name="x")
        assert builders.stored(AUTHORS, pk=author.pk)["name"] == author.name

    def test_to_nothing_is_refused(self, admin):
        with pytest.raises(InvalidInput, match="data is empty"):
            update(admin, AUTHORS, {"id": 1})

    def test_of_a_thousand_rows_is_done_and_of_one_more_refused(self, writer, trail):
        many_books(1_001)

        with pytest.raises(LimitExceeded) as refusal:
            update(writer, BOOKS, {"word_count": {"$gte": 1}}, status="published")
        assert refusal.value.details["maximum"] == 1_000
        assert not BOOKS.model._default_manager.filter(status="published").exists()
        assert trail() == []

        assert update(writer, BOOKS, {"word_count": {"$gt": 1}}, status="published").count == 1_000
        assert BOOKS.model._default_manager.filter(status="published").count() == 1_000

    @pytest.mark.parametrize("text", SQL_TEXTS)
    def test_to_sql_stores_it(self, writer, text):
        author, other = builders.author(name=text), builders.author()

        update(writer, AUTHORS, {"name": text}, bio=text)

        assert builders.stored(AUTHORS, pk=author.pk)["bio"] == text
        assert builders.stored(AUTHORS, pk=other.pk)["bio"] is None

    def test_of_one_is_audited_with_what_changed(self, writer, trail):
        book = builders.book(word_count=5, genre="a")

        change = update(writer, BOOKS, {"id": book.pk}, word_count=6, genre="a", published_at="2026-11-22")

        (row,) = trail()
        assert (row.operation, row.record_id, row.record_count) == ("UPDATE", str(book.pk), 1)
        assert row.change_id == change.change_id
        assert row.changes == {
            "word_count": {"old": 5, "new": 6},
            "published_at": {"old": None, "new": "2026-11-22T00:00:00+00:00"},
        }

    def test_of_many_is_audited_with_what_changed_in_each(self, writer, trail):
        books = [builders.book(word_count=number) for number in (1, 2)]

        update(writer, BOOKS, {"id": {"$in": [book.pk for book in books]}}, word_count=2)

        (row,) = trail()
        assert (row.record_id, row.record_count) == (None, 2)
        assert row.changes == {
            "records": [
                {"key": str(books[0].pk), "changes": {"word_count": {"old": 1, "new": 2}}},
                {"key": str(books[1].pk), "changes": {}},
            ]
        }

    def test_of_much_is_audited_in_bounds(self, writer, trail):
        many_books(200)

        update(writer, BOOKS, {"word_count": {"$gte": 1}}, description="y" * 5_000)

        (row,) = trail()
        listed = row.changes["records"]
        assert row.record_count == 200
        assert 10 < len(listed) < 200
        assert row.changes["cut"] == 200 - len(listed)
        assert listed[0]["changes"]["description"]["new"]["length"] == 5_000
        assert len(str(row.changes)) < 2 * changes.MAX_BYTES

    def test_with_one_bad_value_changes_nothing(self, writer, trail):
        author = builders.author()
        before = rows_of(AUTHORS)

        with pytest.raises(InvalidInput):
            update(writer, AUTHORS, {"id": author.pk}, name="x", bio=5)

        assert rows_of(AUTHORS) == before
        assert trail() == []


class TestDelete:
    def test_is_soft_where_the_table_has_a_trash(self, editor, trail):
        book = builders.book()

        change = delete(editor, BOOKS, {"id": book.pk})

        assert (change.count, change.type) == (1, "soft")
        stored = builders.stored(BOOKS, pk=book.pk)
        assert stored["deleted_at"] is not None
        deleted_at = change.records[0]["deleted_at"]
        (row,) = trail()
        assert (row.operation, row.record_id, row.change_id) == ("DELETE", str(book.pk), change.change_id)
        assert row.changes == {"deleted_at": {"old": None, "new": deleted_at}}

    def test_is_for_good_where_it_has_none(self, editor, trail):
        author = builders.author(bio="x")

        change = delete(editor, AUTHORS, {"id": author.pk})

        assert (change.count, change.type) == (1, "hard")
        assert change.records[0]["name"] == author.name
        assert rows_of(AUTHORS) == []
        assert trail()[0].changes == {
            "id": {"old": author.pk, "new": None},
            "name": {"old": author.name, "new": None},
            "bio": {"old": "x", "new": None},
        }

    def test_is_for_good_on_request(self, editor):
        book = builders.book()

        assert delete(editor, BOOKS, {"id": book.pk}, soft_delete=False).type == "hard"
        assert rows_of(BOOKS) == []

    def test_into_a_trash_that_is_not_there_is_refused(self, editor):
        author = builders.author()

        with pytest.raises(InvalidInput, match="has no trash"):
            delete(editor, AUTHORS, {"id": author.pk}, soft_delete=True)
        assert len(rows_of(AUTHORS)) == 1

    def test_of_a_junction_finds_it_by_its_key(self, editor):
        kept, gone = builders.appearance(), builders.appearance()

        change = delete(editor, APPEARANCES, {"character_id": gone.character_id, "scene_id": gone.scene_id})

        assert (change.count, change.type) == (1, "hard")
        assert [row["character_id"] for row in rows_of(APPEARANCES)] == [kept.character_id]

    @pytest.mark.parametrize("soft_delete", [True, False])
    def test_does_not_see_the_trash(self, editor, soft_delete):
        gone = builders.book(deleted_at=LONG_AGO)

        assert delete(editor, BOOKS, {"id": gone.pk}, soft_delete=soft_delete).count == 0
        assert str(builders.stored(BOOKS, pk=gone.pk)["deleted_at"]).startswith("2001")

    def test_matching_nothing_is_not_found_where_one_is_expected(self, editor):
        assert delete(editor, BOOKS, {"id": -1}).count == 0

        with pytest.raises(NotFound):
            delete(editor, BOOKS, {"id": -1}, expect_one=True)

    @pytest.mark.parametrize("where", [{}, None, [], {"$or": [{}]}])
    def test_without_a_condition_is_refused(self, admin, where):
        builders.book()

        with pytest.raises(InvalidInput):
            delete(admin, BOOKS, where)
        assert rows_of(BOOKS)[0]["deleted_at"] is None

    @pytest.mark.parametrize("soft_delete", [True, False])
    def test_of_more_than_a_thousand_rows_is_refused(self, editor, soft_delete, trail):
        many_books(1_001)

        with pytest.raises(LimitExceeded):
            delete(editor, BOOKS, {"word_count": {"$gte": 1}}, soft_delete=soft_delete)

        assert BOOKS.model._default_manager.filter(deleted_at=None).count() == 1_001
        assert trail() == []

    def test_frees_the_unique_values_of_what_went_into_the_trash(self, editor):
        chapter = builders.chapter()
        delete(editor, CHAPTERS, {"id": chapter.pk})

        assert (
            insert(editor, CHAPTERS, book_id=chapter.book_id, chapter_num=chapter.chapter_num)["id"]
            != chapter.pk
        )


class TestStatements:
    """One statement for all rows: as many for two hundred as for two."""

    @pytest.mark.parametrize("operation", ["update", "trash", "delete", "restore"])
    def test_do_not_grow_with_the_rows(self, editor, operation):
        def run(where: dict[str, Any]) -> int:
            actor = again(editor)
            match operation:
                case "update":
                    return statements(lambda: update(actor, BOOKS, where, status="published"))
                case "trash":
                    return statements(lambda: delete(actor, BOOKS, where))
                case "delete":
                    return statements(lambda: delete(actor, BOOKS, where, soft_delete=False))
                case _:
                    delete(actor, BOOKS, where)
                    return statements(
                        lambda: trash.restore_records(actor=again(editor), table=BOOKS, where=where)
                    )

        many_books(203)
        run({"word_count": 1})  # from here on the rights are known

        few, many = run({"word_count": {"$between": [2, 3]}}), run({"word_count": {"$gt": 3}})

        assert many == few
        assert BOOKS.model._default_manager.filter(status="draft", deleted_at=None).count() == (
            203 if operation == "restore" else 0
        )

    def test_of_an_insert_are_few(self, writer):
        author = builders.author()

        assert statements(lambda: insert(writer, BOOKS, title="x", author_id=author.pk)) <= 8


class TestAccess:
    def attempt(self, actor: Actor, operation: str, table: Table = LOCATIONS) -> None:
        where = {"created_at": {"$null": False}}
        match operation:
            case "insert":
                records.insert_record(actor=actor, table=table, data={"name": "x"})
            case "update":
                records.update_records(actor=actor, table=table, data={"name": "y"}, where=where)
            case "delete":
                records.delete_records(actor=actor, table=table, where=where)
            case "delete for good":
                records.delete_records(actor=actor, table=table, where=where, soft_delete=False)
            case "restore":
                trash.restore_records(actor=actor, table=table, where=where)

    @pytest.mark.parametrize(
        ("role", "allowed"),
        [
            ("viewer", set()),
            ("auditor", set()),
            ("nobody", set()),
            ("writer", {"insert", "update", "restore"}),
            ("editor", {"insert", "update", "restore", "delete", "delete for good"}),
            ("admin", {"insert", "update", "restore", "delete", "delete for good"}),
        ],
    )
    def test_is_what_the_role_grants(self, request, trail, role, allowed):
        actor = request.getfixturevalue(role)
        builders.location()

        for operation in ("insert", "update", "restore", "delete", "delete for good"):
            before = rows_of(LOCATIONS)
            if operation in allowed:
                self.attempt(again(actor), operation)
                continue
            with pytest.raises(Forbidden) as refusal:
                self.attempt(again(actor), operation)
            assert refusal.value.details["table"] == "locations"
            assert rows_of(LOCATIONS) == before
        assert len(trail(operation__in=WRITES)) == len(allowed)

    def test_is_by_table(self, granted):
        actor = granted(read=["books", "locations"], insert=["locations"], update=["books"])

        self.attempt(actor, "insert")
        with pytest.raises(Forbidden):
            self.attempt(actor, "update")

    @pytest.mark.parametrize("table", [GENRES, AUDIT_LOGS, registry.get("lookup_values")], ids=str)
    @pytest.mark.parametrize("operation", ["insert", "update", "delete", "delete for good", "restore"])
    def test_to_a_read_only_table_is_refused_to_everyone(self, admin, table, operation):
        with pytest.raises(ReadOnlyTable) as refusal:
            self.attempt(admin, operation, table)
        assert refusal.value.details == {"table": table.name}

    @pytest.mark.parametrize("operation", ["insert", "update", "delete", "restore"])
    def test_is_refused_to_strangers(self, db, operation):
        with pytest.raises(AuthenticationRequired):
            self.attempt(Actor(None, Channel.API), operation)

    def test_is_refused_before_anything_is_said_of_the_data(self, nobody):
        with pytest.raises(Forbidden):
            records.insert_record(actor=nobody, table=BOOKS, data={"no such column": 1})
