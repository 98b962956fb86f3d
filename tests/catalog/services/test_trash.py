from __future__ import annotations

from typing import Any

import pytest

from accesscontrol.errors import Conflict, InvalidInput, LimitExceeded
from catalog.errors import DuplicateKey
from catalog.services import trash
from catalog.services.writing import Change
from catalog.table import Table
from tests.catalog.services import builders
from tests.catalog.services.builders import AUTHORS, BOOKS, CHAPTERS, LOCATIONS, SCENES

GONE = "2026-01-01T00:00:00.123456Z"


def restore(actor: Any, table: Table, *keys: int) -> Change:
    return trash.restore_records(actor=actor, table=table, where={"id": {"$in": list(keys)}})


def is_live(table: Table, key: int) -> bool:
    return builders.stored(table, pk=key)["deleted_at"] is None


class TestRestore:
    def test_brings_the_record_back_as_it_was(self, writer, trail):
        book = builders.book(deleted_at=GONE, word_count=7)

        change = restore(writer, BOOKS, book.pk)

        (record,) = change.records
        assert (record["id"], record["word_count"], record["deleted_at"]) == (book.pk, 7, None)
        assert is_live(BOOKS, book.pk)
        (row,) = trail()
        assert (row.operation, row.record_id, row.change_id) == (
            "RESTORE_RECORDS",
            str(book.pk),
            change.change_id,
        )
        assert row.changes == {"deleted_at": {"old": "2026-01-01T00:00:00.123456+00:00", "new": None}}

    def test_takes_only_what_is_in_the_trash(self, writer, trail):
        live, gone = builders.book(title="same"), builders.book(title="same", deleted_at=GONE)

        change = trash.restore_records(actor=writer, table=BOOKS, where={"title": "same"})

        assert [record["id"] for record in change.records] == [gone.pk]
        assert restore(writer, BOOKS, live.pk).count == 0
        assert [row.record_count for row in trail()] == [1, 0]

    def test_finds_by_the_time_of_deletion(self, writer):
        early = builders.book(deleted_at="2025-01-01T00:00:00Z")
        late = builders.book(deleted_at=GONE)

        change = trash.restore_records(actor=writer, table=BOOKS, where={"deleted_at": {"$gt": "2025-06-01"}})

        assert [record["id"] for record in change.records] == [late.pk]
        assert not is_live(BOOKS, early.pk)

    @pytest.mark.parametrize("where", [{}, None, {"no": 1}, {"$or": []}])
    def test_without_a_good_condition_is_refused(self, writer, where):
        builders.book(deleted_at=GONE)

        with pytest.raises(InvalidInput):
            trash.restore_records(actor=writer, table=BOOKS, where=where)

    def test_in_a_table_without_a_trash_is_refused(self, writer):
        with pytest.raises(InvalidInput, match="has no trash"):
            restore(writer, AUTHORS, 1)

    def test_of_more_than_a_thousand_is_refused(self, writer):
        author = builders.author()
        BOOKS.model._default_manager.bulk_create(
            BOOKS.model(author=author, title="x", deleted_at=GONE) for _ in range(1_001)
        )

        with pytest.raises(LimitExceeded):
            trash.restore_records(actor=writer, table=BOOKS, where={"title": "x"})
        assert not BOOKS.model._default_manager.filter(deleted_at=None).exists()


class TestAMissingParent:
    def test_in_the_trash_refuses_its_child_and_is_named(self, writer, trail):
        book = builders.book(deleted_at=GONE)
        chapter = builders.chapter(book=book, deleted_at=GONE)

        with pytest.raises(Conflict) as refusal:
            restore(writer, CHAPTERS, chapter.pk)

        assert refusal.value.details["records"] == [
            {"key": str(chapter.pk), "column": "book_id", "value": book.pk, "references": "books"}
        ]
        assert "books" in refusal.value.hint
        assert not is_live(CHAPTERS, chapter.pk)
        assert trail() == []

        restore(writer, BOOKS, book.pk)
        restore(writer, CHAPTERS, chapter.pk)
        assert is_live(CHAPTERS, chapter.pk)

    def test_refuses_all_and_every_one_is_named(self, writer):
        chapter = builders.chapter()
        place = builders.location(deleted_at=GONE)
        person = builders.character(deleted_at=GONE)
        orphan = builders.scene(chapter=chapter, location=place, pov_character=person, deleted_at=GONE)
        other = builders.scene(chapter=chapter, deleted_at=GONE)

        with pytest.raises(Conflict) as refusal:
            restore(writer, SCENES, orphan.pk, other.pk)

        assert {(r["key"], r["column"]) for r in refusal.value.details["records"]} == {
            (str(orphan.pk), "pov_character_id"),
            (str(orphan.pk), "location_id"),
        }
        assert not is_live(SCENES, other.pk)

    def test_comes_back_together_with_its_child(self, writer):
        world = builders.location(deleted_at=GONE)
        city = builders.location(parent_location=world, deleted_at=GONE)

        with pytest.raises(Conflict):
            restore(writer, LOCATIONS, city.pk)

        assert restore(writer, LOCATIONS, city.pk, world.pk).count == 2
        assert is_live(LOCATIONS, world.pk)
        assert is_live(LOCATIONS, city.pk)


class TestATakenKey:
    def test_refuses_the_restore_and_names_the_columns(self, writer):
        gone = builders.chapter(deleted_at=GONE)
        builders.chapter(book=gone.book, chapter_num=gone.chapter_num)

        with pytest.raises(DuplicateKey) as refusal:
            restore(writer, CHAPTERS, gone.pk)

        assert refusal.value.details["columns"] == ["book_id", "chapter_num"]
        assert not is_live(CHAPTERS, gone.pk)

    def test_within_the_restore_itself_refuses_all_of_it(self, writer):
        book = builders.book()
        twins = [builders.chapter(book=book, chapter_num=1, deleted_at=GONE).pk for _ in range(2)]

        with pytest.raises(DuplicateKey):
            restore(writer, CHAPTERS, *twins)

        assert not any(is_live(CHAPTERS, key) for key in twins)
        assert restore(writer, CHAPTERS, twins[1]).count == 1
