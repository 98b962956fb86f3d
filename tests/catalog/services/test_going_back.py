"""The versions of one record: reading them, and setting columns back to what they were."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, Forbidden, InvalidInput, NotFound
from accesscontrol.models import ColumnRule
from audit import epochs
from audit.operation import Terms
from catalog import models
from catalog.errors import DuplicateKey, ForeignKeyViolation
from catalog.services import records, undo, versions
from catalog.services.versions import Comparison
from catalog.services.writing import Change
from catalog.table import Table
from tests.catalog.services import builders
from tests.catalog.services.builders import APPEARANCES, AUTHORS, BOOKS, CHAPTERS, CHARACTERS
from tests.catalog.services.conftest import again


def update(actor: Actor, table: Table, key: Any, **data: Any) -> Change:
    return records.update_records(actor=actor, table=table, data=data, where={"id": key})


def history(actor: Actor, table: Table, key: Any, **options: Any) -> list[Any]:
    return versions.list_versions(actor=again(actor), table=table, key=str(key), **options)


def compared(actor: Actor, table: Table, key: Any, version: Any, side: Any = "after") -> Comparison:
    return versions.compare_version(
        actor=again(actor), table=table, key=str(key), number=version.number, side=side
    )


def reverted(
    actor: Actor, table: Table, key: Any, version: Any, side: Any = "after", **options: Any
) -> Change:
    found = compared(actor, table, key, version, side)
    chosen = {"names": found.differing, "state": found.state, **options}
    return versions.revert_record(
        actor=again(actor), table=table, key=str(key), number=version.number, side=side, **chosen
    )


def hide(table: str, column: str, role: str, access: str = "hidden") -> None:
    ColumnRule.objects.create(
        role=Group.objects.get(name=role), table_id=table, column_name=column, access=access
    )


class TestList:
    def test_tells_what_each_change_made_of_a_record_the_newest_first(self, editor):
        author = builders.author(name="First", bio="x")
        other = builders.author()
        update(editor, AUTHORS, author.pk, name="Second")
        update(editor, AUTHORS, other.pk, name="Not this one")
        change = update(editor, AUTHORS, author.pk, name="Third", bio=None)
        builders.book(id=author.pk)  # the same number in another table

        third, second = history(editor, AUTHORS, author.pk)

        assert third.changes["name"] == ("Second", "Third")
        assert third.changes["bio"] == ("x", None)
        assert (third.kind, third.change_id) == ("updated", change.change_id)
        assert (third.username, third.channel) == ("edith", "command")
        assert second.changes["name"] == ("First", "Second")

    def test_goes_on_behind_a_version_and_finds_those_of_one_change(self, editor):
        author = builders.author()
        changes = [update(editor, AUTHORS, author.pk, name=f"{n}") for n in range(5)]

        newest = history(editor, AUTHORS, author.pk, limit=2)
        older = history(editor, AUTHORS, author.pk, before=newest[-1].number, limit=2)

        assert [v.changes["name"][1] for v in (*newest, *older)] == ["4", "3", "2", "1"]
        (one,) = history(editor, AUTHORS, author.pk, change_id=changes[1].change_id)
        assert one.changes["name"] == ("0", "1")

    def test_knows_records_that_are_gone_and_junctions(self, editor):
        appearance = builders.appearance(role="hero")
        key = f"{appearance.character_id}:{appearance.scene_id}"
        records.delete_records(
            actor=editor, table=APPEARANCES, where={"character_id": appearance.character_id}
        )

        (gone,) = history(editor, APPEARANCES, key)

        assert gone.kind == "deleted"
        assert gone.changes["role"] == ("hero", None)

    def test_says_nothing_of_a_hidden_column(self, admin, editor):
        book = builders.book(word_count=1)
        update(admin, BOOKS, book.pk, word_count=2, title="New")
        hide("books", "word_count", "Editor")

        (version,) = history(editor, BOOKS, book.pk)

        assert "word_count" not in version.changes
        assert "title" in version.changes

    def test_is_audited_as_a_read_and_needs_the_right(self, editor, nobody, trail):
        author = builders.author()
        update(editor, AUTHORS, author.pk, name="x")

        history(editor, AUTHORS, author.pk)

        (row,) = trail(operation="QUERY")
        assert (row.table_name, row.record_id, row.record_count) == ("authors", str(author.pk), 1)
        with pytest.raises(Forbidden):
            history(nobody, AUTHORS, author.pk)

    def test_takes_no_more_statements_for_more_versions(self, editor, django_assert_num_queries):
        author = builders.author()
        for n in range(6):
            update(editor, AUTHORS, author.pk, name=f"{n}")
        actor = again(editor)
        versions.list_versions(actor=actor, table=AUTHORS, key=str(author.pk), limit=1)

        with django_assert_num_queries(5):  # savepoint, begin, versions, audit row, release
            versions.list_versions(actor=actor, table=AUTHORS, key=str(author.pk), limit=6)


class TestCompare:
    def test_holds_a_version_to_what_is_there_now(self, editor):
        author = builders.author(name="First", bio="x")
        update(editor, AUTHORS, author.pk, name="Second")
        update(editor, AUTHORS, author.pk, name="Third", bio="y")

        _, second = history(editor, AUTHORS, author.pk)

        found = compared(editor, AUTHORS, author.pk, second)
        assert (found.then["name"], found.then["bio"]) == ("Second", "x")
        assert found.now is not None
        assert (found.now["name"], found.now["bio"]) == ("Third", "y")
        assert found.differing == ["name", "bio"]
        before = compared(editor, AUTHORS, author.pk, second, "before")
        assert before.then["name"] == "First"

    def test_has_every_column_of_what_was_added_the_empty_ones_too(self, editor):
        change = records.insert_record(actor=editor, table=AUTHORS, data={"name": "x"})
        key = change.records[0]["id"]
        update(editor, AUTHORS, key, bio="later")

        found = compared(editor, AUTHORS, key, history(editor, AUTHORS, key)[-1])

        assert found.then["bio"] is None
        assert found.differing == ["bio"]

    @pytest.mark.parametrize("side", ["before", "after"])
    def test_refuses_a_version_of_another_record_or_of_nothing(self, editor, side):
        authors = [builders.author(), builders.author()]
        for author in authors:
            update(editor, AUTHORS, author.pk, name="x")
        (theirs,) = history(editor, AUTHORS, authors[1].pk)

        with pytest.raises(NotFound):
            compared(editor, AUTHORS, authors[0].pk, theirs, side)
        key = records.insert_record(actor=editor, table=AUTHORS, data={"name": "x"}).records[0]["id"]
        (added,) = history(editor, AUTHORS, key)
        with pytest.raises(NotFound):
            compared(editor, AUTHORS, key, added, "before")


class TestRevert:
    def test_sets_back_what_differs_and_is_a_change_like_any_other(self, editor, trail):
        author = builders.author(name="First", bio="x", email="a@example.org")
        update(editor, AUTHORS, author.pk, name="Second")
        update(editor, AUTHORS, author.pk, name="Third", bio=None)
        oldest = history(editor, AUTHORS, author.pk)[-1]

        change = reverted(editor, AUTHORS, author.pk, oldest, "before")

        now = builders.stored(AUTHORS, pk=author.pk)
        assert (now["name"], now["bio"], now["email"]) == ("First", "x", "a@example.org")
        row = trail(operation="UPDATE")[-1]
        assert (row.change_id, row.record_id) == (change.change_id, str(author.pk))
        assert row.client_info["reverted_to"] == f"before version {oldest.number}"
        undo.undo_change(actor=again(editor), change_id=change.change_id)
        assert builders.stored(AUTHORS, pk=author.pk)["name"] == "Third"

    def test_sets_back_only_the_columns_that_were_chosen(self, editor):
        author = builders.author(name="First", bio="x")
        update(editor, AUTHORS, author.pk, name="Second", bio="y")
        (version,) = history(editor, AUTHORS, author.pk)

        reverted(editor, AUTHORS, author.pk, version, "before", names=["bio"])

        now = builders.stored(AUTHORS, pk=author.pk)
        assert (now["name"], now["bio"]) == ("Second", "x")

    def test_keeps_every_digit_and_every_kind_of_value(self, editor):
        character = builders.character(aliases=["a", 'b,"c"'], attributes={})
        digits = '{"n": 0.12345678901234567890123456789, "t": 1.10}'
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE public.characters SET attributes = %s WHERE id = %s", [digits, character.pk]
            )
        update(editor, CHARACTERS, character.pk, attributes={"n": 1}, aliases=[])
        (version,) = history(editor, CHARACTERS, character.pk)

        reverted(editor, CHARACTERS, character.pk, version, "before")

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT attributes::text, aliases FROM public.characters WHERE id = %s", [character.pk]
            )
            assert cursor.fetchone() == (digits, ["a", 'b,"c"'])

    def test_of_a_junction(self, editor):
        appearance = builders.appearance(role="hero")
        key = f"{appearance.character_id}:{appearance.scene_id}"
        where = {"character_id": appearance.character_id}
        records.update_records(actor=editor, table=APPEARANCES, data={"role": "villain"}, where=where)
        (version,) = history(editor, APPEARANCES, key)

        reverted(editor, APPEARANCES, key, version, "before")

        assert models.CharacterScene.objects.get(**where).role == "hero"

    def test_refuses_what_was_changed_since_somebody_looked(self, editor):
        author = builders.author(name="First")
        update(editor, AUTHORS, author.pk, name="Second")
        (version,) = history(editor, AUTHORS, author.pk)
        state = compared(editor, AUTHORS, author.pk, version, "before").state
        update(editor, AUTHORS, author.pk, bio="meanwhile")

        with pytest.raises(Conflict, match="was changed since"):
            reverted(editor, AUTHORS, author.pk, version, "before", state=state)

        assert builders.stored(AUTHORS, pk=author.pk)["name"] == "Second"

    @pytest.mark.parametrize("names", [[], ["id"], ["updated_at"], ["bio"], ["nothing"], ["name", "id"]])
    def test_refuses_columns_that_can_not_be_set_back(self, editor, names):
        author = builders.author(name="First", bio="same")
        update(editor, AUTHORS, author.pk, name="Second")
        (version,) = history(editor, AUTHORS, author.pk)

        with pytest.raises(InvalidInput):
            reverted(editor, AUTHORS, author.pk, version, "before", names=names)

    def test_refuses_what_is_in_the_trash_or_gone(self, editor):
        book = builders.book(title="First")
        update(editor, BOOKS, book.pk, title="Second")
        version = history(editor, BOOKS, book.pk)[0]
        records.delete_records(actor=editor, table=BOOKS, where={"id": book.pk})

        with pytest.raises(Conflict, match="in the trash"):
            reverted(editor, BOOKS, book.pk, version, "before", names=["title"])
        models.Book.objects.filter(pk=book.pk).delete()
        with pytest.raises(NotFound):
            reverted(editor, BOOKS, book.pk, version, "before", names=["title"])

    def test_checks_references_and_rules_as_an_update_does(self, editor):
        chapter = builders.chapter(chapter_num=1)
        old_book = chapter.book
        update(editor, CHAPTERS, chapter.pk, book_id=builders.book().pk, chapter_num=2)
        (version,) = history(editor, CHAPTERS, chapter.pk)
        taken = builders.chapter(book=old_book, chapter_num=1)

        with pytest.raises(DuplicateKey):
            reverted(editor, CHAPTERS, chapter.pk, version, "before")
        models.Chapter.objects.filter(pk=taken.pk).delete()
        records.delete_records(actor=editor, table=BOOKS, where={"id": old_book.pk})
        with pytest.raises(ForeignKeyViolation, match="in the trash"):
            reverted(editor, CHAPTERS, chapter.pk, version, "before")

    def test_needs_the_right_to_change_the_table_and_each_column(self, admin, writer, viewer):
        book = builders.book(title="First", word_count=1)
        update(admin, BOOKS, book.pk, title="Second", word_count=2)
        (version,) = history(admin, BOOKS, book.pk)
        hide("books", "word_count", "Writer", access="read_only")

        with pytest.raises(Forbidden):
            reverted(viewer, BOOKS, book.pk, version, "before")
        assert compared(writer, BOOKS, book.pk, version, "before").kept == {"word_count"}
        with pytest.raises(Forbidden, match="word_count"):
            reverted(writer, BOOKS, book.pk, version, "before")
        reverted(writer, BOOKS, book.pk, version, "before", names=["title"])
        now = builders.stored(BOOKS, pk=book.pk)
        assert (now["title"], now["word_count"]) == ("First", 2)

    def test_leaves_hidden_columns_as_they_are_and_does_not_tell_of_them(self, admin, editor):
        book = builders.book(title="First", word_count=1)
        update(admin, BOOKS, book.pk, title="Second", word_count=2)
        (version,) = history(admin, BOOKS, book.pk)
        hide("books", "word_count", "Editor")

        found = compared(editor, BOOKS, book.pk, version, "before")
        with pytest.raises(InvalidInput, match="has no column"):
            reverted(editor, BOOKS, book.pk, version, "before", names=["word_count"])
        change = reverted(editor, BOOKS, book.pk, version, "before")

        assert found.differing == ["title"]
        assert "word_count" not in {**found.then, **(found.now or {}), **change.records[0]}
        assert builders.stored(BOOKS, pk=book.pk)["word_count"] == 2

    def test_refuses_versions_from_before_a_restore(self, editor):
        author = builders.author(name="First")
        update(editor, AUTHORS, author.pk, name="Second")
        (version,) = history(editor, AUTHORS, author.pk)
        with connection.cursor() as cursor:
            cursor.execute(epochs.START, ["full.sql.gz", "0" * 64])

        with pytest.raises(Conflict, match="restored"):
            reverted(editor, AUTHORS, author.pk, version, "before")

    def test_can_be_tried(self, editor):
        author = builders.author(name="First")
        update(editor, AUTHORS, author.pk, name="Second")
        (version,) = history(editor, AUTHORS, author.pk)

        change = reverted(editor, AUTHORS, author.pk, version, "before", terms=Terms(dry_run=True))

        assert change.records[0]["name"] == "First"
        assert builders.stored(AUTHORS, pk=author.pk)["name"] == "Second"
