from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, Forbidden, InvalidInput, LimitExceeded, NotFound
from audit.operation import Terms
from catalog.errors import DuplicateKey, ForeignKeyViolation
from catalog.services import batch, records, trash, undo
from catalog.services.writing import Change
from catalog.table import Table
from tests.catalog.services import builders
from tests.catalog.services.builders import APPEARANCES, AUTHORS, BOOKS, CHAPTERS, CHARACTERS, LOCATIONS
from tests.catalog.services.conftest import again


def insert(actor: Actor, table: Table, **data: Any) -> Change:
    return records.insert_record(actor=actor, table=table, data=data)


def update(actor: Actor, table: Table, key: Any, **data: Any) -> Change:
    return records.update_records(actor=actor, table=table, data=data, where={"id": key})


def delete(actor: Actor, table: Table, *keys: Any, **options: Any) -> Change:
    return records.delete_records(actor=actor, table=table, where={"id": {"$in": list(keys)}}, **options)


def undone(actor: Actor, change: Change, **terms: Any) -> Change:
    return undo.undo_change(actor=again(actor), change_id=change.change_id, terms=Terms(**terms))


def rows_of(*tables: Table) -> list[list[dict[str, Any]]]:
    return [list(table.model._default_manager.order_by(*table.key).values()) for table in tables]


class TestOfEachKind:
    def test_an_insert(self, editor):
        change = insert(editor, AUTHORS, name="x")

        answer = undone(editor, change)

        assert rows_of(AUTHORS) == [[]]
        assert answer.records[0] == change.records[0]
        assert answer.counts == [1]

    def test_an_update_with_its_time(self, editor):
        author = builders.author(bio="old", updated_at="2001-02-03T04:05:06.789012Z")
        before = rows_of(AUTHORS)

        answer = undone(editor, update(editor, AUTHORS, author.pk, bio="new", name="other"))

        assert rows_of(AUTHORS) == before
        assert answer.records[0]["bio"] == "old"

    def test_a_soft_deletion(self, editor):
        book = builders.book(updated_at="2001-02-03T04:05:06.789012Z")
        before = rows_of(BOOKS)

        undone(editor, delete(editor, BOOKS, book.pk))

        assert rows_of(BOOKS) == before

    def test_a_hard_deletion_with_what_went_along(self, editor):
        appearance = builders.appearance(role="hero")
        other = builders.appearance(character=appearance.character)
        before = rows_of(CHARACTERS, APPEARANCES)
        change = delete(editor, CHARACTERS, other.character_id, soft_delete=False)
        assert rows_of(CHARACTERS, APPEARANCES) == [[], []]

        answer = undone(editor, change)

        assert rows_of(CHARACTERS, APPEARANCES) == before
        assert answer.counts == [1, 2]

    def test_a_restore(self, editor):
        book = builders.book(deleted_at="2020-01-01T00:00:00Z")
        before = rows_of(BOOKS)

        undone(editor, trash.restore_records(actor=editor, table=BOOKS, where={"id": book.pk}))

        assert rows_of(BOOKS) == before

    def test_a_purge_brings_back_what_was_in_the_trash(self, admin):
        book = builders.book(deleted_at="2020-01-01T00:00:00Z")
        before = rows_of(BOOKS)

        undone(admin, trash.purge_records(actor=admin, table=BOOKS, where={"id": book.pk}))

        assert rows_of(BOOKS) == before

    def test_a_deletion_from_a_junction(self, editor):
        builders.appearance()
        appearance = builders.appearance(role="hero")
        before = rows_of(APPEARANCES)
        change = records.delete_records(
            actor=editor, table=APPEARANCES, where={"character_id": appearance.character_id}
        )

        undone(editor, change)

        assert rows_of(APPEARANCES) == before

    def test_an_undo_again_and_again(self, editor):
        author = builders.author(bio="old")
        before = rows_of(AUTHORS)
        change = update(editor, AUTHORS, author.pk, bio="new")
        after = rows_of(AUTHORS)

        for expected in (before, after, before):
            change = undone(editor, change)
            assert rows_of(AUTHORS) == expected

    def test_the_undo_of_an_insert_and_of_a_deletion(self, editor):
        change = insert(editor, AUTHORS, name="x")
        there = rows_of(AUTHORS)

        for expected in ([[]], there, [[]]):
            change = undone(editor, change)
            assert rows_of(AUTHORS) == expected


