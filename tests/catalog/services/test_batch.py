from __future__ import annotations

from typing import Any

import pytest

from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, Forbidden, InvalidInput, LimitExceeded, ReadOnlyTable, Refused
from audit.operation import Terms
from catalog import models
from catalog.errors import CheckViolation, DuplicateKey, ForeignKeyViolation, NotNullViolation
from catalog.services import batch
from catalog.services.writing import Change
from catalog.table import Table
from tests.catalog.services import builders
from tests.catalog.services.builders import (
    APPEARANCES,
    AUTHORS,
    BOOKS,
    CHAPTERS,
    CHARACTERS,
    GENRES,
    LOCATIONS,
    SQL_TEXTS,
)
from tests.catalog.services.conftest import rows_of, statements

NO_KEY = 10**12


def insert(actor: Actor, table: Table, *records: dict[str, Any], **terms: Any) -> Change:
    return batch.insert_records(actor=actor, table=table, records=records, terms=Terms(**terms))


def update(
    actor: Actor, table: Table, *updates: tuple[dict[str, Any], dict[str, Any]], **terms: Any
) -> Change:
    parts = [{"where": where, "data": data} for where, data in updates]
    return batch.update_records(actor=actor, table=table, updates=parts, terms=Terms(**terms))


def delete(actor: Actor, table: Table, *wheres: dict[str, Any], **options: Any) -> Change:
    return batch.delete_records(actor=actor, table=table, conditions_=wheres, **options)


def refused(kind: type[Refused], call: Any, *arguments: Any, **terms: Any) -> Refused:
    with pytest.raises(kind) as caught:
        call(*arguments, **terms)
    return caught.value


def indexes(refusal: Refused) -> list[tuple[int, str]]:
    return [(error["index"], error["code"]) for error in refusal.details["errors"]]


class TestInsert:
    def test_returns_the_records_in_the_order_given(self, writer):
        names = [f"name {number * 7919 % 100}" for number in range(100)]

        change = insert(writer, AUTHORS, *({"name": name} for name in names))

        assert [record["name"] for record in change.records] == names
        stored = dict(models.Author.objects.values_list("id", "name"))
        assert [stored[record["id"]] for record in change.records] == names

    def test_keeps_the_order_where_records_name_different_columns(self, writer):
        key = insert(writer, AUTHORS, {"name": "first"}).records[0]["id"]
        given = [
            {"name": "a", "bio": "x"},
            {"name": "b", "id": key + 50},
            {"email": "c@example.org", "name": "c"},
            {"name": "d", "id": key + 40},
            {"name": "e"},
        ]

        records = insert(writer, AUTHORS, *given).records

        assert [record["name"] for record in records] == ["a", "b", "c", "d", "e"]
        assert (records[1]["id"], records[3]["id"]) == (key + 50, key + 40)
        assert min(records[index]["id"] for index in (0, 2, 4)) > key + 50
        assert insert(writer, AUTHORS, {"name": "next"}).records[0]["id"] > records[4]["id"]

    def test_fills_in_the_defaults_of_the_database_beside_given_values(self, writer):
        author = builders.author()
        books = insert(
            writer,
            BOOKS,
            {"title": "a", "author_id": author.pk},
            {"title": "b", "author_id": author.pk, "status": "published"},
        ).records
        people = insert(writer, CHARACTERS, {"name": "a"}, {"name": "b", "attributes": {"x": [1]}}).records

        assert [book["status"] for book in books] == ["draft", "published"]
        assert [person["attributes"] for person in people] == [{}, {"x": [1]}]

    def test_stores_sql_as_text(self, writer):
        insert(writer, AUTHORS, *({"name": text, "bio": text} for text in SQL_TEXTS))

        assert [row["bio"] for row in rows_of(AUTHORS)] == list(SQL_TEXTS)

    def test_adds_to_a_junction(self, writer):
        scene = builders.scene()
        people = [builders.character() for _ in range(3)]

        records = insert(
            writer, APPEARANCES, *({"character_id": p.pk, "scene_id": scene.pk} for p in reversed(people))
        ).records

        assert [record["character_id"] for record in records] == [p.pk for p in reversed(people)]

    def test_of_a_thousand_takes_as_many_statements_as_of_ten(self, writer):
        author = builders.author()

        def many(count: int) -> list[dict[str, Any]]:
            return [{"title": f"{number}", "author_id": author.pk} for number in range(count)]

        insert(writer, BOOKS, *many(1))
        few = statements(lambda: insert(writer, BOOKS, *many(10)))

        assert statements(lambda: insert(writer, BOOKS, *many(1_000))) == few
        assert models.Book.objects.count() == 1_011

    def test_of_more_than_a_thousand_is_refused(self, writer):
        refusal = refused(LimitExceeded, insert, writer, AUTHORS, *[{"name": "x"}] * 1_001)

        assert refusal.details["maximum"] == 1_000
        assert rows_of(AUTHORS) == []

    @pytest.mark.parametrize("records", [[], None, {}, "x", {"name": "x"}])
    def test_takes_a_list_with_something_in_it(self, writer, records):
        with pytest.raises(InvalidInput, match="records must be a list"):
            batch.insert_records(actor=writer, table=AUTHORS, records=records)

    def test_is_audited_in_one_row(self, writer, trail):
        change = insert(writer, AUTHORS, {"name": "a"}, {"name": "b"})

        (row,) = trail()
        assert (row.operation, row.record_count, row.record_id) == ("BATCH_INSERT", 2, None)
        assert row.change_id == change.change_id
        assert [record["changes"]["name"]["new"] for record in row.changes["records"]] == ["a", "b"]

    def test_needs_the_right_and_a_table_that_is_written(self, viewer, admin):
        refused(Forbidden, insert, viewer, AUTHORS, {"name": "x"})
        refused(ReadOnlyTable, insert, admin, GENRES, {"name": "x"})


