"""The page of one record: groups, help, what refers to it, and what rules for columns make of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from accesscontrol.models import ColumnRule
from catalog import models, registry
from catalog.services import related
from catalog.table import Table
from tests.faces.samples import WITH_ID, WRITABLE, form_of, made, url

pytestmark = pytest.mark.usefixtures("no_navigation")

AUTHORS = registry.get("authors")
BOOKS = registry.get("books")
CHAPTERS = registry.get("chapters")
CHARACTERS = registry.get("characters")
SCENES = registry.get("scenes")

every_table = pytest.mark.parametrize("table", WITH_ID, ids=str)


@pytest.fixture
def rule(editor: Any) -> Callable[..., None]:
    """Return a function that makes rules for editors: rule("books", hidden=["genre"], read_only=["status"])."""

    def make(table: str, **columns: list[str]) -> None:
        for access, names in columns.items():
            for name in names:
                ColumnRule.objects.create(
                    role=Group.objects.get(name="Editor"), table_id=table, column_name=name, access=access
                )

    return make


def groups(page: Any) -> dict[str, list[str]]:
    """Return the fields of a page by the heading of their group."""
    return {
        fieldset.name: [_name(field) for line in fieldset for field in line]
        for fieldset in page.context["adminform"]
    }


def _name(field: Any) -> str:
    return field.field["name"] if field.is_readonly else field.field.name  # type: ignore[no-any-return]


class TestGroups:
    @every_table
    def test_every_column_stands_in_one_group_under_its_heading(
        self, browser: Any, admin: Any, table: Table
    ) -> None:
        found = groups(browser(admin).get(url(table, "change", made(table))))

        assert sorted(name for names in found.values() for name in names) == sorted(
            field.name for field in table.columns.values()
        )
        assert all(found)

    def test_the_name_comes_first_long_texts_and_lists_apart(self, browser: Any, admin: Any) -> None:
        found = groups(browser(admin).get(url(CHARACTERS, "change", made(CHARACTERS))))

        assert list(found) == [
            "Character", "Belongs to", "Texts", "Lists and attributes", "Kept by the database",
        ]  # fmt: skip
        assert found["Character"][0] == "name"
        assert found["Lists and attributes"] == ["aliases", "attributes"]

    def test_areas_say_which_editor_they_get_and_stay_areas_without_it(
        self, browser: Any, admin: Any
    ) -> None:
        page = browser(admin).get(url(CHARACTERS, "change", made(CHARACTERS))).content.decode()

        assert page.count('data-editor="list"') == page.count('data-editor="object"') == 1
        assert page.count('data-words="Words:"') == 5
        assert (
            'data-take="Take over as word count"' in browser(admin).get(url(SCENES, "add")).content.decode()
        )

    def test_a_name_that_is_there_twice_in_an_object_is_refused(self, browser: Any, admin: Any) -> None:
        character = made(CHARACTERS)
        form = form_of(CHARACTERS, character) | {"attributes": '{"a": {"b": 1, "b": 2}}'}

        errors = (
            browser(admin).post(url(CHARACTERS, "change", character), form).context["adminform"].form.errors
        )

        assert "“b” is there twice" in str(errors["attributes"])


class TestSuggestions:
    def test_free_words_come_with_those_that_others_use(self, browser: Any, admin: Any) -> None:
        page = browser(admin).get(url(CHARACTERS, "add")).content.decode()

        assert 'list="words_for_role"' in page
        assert '<datalist id="words_for_role">' in page
        assert '<option value="protagonist"' in page

    def test_not_for_who_may_not_read_them(self, browser: Any, person: Any) -> None:
        client = browser(person(read=["characters"], insert=["characters"]))

        assert "<datalist" not in client.get(url(CHARACTERS, "add")).content.decode()


class TestRelated:
    def test_counts_lead_to_the_lists_of_just_those(self, browser: Any, admin: Any) -> None:
        book = made(BOOKS)
        for _ in range(2):
            made(CHAPTERS, book=book)
        models.Chapter.objects.create(book_id=book.pk, chapter_num=77, deleted_at="2020-01-01T00:00:00Z")
        client = browser(admin)

        page = client.get(url(BOOKS, "change", book))

        lines = {line.name: line for line in page.context["related"]}
        assert (lines["Chapters"].count, lines["Writing sessions"].count) == (2, 0)
        listed = client.get(lines["Chapters"].url).content.decode()
        assert "2 chapters" in listed
        added = client.get(lines["Chapters"].add_url).content.decode()
        assert f'<option value="{book.pk}" selected>' in added
        answer = client.post(lines["Chapters"].add_url, {"book": book.pk, "chapter_num": 5})
        assert answer.url == lines["Chapters"].url

    def test_two_ways_to_refer_are_told_apart(self, browser: Any, admin: Any) -> None:
        page = browser(admin).get(url(CHARACTERS, "change", made(CHARACTERS)))

        named = [(line.name, line.by) for line in page.context["related"] if "relationships" in line.name]
        assert named == [("Character relationships", ""), ("Character relationships", "related character")]

    def test_many_are_not_counted_to_the_end(self, browser: Any, admin: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(related, "MAX_COUNTED", 1)
        related._statement.cache_clear()
        book = made(BOOKS)
        for _ in range(3):
            made(CHAPTERS, book=book)

        page = browser(admin).get(url(BOOKS, "change", book)).content.decode()

        related._statement.cache_clear()
        assert "over 1" in page

    def test_the_first_few_are_named_and_lead_to_their_pages(self, browser: Any, admin: Any) -> None:
        book = made(BOOKS)
        chapters = [made(CHAPTERS, book=book, title=f"Part {n}", chapter_num=n) for n in range(5)]
        models.Chapter.objects.filter(pk=chapters[0].pk).update(deleted_at=Now())
        models.Chapter.objects.filter(pk=chapters[2].pk).update(title=None)

        page = browser(admin).get(url(BOOKS, "change", book))

        (line,) = (line for line in page.context["related"] if line.name == "Chapters")
        assert [name for name, _ in line.samples] == ["Part 1", f"#{chapters[2].pk}", "Part 3"]
        assert line.samples[0][1] == url(CHAPTERS, "change", chapters[1])
        assert f'<a href="{line.samples[0][1]}">Part 1</a>' in page.content.decode()

    def test_of_those_whose_names_are_hidden_no_name_is_told(
        self, browser: Any, editor: Any, rule: Any
    ) -> None:
        rule("chapters", hidden=["title"])
        book = made(BOOKS)
        chapter = made(CHAPTERS, book=book, title="The secret part")

        page = browser(editor).get(url(BOOKS, "change", book))

        (line,) = (line for line in page.context["related"] if line.name == "Chapters")
        assert "The secret part" not in page.content.decode()
        assert [address for _, address in line.samples] == [url(CHAPTERS, "change", chapter)]

    def test_tables_that_one_may_not_read_or_add_to_stay_out(self, browser: Any, person: Any) -> None:
        book = made(BOOKS)

        page = browser(person(read=["books", "chapters"])).get(url(BOOKS, "change", book))

        assert [(line.name, line.add_url) for line in page.context["related"]] == [("Chapters", None)]

    @every_table
    def test_a_page_costs_the_same_however_much_refers_to_it(
        self, browser: Any, admin: Any, table: Table
    ) -> None:
        record, client = made(table), browser(admin)
        client.get(url(table, "change", record))  # what a process remembers, it reads now
        counts = []
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                client.get(url(table, "change", record))
            counts.append(len(queries))
            for referring in WRITABLE:
                for column, parent in referring.foreign_keys.items():
                    if parent == table.name:
                        made(referring, **{referring.columns[column].name: record})  # type: ignore[arg-type]

        assert counts[0] == counts[1] <= 30


class TestRules:
    def test_a_read_only_column_is_shown_and_not_to_be_set(
        self, browser: Any, editor: Any, rule: Any, news: Any
    ) -> None:
        rule("books", read_only=["status", "author_id"])
        book, client = made(BOOKS, status="draft"), browser(editor)

        page = client.get(url(BOOKS, "change", book))
        form = {n: v for n, v in form_of(BOOKS, book).items() if n not in {"status", "author"}}
        saved = client.post(url(BOOKS, "change", book), form | {"title": "Mine"})
        news()
        forged = client.post(url(BOOKS, "change", book), form | {"title": "More", "status": "archived"})

        assert 'name="status"' not in page.content.decode()
        assert "Draft" in page.content.decode()
        assert page.content.decode().count("Read only for your role.") == 2
        assert str(book.author) in page.content.decode()  # type: ignore[attr-defined]
        assert saved.status_code == 302
        assert forged.status_code == 200
        book.refresh_from_db()
        assert (book.title, book.status) == ("Mine", "draft")  # type: ignore[attr-defined]
        assert [row.error_code for row in news(success=False)] == ["VALIDATION_ERROR"]

    def test_lists_and_objects_are_shown_as_such_where_they_are_only_read(
        self, browser: Any, viewer: Any, editor: Any, rule: Any
    ) -> None:
        rule("characters", read_only=["attributes"])
        held = {
            "eyes": "<b>dark</b>",
            "age": {"years": 7, "told": False},
            "said": ["Oh", "dear"],
            "odd": [1, None],
        }
        character = made(CHARACTERS, aliases=["A <i>name</i>", "Another"], attributes=held)

        pages = [browser(actor).get(url(CHARACTERS, "change", character)) for actor in (viewer, editor)]

        for page in pages:
            text = page.content.decode()
            assert "<dt>eyes</dt><dd>&lt;b&gt;dark&lt;/b&gt;</dd>" in text
            assert "<dd><dl><dt>told</dt><dd>No</dd><dt>years</dt><dd>7</dd></dl></dd>" in text
            assert "<dd><ul><li>Oh</li><li>dear</li></ul></dd>" in text
            assert "<dd>[1, null]</dd>" in text
        assert "<li>A &lt;i&gt;name&lt;/i&gt;</li>" in pages[0].content.decode()

    def test_a_new_record_is_made_without_it(self, browser: Any, editor: Any, rule: Any) -> None:
        rule("books", read_only=["word_count"])
        client = browser(editor)

        page = client.get(url(BOOKS, "add")).content.decode()
        answer = client.post(url(BOOKS, "add"), {"author": made(AUTHORS).pk, "title": "T", "status": "draft"})

        assert "word_count" not in page
        assert answer.status_code == 302