class TestOfBatches:
    def test_of_a_thousand(self, editor):
        before = rows_of(AUTHORS)
        change = batch.insert_records(
            actor=editor, table=AUTHORS, records=[{"name": f"{n}"} for n in range(1_000)]
        )
        after = rows_of(AUTHORS)

        back = undone(editor, change)

        assert rows_of(AUTHORS) == before
        assert back.counts == [1_000]
        undone(editor, back)
        assert rows_of(AUTHORS) == after

    def test_of_different_updates(self, editor):
        authors = [builders.author() for _ in range(3)]
        before = rows_of(AUTHORS)
        change = batch.update_records(
            actor=editor,
            table=AUTHORS,
            updates=[
                {"where": {"id": authors[0].pk}, "data": {"bio": "x"}},
                {"where": {"id": authors[1].pk}, "data": {"name": "y", "email": "y@example.org"}},
            ],
        )

        undone(editor, change)

        assert rows_of(AUTHORS) == before

    def test_of_more_than_one_statement_can_name(self, admin, monkeypatch):
        character = builders.character()
        for _ in range(5):
            builders.appearance(character=character)
        before = rows_of(CHARACTERS, APPEARANCES)
        monkeypatch.setattr(undo, "MAX_KEYS", 2)
        change = delete(admin, CHARACTERS, character.pk, soft_delete=False)

        back = undone(admin, change)

        assert rows_of(CHARACTERS, APPEARANCES) == before
        undone(admin, back)
        assert rows_of(CHARACTERS, APPEARANCES) == [[], []]

    @pytest.mark.parametrize("soft_delete", [True, False])
    def test_of_a_tree_in_one_table(self, editor, soft_delete):
        root = builders.location()
        child = builders.location(parent_location=root)
        leaf = builders.location(parent_location=child)
        before = rows_of(LOCATIONS)
        change = batch.delete_records(
            actor=editor,
            table=LOCATIONS,
            conditions_=[{"id": leaf.pk}, {"id": child.pk}, {"id": root.pk}],
            soft_delete=soft_delete,
        )

        undone(editor, change)

        assert rows_of(LOCATIONS) == before

    def test_is_whole_or_nothing(self, editor):
        authors = [builders.author() for _ in range(3)]
        change = records.update_records(
            actor=editor, table=AUTHORS, data={"bio": "x"}, where={"id": {"$in": [a.pk for a in authors]}}
        )
        update(editor, AUTHORS, authors[1].pk, bio="y")
        before = rows_of(AUTHORS)

        with pytest.raises(Conflict) as refusal:
            undone(editor, change)

        assert rows_of(AUTHORS) == before
        assert refusal.value.details["records"] == [
            {"table": "authors", "key": str(authors[1].pk), "reason": "has another bio"}
        ]


class TestIsRefused:
    def test_of_what_no_change_has(self, editor):
        for change_id in (uuid4(), str(uuid4())):
            with pytest.raises(NotFound):
                undo.undo_change(actor=editor, change_id=change_id)

    @pytest.mark.parametrize("change_id", ["x", "", 5, None, "1" * 10_000, "' OR 1=1 --"])
    def test_of_what_is_no_id(self, editor, change_id):
        with pytest.raises(InvalidInput):
            undo.undo_change(actor=editor, change_id=change_id)

    def test_of_what_was_deleted_since(self, editor):
        author = builders.author()
        change = update(editor, AUTHORS, author.pk, bio="x")
        delete(editor, AUTHORS, author.pk)

        with pytest.raises(Conflict, match="was deleted since"):
            undone(editor, change)

    def test_of_what_is_in_the_trash_since(self, editor):
        book = builders.book()
        change = update(editor, BOOKS, book.pk, title="x")
        delete(editor, BOOKS, book.pk)

        with pytest.raises(Conflict, match="has another deleted_at"):
            undone(editor, change)

    def test_of_what_is_there_again(self, editor):
        author = builders.author()
        change = delete(editor, AUTHORS, author.pk)
        builders.author(id=author.pk)

        with pytest.raises(Conflict, match="is there again"):
            undone(editor, change)

    def test_a_second_time(self, editor):
        author = builders.author(bio="old")
        change = update(editor, AUTHORS, author.pk, bio="new")
        undone(editor, change)

        with pytest.raises(Conflict, match="has another bio"):
            undone(editor, change)

    def test_where_a_number_differs_in_its_last_digit_alone(self, editor: Actor) -> None:
        character = builders.character(attributes={"height": 1})
        change = records.update_records(
            actor=editor, table=CHARACTERS, data={"attributes": {"height": 0.1}}, where={"id": character.pk}
        )
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE public.characters SET attributes = '{\"height\": 0.10000000000000000001}' WHERE id = %s",
                [character.pk],
            )

        with pytest.raises(Conflict, match="has another attributes"):
            undo.undo_change(actor=editor, change_id=change.change_id)

    def test_where_others_refer_to_what_was_inserted(self, editor):
        change = insert(editor, AUTHORS, name="x")
        builders.book(author_id=change.records[0]["id"])

        with pytest.raises(ForeignKeyViolation) as refusal:
            undone(editor, change)
        assert refusal.value.details["dependents"][0]["table"] == "books"

    @pytest.mark.parametrize("soft_delete", [True, False])
    def test_where_the_parent_is_in_the_trash(self, editor, soft_delete):
        chapter = builders.chapter()
        change = delete(editor, CHAPTERS, chapter.pk, soft_delete=soft_delete)
        delete(editor, BOOKS, chapter.book_id)

        with pytest.raises(ForeignKeyViolation, match="in the trash"):
            undone(editor, change)

    def test_where_the_parent_is_gone(self, editor):
        chapter = builders.chapter()
        change = delete(editor, CHAPTERS, chapter.pk, soft_delete=False)
        delete(editor, BOOKS, chapter.book_id, soft_delete=False)

        with pytest.raises(
            ForeignKeyViolation, match="book_id: a record of books that is referred to is not there"
        ):
            undone(editor, change)

    def test_where_the_unique_value_is_taken(self, editor):
        chapter = builders.chapter()
        change = delete(editor, CHAPTERS, chapter.pk)
        builders.chapter(book=chapter.book, chapter_num=chapter.chapter_num)

        with pytest.raises(DuplicateKey):
            undone(editor, change)

    def test_but_not_where_a_reference_that_stays_points_into_the_trash(self, editor):
        chapter = builders.chapter(title="old")
        change = update(editor, CHAPTERS, chapter.pk, title="new")
        delete(editor, BOOKS, chapter.book_id)

        assert undone(editor, change).records[0]["title"] == "old"