class TestFaultsOfAnInsert:
    def test_are_named_by_index_and_nothing_is_written(self, writer):
        refusal = refused(
            InvalidInput, insert, writer, AUTHORS,
            {"name": "fine"}, {"nam": "x"}, {"name": "fine too"}, {"bio": "no name"}, {"name": 5}, "no object",
        )  # fmt: skip

        assert indexes(refusal) == [
            (1, "VALIDATION_ERROR"), (3, "NOT_NULL_VIOLATION"), (4, "VALIDATION_ERROR"), (5, "VALIDATION_ERROR"),
        ]  # fmt: skip
        assert refusal.details["index"] == 1
        assert "4 of 6 are at fault" in refusal.message
        assert "Did you mean" in refusal.details["errors"][0]["message"]
        assert rows_of(AUTHORS) == []

    def test_of_every_kind_are_found_in_one_go(self, writer):
        trashed = builders.book(deleted_at="2020-01-01T00:00:00Z")
        book = builders.book()
        builders.chapter(book=book, chapter_num=1)
        given: list[Any] = [
            {"book_id": book.pk, "chapter_num": 1},  # taken
            {"book_id": book.pk, "chapter_num": 2},
            {"book_id": NO_KEY, "chapter_num": 1},  # no such book
            {"book_id": trashed.pk, "chapter_num": 1},
            {"book_id": book.pk, "chapter_num": 2},  # as number 1
            {"book_id": book.pk, "chapter_num": "3"},  # a text
            {"book_id": book.pk},  # incomplete
        ]

        refusal = refused(DuplicateKey, insert, writer, CHAPTERS, *given)

        assert indexes(refusal) == [
            (0, "DUPLICATE_KEY"),
            (2, "FOREIGN_KEY_VIOLATION"),
            (3, "FOREIGN_KEY_VIOLATION"),
            (4, "DUPLICATE_KEY"),
            (5, "VALIDATION_ERROR"),
            (6, "NOT_NULL_VIOLATION"),
        ]
        assert refusal.details["errors"][1]["value"] == NO_KEY
        assert models.Chapter.objects.count() == 1

    def test_against_rules_of_the_table_are_found(self, writer):
        day = "2026-01-0"
        refusal = refused(
            CheckViolation, insert, writer, builders.GOALS,
            {"goal_type": "words", "target": 1},
            {"goal_type": "words", "target": 1, "starts_on": f"{day}2", "ends_on": f"{day}1"},
            {"goal_type": "words", "target": 1, "starts_on": f"{day}2", "ends_on": f"{day}3"},
            {"goal_type": "words", "target": 1, "starts_on": f"{day}5", "ends_on": f"{day}1"},
        )  # fmt: skip

        assert indexes(refusal) == [(1, "CHECK_VIOLATION"), (3, "CHECK_VIOLATION")]
        assert refusal.details["constraint"] == "writing_goals_ends_after_start_check"
        assert rows_of(builders.GOALS) == []

    def test_are_found_among_records_with_chosen_keys(self, writer):
        first = builders.author().pk
        refusal = refused(
            DuplicateKey, insert, writer, AUTHORS,
            {"name": "a", "id": first + 5}, {"name": "b"}, {"name": "c", "id": first + 5}, {"name": "d", "id": first},
        )  # fmt: skip

        assert indexes(refusal) == [(2, "DUPLICATE_KEY"), (3, "DUPLICATE_KEY")]

    def test_are_listed_up_to_a_hundred(self, writer):
        nameless, same = {"nope": 1}, {"name": "x", "email": "x@example.org"}
        for kind, records, told in (
            (InvalidInput, [nameless] * 150, "150 of 150 are at fault"),
            (DuplicateKey, [same] * 150, "At least 100 of 150 are at fault"),
            (InvalidInput, [nameless] * 100 + [same] * 2, "At least 100 of 102 are at fault"),
            (DuplicateKey, [same] * 101, "100 of 101 are at fault"),
        ):
            refusal = refused(kind, insert, writer, AUTHORS, *records)
            assert refusal.message.startswith(told)
            assert len(refusal.details["errors"]) == 100

    @pytest.mark.parametrize(("records", "told"), [([{}], "1 of 1 is at"), ([{}, {}], "2 of 2 are at")])
    def test_are_counted_in_words(self, writer, records, told):
        assert refused(NotNullViolation, insert, writer, AUTHORS, *records).message.startswith(told)


