from __future__ import annotations

from typing import Any

import pytest

from catalog import models, registry
from catalog.errors import ForeignKeyViolation
from catalog.services import records
from catalog.table import Table
from tests.catalog.services import builders
from tests.catalog.services.builders import AUTHORS, BOOKS, CHAPTERS, CHARACTERS, LOCATIONS, SCENES

RELATIONS = registry.get("character_relationships")
GONE = "2026-01-01T00:00:00Z"


def destroy(actor: Any, table: Table, *keys: int) -> Any:
    return records.delete_records(
        actor=actor, table=table, where={"id": {"$in": list(keys)}}, soft_delete=False
    )


def dependents(actor: Any, table: Table, *keys: int) -> list[dict[str, Any]]:
    with pytest.raises(ForeignKeyViolation) as refusal:
        destroy(actor, table, *keys)
    assert table.model._default_manager.filter(pk__in=keys).count() == len(keys)
    return refusal.value.details["dependents"]


class TestATrashedParent:
    def test_is_refused_to_a_new_record_with_a_hint_to_restore_it(self, editor, trail):
        book = builders.book(deleted_at=GONE)

        with pytest.raises(ForeignKeyViolation) as refusal:
            records.insert_record(actor=editor, table=CHAPTERS, data={"book_id": book.pk, "chapter_num": 1})

        assert refusal.value.details == {
            "table": "chapters",
            "column": "book_id",
            "value": book.pk,
            "references": "books",
        }
        assert "Restore it" in refusal.value.hint
        assert not CHAPTERS.model._default_manager.exists()
        assert trail() == []

    def test_is_refused_to_an_update(self, editor):
        scene = builders.scene()
        live, gone = builders.character(), builders.character(deleted_at=GONE)
        where = {"id": scene.pk}

        with pytest.raises(ForeignKeyViolation) as refusal:
            records.update_records(
                actor=editor, table=SCENES, data={"pov_character_id": gone.pk}, where=where
            )
        assert refusal.value.details["column"] == "pov_character_id"

        records.update_records(actor=editor, table=SCENES, data={"pov_character_id": live.pk}, where=where)
        assert builders.stored(SCENES, pk=scene.pk)["pov_character_id"] == live.pk

    def test_is_refused_on_either_side_of_a_relation(self, editor):
        live, gone = builders.character(), builders.character(deleted_at=GONE)
        relation = {"relationship_type": "knows"}

        for one, other in ((live, gone), (gone, live)):
            data = {"character_id": one.pk, "related_character_id": other.pk, **relation}
            with pytest.raises(ForeignKeyViolation) as refusal:
                records.insert_record(actor=editor, table=RELATIONS, data=data)
            assert refusal.value.details["value"] == gone.pk
        assert not models.CharacterRelationship.objects.exists()

    def test_does_not_matter_to_an_update_of_something_else(self, editor):
        chapter = builders.chapter(book=builders.book(deleted_at=GONE))

        change = records.update_records(
            actor=editor, table=CHAPTERS, data={"title": "x"}, where={"id": chapter.pk}
        )

        assert change.count == 1


class TestDependents:
    def test_are_listed_by_table_and_column_with_those_in_the_trash(self, editor):
        author = builders.author()
        series = builders.series(author=author)
        books = [builders.book(author=author), builders.book(author=author, deleted_at=GONE)]

        assert dependents(editor, AUTHORS, author.pk) == [
            {"table": "series", "column": "author_id", "count": 1, "in_trash": 0, "keys": [str(series.pk)]},
            {
                "table": "books",
                "column": "author_id",
                "count": 2,
                "in_trash": 1,
                "keys": [str(book.pk) for book in books],
            },
        ]

    def test_are_listed_for_every_column_that_refers(self, editor):
        one, other, third = (builders.character() for _ in range(3))
        knows = models.CharacterRelationship.objects.create
        knows(character=one, related_character=other, relationship_type="knows")
        knows(character=third, related_character=one, relationship_type="knows")
        builders.scene(pov_character=one)

        found = {(d["table"], d["column"]): d["count"] for d in dependents(editor, CHARACTERS, one.pk)}

        assert found == {
            ("scenes", "pov_character_id"): 1,
            ("character_relationships", "character_id"): 1,
            ("character_relationships", "related_character_id"): 1,
        }

    def test_are_counted_in_full_and_shown_in_part(self, editor):
        book = builders.book()
        for number in range(105):
            builders.chapter(book=book, chapter_num=number)

        (found,) = dependents(editor, BOOKS, book.pk)

        assert (found["count"], len(found["keys"]), found["in_trash"]) == (105, 100, 0)

    def test_in_tables_that_the_caller_may_not_read_are_not_named(self, granted):
        actor = granted(read=["authors"], delete=["authors"])
        author = builders.author()
        builders.book(author=author)

        with pytest.raises(ForeignKeyViolation) as refusal:
            destroy(actor, AUTHORS, author.pk)

        assert refusal.value.details["dependents"] == [{"table": "(a table that you may not read)"}]
        assert "books" not in str(refusal.value.as_dict())

    def test_do_not_hinder_the_trash(self, editor):
        chapter = builders.chapter()

        records.delete_records(actor=editor, table=BOOKS, where={"id": chapter.book_id})

        assert builders.stored(CHAPTERS, pk=chapter.pk)["deleted_at"] is None

    def test_within_the_deletion_itself_are_none(self, editor):
        world = builders.location()
        city = builders.location(parent_location=world)
        street = builders.location(parent_location=city)

        (found,) = dependents(editor, LOCATIONS, world.pk, city.pk)
        assert (found["table"], found["keys"]) == ("locations", [str(street.pk)])

        assert destroy(editor, LOCATIONS, world.pk, city.pk, street.pk).count == 3
        assert not LOCATIONS.model._default_manager.exists()


class TestCascades:
    def test_take_the_rows_of_junctions_along_and_the_trail_counts_them(self, editor, trail):
        person = builders.character()
        for _ in range(3):
            builders.appearance(character=person)
        models.EventParticipant.objects.create(event=builders.event(), character=person)
        other = builders.appearance()

        destroy(editor, CHARACTERS, person.pk)

        assert [row.character_id for row in models.CharacterScene.objects.all()] == [other.character_id]
        (row,) = trail()
        assert row.changes["cascaded"] == {"character_scenes": 3, "event_participants": 1}
        assert row.changes["name"] == {"old": person.name, "new": None}

    def test_are_counted_over_all_records_of_a_deletion(self, editor, trail):
        people = [builders.appearance().character_id for _ in range(2)]

        destroy(editor, CHARACTERS, *people)

        (row,) = trail()
        assert row.changes["cascaded"] == {"character_scenes": 2}
        assert len(row.changes["records"]) == 2

    def test_do_not_happen_when_something_else_hinders_the_deletion(self, editor):
        person = builders.appearance().character
        builders.scene(pov_character=person)

        (found,) = dependents(editor, CHARACTERS, person.pk)

        assert found["table"] == "scenes"
        assert models.CharacterScene.objects.count() == 1

    def test_do_not_happen_on_the_way_to_the_trash(self, editor, trail):
        person = builders.appearance().character

        records.delete_records(actor=editor, table=CHARACTERS, where={"id": person.pk})

        assert models.CharacterScene.objects.count() == 1
        assert "cascaded" not in trail()[0].changes
