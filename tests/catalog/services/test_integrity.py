from __future__ import annotations

from typing import Any

import pytest

from accesscontrol.errors import Refused
from catalog import models, registry
from catalog.errors import CheckViolation, DuplicateKey, ForeignKeyViolation, NotNullViolation
from catalog.services import records
from catalog.table import Table
from tests.catalog.services import builders
from tests.catalog.services.builders import (
    APPEARANCES,
    AUTHORS,
    BOOKS,
    CHAPTERS,
    CHARACTERS,
    EXPORTS,
    GOALS,
    LOCATIONS,
    SCENES,
    SERIES,
    SESSIONS,
)

RELATIONS = registry.get("character_relationships")
ARCS = registry.get("character_arcs")
TROPES = registry.get("tropes")
BOOK_GENRES = registry.get("book_genres")
USAGES = registry.get("world_element_usage")


@pytest.fixture(autouse=True)
def nothing_changes(request, editor, trail):
    """After every refusal here: the rows are as they were, and the trail has no success to tell of."""
    yield
    assert not trail(success=True, operation__in=["INSERT", "UPDATE", "DELETE"])


def insert(actor: Any, table: Table, error: type[Refused], **data: Any) -> Refused:
    before = table.model._default_manager.count()
    with pytest.raises(error) as refusal:
        records.insert_record(actor=actor, table=table, data=data)
    assert table.model._default_manager.count() == before
    return refusal.value


class TestUniqueness:
    def test_of_an_email_disregards_case(self, editor):
        builders.author(email="Jane@Example.org")

        refusal = insert(editor, AUTHORS, DuplicateKey, name="Another", email="jANE@example.ORG")

        assert refusal.details == {
            "table": "authors",
            "columns": ["email"],
            "values": {"email": "jANE@example.ORG"},
        }

    def test_of_a_place_in_a_series_names_both_columns(self, editor):
        series = builders.series()
        writer = builders.author()
        builders.book(author=writer, series=series, book_number=1)

        refusal = insert(
            editor, BOOKS, DuplicateKey, title="x", author_id=writer.pk, series_id=series.pk, book_number=1
        )

        assert refusal.details["columns"] == ["series_id", "book_number"]
        assert refusal.details["values"] == {"series_id": series.pk, "book_number": 1}

    def test_of_a_chapter_s_number_and_a_scene_s_and_an_arc_s_name(self, editor):
        scene = builders.scene(scene_num=1)
        person = builders.character()
        book_id = scene.chapter.book_id
        models.CharacterArc.objects.create(character=person, book_id=book_id, arc_name="fall")

        number = scene.chapter.chapter_num
        chapter = insert(editor, CHAPTERS, DuplicateKey, book_id=book_id, chapter_num=number)
        again = insert(editor, SCENES, DuplicateKey, chapter_id=scene.chapter_id, scene_num=1)
        arc = insert(editor, ARCS, DuplicateKey, character_id=person.pk, book_id=book_id, arc_name="fall")

        assert chapter.details["columns"] == ["book_id", "chapter_num"]
        assert again.details["columns"] == ["chapter_id", "scene_num"]
        assert arc.details["columns"] == ["character_id", "book_id", "arc_name"]

    def test_whose_name_does_not_tell_its_columns_names_them_all_the_same(self, editor):
        one, other = builders.character(), builders.character()
        data = {"character_id": one.pk, "related_character_id": other.pk, "relationship_type": "knows"}
        RELATIONS.model._default_manager.create(**data)

        refusal = insert(editor, RELATIONS, DuplicateKey, **data)

        assert refusal.details == {"table": "character_relationships", "columns": list(data), "values": data}
        assert "character_id and related_character_id and relationship_type" in refusal.message

    def test_of_a_key_names_it(self, editor):
        author = builders.author()
        appearance = builders.appearance()
        key = {"character_id": appearance.character_id, "scene_id": appearance.scene_id}

        single = insert(editor, AUTHORS, DuplicateKey, id=author.pk, name="x")
        composite = insert(editor, APPEARANCES, DuplicateKey, **key)

        assert (single.details["columns"], single.details["values"]) == (["id"], {"id": author.pk})
        assert (composite.details["columns"], composite.details["values"]) == (list(key), key)

    def test_holds_within_one_update_too(self, editor):
        for name in ("one", "other"):
            TROPES.model._default_manager.create(name=name)

        with pytest.raises(DuplicateKey) as refusal:
            records.update_records(
                actor=editor, table=TROPES, data={"name": "same"}, where={"name": {"$in": ["one", "other"]}}
            )

        assert refusal.value.details["columns"] == ["name"]
        assert set(TROPES.model._default_manager.values_list("name", flat=True)) == {"one", "other"}

    def test_quotes_sql_in_a_value_as_data(self, editor):
        for text in builders.SQL_TEXTS:
            TROPES.model._default_manager.create(name=text)

            refusal = insert(editor, TROPES, DuplicateKey, name=text)

            assert refusal.details["values"] == {"name": text}