class TestUpdate:
    def test_changes_each_its_own_way(self, writer):
        one, two, three = (builders.author() for _ in range(3))

        change = update(
            writer,
            AUTHORS,
            ({"id": three.pk}, {"bio": "three", "name": "3"}),
            ({"id": {"$in": [one.pk, two.pk]}}, {"bio": None}),
            ({"id": NO_KEY}, {"bio": "nobody"}),
        )

        assert change.counts == [1, 2, 0]
        assert change.count == 3
        assert [record["id"] for record in change.records] == [one.pk, two.pk, three.pk]
        assert builders.stored(AUTHORS, pk=three.pk)["name"] == "3"
        assert builders.stored(AUTHORS, pk=one.pk)["bio"] is None

    def test_looks_at_every_condition_before_it_writes(self, writer):
        one, two = builders.author(name="a"), builders.author(name="b")

        change = update(writer, AUTHORS, ({"name": "a"}, {"name": "b"}), ({"name": "b"}, {"name": "a"}))

        assert change.counts == [1, 1]
        assert [builders.stored(AUTHORS, pk=a.pk)["name"] for a in (one, two)] == ["b", "a"]

    def test_of_a_record_that_two_match_is_refused(self, writer):
        one, two = builders.author(), builders.author()

        refusal = refused(
            Conflict, update, writer, AUTHORS,
            ({"id": one.pk}, {"bio": "x"}), ({"id": two.pk}, {"bio": "x"}), ({"name": one.name}, {"bio": "y"}),
            ({"name": two.name}, {"bio": "y"}),
        )  # fmt: skip

        assert refusal.details["indexes"] == [0, 2]
        assert refusal.details["key"] == str(one.pk)
        assert [error["indexes"] for error in refusal.details["errors"]] == [[0, 2], [1, 3]]
        assert builders.stored(AUTHORS, pk=one.pk)["bio"] is None

    def test_of_one_shape_takes_one_statement_more_or_less_than_of_many_records(self, writer):
        authors = [builders.author() for _ in range(40)]

        def one_shape(count: int) -> int:
            parts = [({"id": author.pk}, {"bio": f"{count}"}) for author in authors[:count]]
            return statements(lambda: update(writer, AUTHORS, *parts))

        one_shape(1)
        assert one_shape(40) == one_shape(5)

    def test_by_keys_and_by_other_conditions_finds_the_same(self, writer):
        authors = [builders.author(name=f"Author {number}") for number in range(3)]
        missing = authors[-1].pk + 1_000

        change = update(
            writer, AUTHORS,
            ({"id": authors[2].pk}, {"bio": "x"}), ({"id": missing}, {"bio": "x"}),
            ({"name": "Author 1"}, {"bio": "x"}), ({"id": {"$eq": authors[0].pk}}, {"bio": "y"}),
        )  # fmt: skip

        assert change.counts == [1, 0, 1, 1]
        assert [record["bio"] for record in change.records] == ["y", "x", "x"]

    def test_moves_a_unique_number_along(self, writer):
        book = builders.book()
        zeroth, first, second = (builders.chapter(book=book, chapter_num=n) for n in (9, 2, 1))

        # Written by shape, the last would come before the one whose number it takes.
        change = update(
            writer,
            CHAPTERS,
            ({"id": zeroth.pk}, {"chapter_num": 8}),
            ({"id": first.pk}, {"chapter_num": 3, "title": "x"}),
            ({"id": second.pk}, {"chapter_num": 2}),
        )

        assert [row["chapter_num"] for row in rows_of(CHAPTERS)] == [8, 3, 2]
        assert [record["chapter_num"] for record in change.records] == [8, 3, 2]

    def test_lists_every_fault_by_index(self, writer):
        book = builders.book()
        chapters = [builders.chapter(book=book, chapter_num=n) for n in range(1, 6)]
        trashed = builders.book(deleted_at="2020-01-01T00:00:00Z")
        keys = [{"id": chapter.pk} for chapter in chapters]

        refusal = refused(
            DuplicateKey, update, writer, CHAPTERS,
            (keys[0], {"chapter_num": 5}),
            (keys[1], {"title": "fine"}),
            (keys[2], {"book_id": trashed.pk}),
            ({}, {"title": "everything"}),
            (keys[3], {"book_id": NO_KEY}),
            (keys[1], {"title": "twice"}),
            (keys[4], {"titel": "x"}),
        )  # fmt: skip

        assert indexes(refusal) == [
            (0, "DUPLICATE_KEY"),
            (2, "FOREIGN_KEY_VIOLATION"),
            (3, "VALIDATION_ERROR"),
            (4, "FOREIGN_KEY_VIOLATION"),
            (5, "CONFLICT"),
            (6, "VALIDATION_ERROR"),
        ]
        assert all(row["title"] is None for row in rows_of(CHAPTERS))

    def test_of_a_reference_that_is_there_already_is_no_fault(self, writer):
        book = builders.book(deleted_at="2020-01-01T00:00:00Z")
        chapter = builders.chapter(book=book)

        change = update(writer, CHAPTERS, ({"id": chapter.pk}, {"book_id": book.pk, "title": "x"}))

        assert change.records[0]["title"] == "x"

    def test_counts_all_its_records_against_the_limit(self, writer):
        one, two, three = (builders.author() for _ in range(3))
        parts = [({"id": a.pk}, {"bio": "x"}) for a in (one, two, three)]

        refused(LimitExceeded, update, writer, AUTHORS, *parts, max_affected=2)
        assert update(writer, AUTHORS, *parts, max_affected=3).count == 3

    @pytest.mark.parametrize(
        "part", [{}, {"where": {"id": 1}}, {"where": {"id": 1}, "data": {}, "x": 1}, None, 5]
    )
    def test_takes_objects_of_where_and_data(self, writer, part):
        with pytest.raises(InvalidInput) as caught:
            batch.update_records(actor=writer, table=AUTHORS, updates=[part])
        assert caught.value.details["index"] == 0

    def test_of_more_than_a_hundred_parts_is_refused(self, writer):
        refused(LimitExceeded, update, writer, AUTHORS, *[({"id": 1}, {"bio": "x"})] * 101)

    def test_is_audited_in_one_row(self, writer, trail):
        one, two = builders.author(), builders.author()

        update(writer, AUTHORS, ({"id": one.pk}, {"bio": "x"}), ({"id": two.pk}, {"name": "y"}))

        (row,) = trail()
        assert (row.operation, row.record_count) == ("BATCH_UPDATE", 2)
        assert row.changes["records"][0]["changes"] == {"bio": {"old": None, "new": "x"}}


