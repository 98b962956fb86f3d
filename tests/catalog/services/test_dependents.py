"""What hangs on records, before they are deleted."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from accesscontrol.actor import Actor
from accesscontrol.errors import Forbidden
from accesscontrol.models import ColumnRule
from catalog.services import dependents
from catalog.services.dependents import Dependents
from tests.catalog.services import builders
from tests.catalog.services.builders import APPEARANCES, AUTHORS, BOOKS, CHARACTERS, LOCATIONS
from tests.catalog.services.conftest import again


def found(actor: Actor, table: Any, *keys: int) -> dict[str, Dependents]:
    listed = dependents.list_dependents(actor=again(actor), table=table, keys=keys)
    return {f"{one.table.name}.{one.column}": one for one in listed}


def test_counts_what_refers_to_a_record_and_what_belongs_to_that(editor):
    author = builders.author()
    book = builders.book(author=author)
    builders.book(author=author, deleted_at="2020-01-01T00:00:00Z")
    chapter = builders.chapter(book=book)
    builders.scene(chapter=chapter)
    builders.scene(chapter=chapter)
    builders.scene()
    builders.character(series=builders.series(author=author))  # can be without one: it does not belong to it

    listed = found(editor, AUTHORS, author.pk)

    books, chapters, scenes = (
        listed[name] for name in ("books.author_id", "chapters.book_id", "scenes.chapter_id")
    )
    assert (books.count, books.in_trash, books.path, books.goes_along) == (2, 1, (), False)
    assert (chapters.count, [table.name for table in chapters.path]) == (1, ["books"])
    assert (scenes.count, [table.name for table in scenes.path]) == (2, ["chapters", "books"])
    names = {"series.author_id", "books.author_id", "chapters.book_id", "scenes.chapter_id"}
    assert listed.keys() == names


def test_shows_a_few_by_name_of_a_junction_those_at_the_other_end(editor):
    character = builders.character()
    scenes = [builders.scene(title=f"Scene {n}") for n in range(7)]
    for scene in scenes:
        builders.appearance(character=character, scene=scene)

    one = found(editor, CHARACTERS, character.pk)["character_scenes.character_id"]

    assert (one.goes_along, one.count) == (True, 7)
    assert [sample.name for sample in one.samples] == [f"Scene {n}" for n in range(5)]
    assert one.samples[0].key == f"{character.pk}:{scenes[0].pk}"


def test_stops_counting_where_people_do(editor, monkeypatch):
    monkeypatch.setattr(dependents, "MAX_COUNTED", 2)
    author = builders.author()
    for _ in range(4):
        builders.book(author=author)

    one = found(editor, AUTHORS, author.pk)["books.author_id"]

    assert (one.count, one.is_capped) == (2, True)


def test_of_several_records_leaves_out_those_that_go_in_the_same_statement(editor):
    root = builders.location()
    child = builders.location(parent_location=root)
    leaf = builders.location(parent_location=child)

    assert found(editor, LOCATIONS, root.pk)["locations.parent_location_id"].count == 1
    both = found(editor, LOCATIONS, root.pk, child.pk)["locations.parent_location_id"]
    assert [sample.key for sample in both.samples] == [str(leaf.pk)]
    assert found(editor, LOCATIONS, root.pk, child.pk, leaf.pk) == {}


def test_of_nothing_that_hangs_is_nothing(editor):
    assert found(editor, AUTHORS, builders.author().pk) == {}
    appearance = builders.appearance()
    assert found(editor, APPEARANCES, appearance.character_id) == {}


def test_says_of_tables_that_one_may_not_read_only_that_they_have_some(granted):
    author = builders.author()
    builders.chapter(book=builders.book(author=author, title="Secret"))

    listed = found(granted(read=["authors"]), AUTHORS, author.pk)

    assert [(one.is_readable, one.samples) for one in listed.values()] == [(False, [])]
    assert listed.keys() == {"books.author_id"}


def test_names_nothing_by_a_hidden_column(granted, editor):
    book = builders.book()
    builders.chapter(book=book, title="Secret", content="Secret", chapter_num=1)
    for column in ("title", "content"):
        ColumnRule.objects.create(
            role=Group.objects.get(name="Editor"), table_id="chapters", column_name=column, access="hidden"
        )

    (sample,) = found(editor, BOOKS, book.pk)["chapters.book_id"].samples

    assert sample.name is None


def test_takes_two_statements_however_many_records_there_are(editor, django_assert_num_queries):
    author = builders.author()
    actor = again(editor)
    dependents.list_dependents(actor=actor, table=AUTHORS, keys=[author.pk])
    for _ in range(8):
        builders.chapter(book=builders.book(author=author))

    with django_assert_num_queries(6):  # those two, and the frame of every read
        dependents.list_dependents(actor=actor, table=AUTHORS, keys=[author.pk])


def test_is_audited_and_needs_the_right(editor, nobody, trail):
    author = builders.author()

    found(editor, AUTHORS, author.pk)

    (row,) = trail(operation="QUERY")
    assert (row.table_name, row.record_id) == ("authors", str(author.pk))
    with pytest.raises(Forbidden):
        found(nobody, AUTHORS, author.pk)