class TestForeignKeys:
    def test_to_nothing_name_column_value_and_table(self, editor):
        refusal = insert(editor, BOOKS, ForeignKeyViolation, title="x", author_id=999_999_999)

        assert refusal.details == {
            "table": "books",
            "column": "author_id",
            "value": 999_999_999,
            "references": "authors",
        }

    @pytest.mark.parametrize("value", [0, -1, 2**63 - 1, -(2**63)])
    def test_to_any_number_that_is_no_key_are_refused(self, editor, value):
        refusal = insert(editor, SERIES, ForeignKeyViolation, title="x", author_id=value)

        assert refusal.details["value"] == value

    def test_in_an_update_name_column_and_value(self, editor):
        book = builders.book()

        with pytest.raises(ForeignKeyViolation) as refusal:
            records.update_records(
                actor=editor,
                table=BOOKS,
                data={"series_id": 999_999_999, "title": "x"},
                where={"id": book.pk},
            )

        assert (refusal.value.details["column"], refusal.value.details["references"]) == (
            "series_id",
            "series",
        )
        assert builders.stored(BOOKS, pk=book.pk)["title"] == book.title

    def test_whose_name_ends_in_another_s_are_told_apart(self, editor):
        one = builders.character()

        for column in ("character_id", "related_character_id"):
            data = {"character_id": one.pk, "related_character_id": one.pk, column: 999_999_999}
            refusal = insert(editor, RELATIONS, ForeignKeyViolation, relationship_type="knows", **data)
            assert refusal.details["column"] == column

    def test_to_a_read_only_table_are_checked(self, editor):
        book = builders.book()

        refusal = insert(editor, BOOK_GENRES, ForeignKeyViolation, book_id=book.pk, genre_id=999_999_999)

        assert refusal.details["references"] == "genres"


class TestChecks:
    @pytest.mark.parametrize(
        ("table", "data", "rule", "columns"),
        [
            (
                SESSIONS,
                {
                    "session_date": "2026-11-22",
                    "started_at": "2026-11-22T10:00:00Z",
                    "ended_at": "2026-11-22T10:00:00Z",
                },
                "writing_sessions_ended_after_started_check",
                ["started_at", "ended_at"],
            ),
            (
                GOALS,
                {"goal_type": "words", "target": 1, "starts_on": "2026-11-22", "ends_on": "2026-11-21"},
                "writing_goals_ends_after_start_check",
                ["starts_on", "ends_on"],
            ),
            (EXPORTS, {"format": "csv", "sha256": "ABC"}, "exports_sha256_check", ["sha256"]),
        ],
        ids=str,
    )
    def test_over_columns_name_them(self, editor, table, data, rule, columns):
        refusal = insert(editor, table, CheckViolation, **data)

        assert refusal.details == {"table": table.name, "constraint": rule, "columns": columns}
        assert all(column in refusal.message for column in columns)

    def test_that_two_are_different_name_both(self, editor):
        one = builders.character()

        refusal = insert(
            editor,
            RELATIONS,
            CheckViolation,
            character_id=one.pk,
            related_character_id=one.pk,
            relationship_type="knows",
        )

        assert refusal.details["columns"] == ["character_id", "related_character_id"]

    def test_that_one_of_two_is_given_name_both(self, editor):
        element = models.WorldElement.objects.create(name="magic", element_type="law")

        refusal = insert(editor, USAGES, CheckViolation, world_element_id=element.pk)

        assert refusal.details["columns"] == ["scene_id", "chapter_id"]

    def test_see_what_an_update_leaves_as_it_was(self, editor):
        session = SESSIONS.model._default_manager.create(
            session_date="2026-11-22", started_at="2026-11-22T10:00:00Z", ended_at="2026-11-22T11:00:00Z"
        )

        with pytest.raises(CheckViolation):
            records.update_records(
                actor=editor,
                table=SESSIONS,
                data={"ended_at": "2026-11-22T09:00:00Z"},
                where={"id": session.pk},
            )

    def test_that_nothing_is_its_own_parent(self, editor):
        place = builders.location()

        with pytest.raises(CheckViolation) as refusal:
            records.update_records(
                actor=editor, table=LOCATIONS, data={"parent_location_id": place.pk}, where={"id": place.pk}
            )

        assert refusal.value.details["columns"] == ["id", "parent_location_id"]


class TestMissing:
    def test_columns_are_all_named_at_once(self, editor):
        assert insert(editor, BOOKS, NotNullViolation).details == {
            "table": "books",
            "columns": ["author_id", "title"],
        }
        assert insert(editor, APPEARANCES, NotNullViolation, role="x").details["columns"] == [
            "character_id",
            "scene_id",
        ]
        assert insert(editor, CHARACTERS, NotNullViolation, aliases=[]).details["columns"] == ["name"]