class TestRights:
    @pytest.mark.parametrize(
        ("write", "right"),
        [
            (lambda actor: insert(actor, AUTHORS, name="x"), "delete"),
            (lambda actor: update(actor, AUTHORS, builders.author().pk, bio="x"), "update"),
            (lambda actor: delete(actor, AUTHORS, builders.author().pk), "insert"),
        ],
    )
    def test_are_those_of_the_opposite(self, admin, granted, write, right):
        change = write(admin)
        others = {"read", "insert", "update", "delete"} - {right}

        with pytest.raises(Forbidden, match=right):
            undone(granted(**{other: ["authors"] for other in others}), change)
        undone(granted(**{right: ["authors"]}), change)

    def test_are_needed_on_every_table_that_the_change_touched(self, admin, granted):
        appearance = builders.appearance()
        change = delete(admin, CHARACTERS, appearance.character_id, soft_delete=False)

        with pytest.raises(Forbidden, match="character_scenes"):
            undone(granted(insert=["characters"]), change)
        undone(granted(insert=["characters", "character_scenes"]), change)

    def test_are_those_of_an_account(self, admin):
        change = insert(admin, AUTHORS, name="x")

        with pytest.raises(Exception, match="Log in"):
            undo.undo_change(actor=Actor(None, admin.channel), change_id=change.change_id)


class TestTerms:
    def test_of_a_dry_run_change_nothing(self, editor, trail):
        author = builders.author(bio="old")
        change = update(editor, AUTHORS, author.pk, bio="new")
        before = rows_of(AUTHORS)

        answer = undone(editor, change, dry_run=True)

        assert answer.records[0]["bio"] == "old"
        assert rows_of(AUTHORS) == before
        (row,) = trail(operation="UNDO")
        assert (row.dry_run, row.table_name, row.record_count) == (True, "authors", 1)
        undone(editor, change)

    def test_of_few_records_refuse_more(self, editor):
        change = batch.insert_records(
            actor=editor, table=AUTHORS, records=[{"name": "a"}, {"name": "b"}, {"name": "c"}]
        )

        with pytest.raises(LimitExceeded):
            undone(editor, change, max_affected=2)
        assert undone(editor, change, max_affected=3).counts == [3]

    def test_with_a_key_undo_once(self, editor):
        change = insert(editor, AUTHORS, name="x")

        first = undone(editor, change, idempotency_key="k")
        assert undone(editor, change, idempotency_key="k").change_id == first.change_id


def test_is_audited_in_one_row_that_tells_the_tables_apart(editor, trail):
    appearance = builders.appearance(role="hero")
    change = delete(editor, CHARACTERS, appearance.character_id, soft_delete=False)

    answer = undone(editor, change)

    (row,) = trail(operation="UNDO")
    assert (row.change_id, row.table_name, row.record_count) == (answer.change_id, "characters", 2)
    keys = [record["key"] for record in row.changes["records"]]
    assert keys == [
        f"characters {appearance.character_id}",
        f"character_scenes {appearance.character_id}:{appearance.scene_id}",
    ]