class TestDelete:
    def test_counts_a_record_for_the_first_that_matches_it(self, editor):
        one, two = builders.character(), builders.character()

        change = delete(editor, CHARACTERS, {"id": one.pk}, {"id": {"$in": [one.pk, two.pk]}}, {"id": NO_KEY})

        assert (change.counts, change.count, change.type) == ([1, 1, 0], 2, "soft")
        assert all(row["deleted_at"] for row in rows_of(CHARACTERS))

    def test_for_good_takes_along_what_the_database_does(self, editor, trail):
        appearances = [builders.appearance() for _ in range(2)]
        wheres = [{"id": appearance.character_id} for appearance in appearances]

        change = delete(editor, CHARACTERS, *wheres, soft_delete=False)

        assert (change.type, change.counts) == ("hard", [1, 1])
        assert rows_of(CHARACTERS) == rows_of(APPEARANCES) == []
        (row,) = trail()
        assert row.changes["cascaded"] == {"character_scenes": 2}

    def test_for_good_of_what_others_refer_to_is_refused(self, editor):
        free, book = builders.book(), builders.chapter().book

        refusal = refused(
            ForeignKeyViolation, delete, editor, BOOKS, {"id": free.pk}, {"id": book.pk}, soft_delete=False
        )

        assert refusal.details["dependents"][0]["table"] == "chapters"
        assert len(rows_of(BOOKS)) == 2

    def test_names_every_bad_condition(self, editor):
        refusal = refused(InvalidInput, delete, editor, BOOKS, {"id": 1}, {}, {"nope": 1})

        assert indexes(refusal) == [(1, "VALIDATION_ERROR"), (2, "VALIDATION_ERROR")]

    def test_of_a_parent_and_its_child_in_one_table_works(self, editor):
        parent = builders.location()
        child = builders.location(parent_location=parent)

        delete(editor, LOCATIONS, {"id": parent.pk}, {"id": child.pk}, soft_delete=False)

        assert rows_of(LOCATIONS) == []

    def test_from_a_junction_is_for_good(self, editor):
        one, two = builders.appearance(), builders.appearance()

        change = delete(
            editor,
            APPEARANCES,
            {"character_id": one.character_id},
            {"character_id": two.character_id, "scene_id": two.scene_id},
        )

        assert (change.type, change.count) == ("hard", 2)
        refused(InvalidInput, delete, editor, APPEARANCES, {"character_id": 1}, soft_delete=True)

    def test_counts_all_its_records_against_the_limit(self, editor):
        keys = [builders.character().pk for _ in range(3)]

        refused(
            LimitExceeded,
            delete,
            editor,
            CHARACTERS,
            *({"id": key} for key in keys),
            terms=Terms(max_affected=2),
        )
        assert not any(row["deleted_at"] for row in rows_of(CHARACTERS))


def test_a_required_value_that_is_null_is_named(writer):
    refusal = refused(NotNullViolation, insert, writer, AUTHORS, {"name": "a"}, {"name": None})

    assert indexes(refusal) == [(1, "NOT_NULL_VIOLATION")]
