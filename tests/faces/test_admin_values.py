"""Values through a form: what nobody touched stays as it is, what was typed arrives as it was meant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from catalog import models, registry
from tests.faces.samples import form_of, made, url

pytestmark = pytest.mark.usefixtures("no_navigation")

BOOKS = registry.get("books")
CHARACTERS = registry.get("characters")
EVENTS = registry.get("timeline_events")
SERIES = registry.get("series")


@pytest.fixture
def client(browser: Any, admin: Any) -> Any:
    return browser(admin)


def shown(client: Any, table: Any, record: Any) -> dict[str, str]:
    """Return what a browser would send for the form as the page shows it."""
    form = client.get(url(table, "change", record)).context["adminform"].form
    sent = {}
    for bound in form:
        if (value := bound.value()) is not None and value is not False:
            text = bound.field.widget.format_value(value) or ""
            text = str(text[0] if isinstance(text, list) else text)
            sent[bound.name] = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    return sent


class TestUntouched:
    def test_values_survive_the_edit_of_another_column(self, client: Any, news: Any) -> None:
        moment = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)
        text = "\n  first line \r\nsecond\tline\n\n"
        book = made(BOOKS, published_at=moment, description=text, genre="")
        news()

        answer = client.post(url(BOOKS, "change", book), {**shown(client, BOOKS, book), "title": "New"})

        assert answer.status_code == 302, answer.context["adminform"].form.errors
        book.refresh_from_db()
        assert (book.title, book.published_at, book.description, book.genre) == ("New", moment, text, "")
        (entry,) = news(operation="UPDATE")
        assert entry.changes.keys() == {"title"}

    @pytest.mark.parametrize(
        "aliases",
        [None, [], [""], ["one"], ["[sic]"], ["a, b", 'c "d"', "e\\f"], ["two\nlines", "\r\n"], [" ", "x"]],
    )
    def test_arrays_survive(self, client: Any, news: Any, aliases: Any) -> None:
        character = made(CHARACTERS, aliases=aliases, attributes={"a": [1.5, None, {"é": "\n"}]})
        news()

        client.post(
            url(CHARACTERS, "change", character), {**shown(client, CHARACTERS, character), "name": "N"}
        )

        (entry,) = news(operation="UPDATE")
        assert entry.changes.keys() == {"name"}

    def test_a_form_sent_back_as_it_is_saves_nothing(self, client: Any, news: Any) -> None:
        event = made(EVENTS)
        news()

        answer = client.post(url(EVENTS, "change", event), form_of(EVENTS, event), follow=True)

        assert "Nothing was changed" in answer.content.decode()
        assert news(operation="UPDATE") == []

    @pytest.mark.parametrize(
        ("microsecond", "kind", "text"),
        [
            (0, "datetime-local", "2024-05-06T07:08:09"),
            (120_000, "datetime-local", "2024-05-06T07:08:09.120"),
            (123_456, "text", "2024-05-06T07:08:09.123456"),
        ],
    )
    def test_a_time_gets_the_browsers_picker_only_where_that_can_hold_it(
        self, client: Any, microsecond: int, kind: str, text: str
    ) -> None:
        book = made(BOOKS, published_at=datetime(2024, 5, 6, 7, 8, 9, microsecond, tzinfo=UTC))

        page = client.get(url(BOOKS, "change", book)).content.decode()

        assert f'<input type="{kind}" name="published_at" value="{text}"' in page


class TestTyped:
    def test_an_emptied_input_is_null(self, client: Any) -> None:
        book = made(BOOKS)
        form = form_of(BOOKS, book)
        emptied = ["series", "book_number", "genre", "description", "word_count", "published_at"]

        client.post(url(BOOKS, "change", book), form | dict.fromkeys(emptied, ""))

        book.refresh_from_db()
        assert [getattr(book, name) for name in emptied] == [None] * len(emptied)

    def test_line_ends_become_plain(self, client: Any) -> None:
        book = made(BOOKS)

        client.post(url(BOOKS, "change", book), form_of(BOOKS, book) | {"description": "one\r\n two \r\n"})

        book.refresh_from_db()
        assert book.description == "one\n two \n"

    @pytest.mark.parametrize(
        ("text", "aliases"),
        [
            ("Lizzy\r\nEliza, Miss", ["Lizzy", "Eliza, Miss"]),
            ('["two\\nlines", ""]', ["two\nlines", ""]),
            ("[]", []),
            ("", None),
        ],
    )
    def test_an_array_is_lines_or_json(self, client: Any, text: str, aliases: Any) -> None:
        character = made(CHARACTERS)
        form = form_of(CHARACTERS, character) | {"aliases": text}

        client.post(url(CHARACTERS, "change", character), form)

        assert models.Character.objects.get(pk=character.pk).aliases == aliases

    def test_json_is_what_it_says(self, client: Any) -> None:
        character = made(CHARACTERS)
        form = form_of(CHARACTERS, character)

        client.post(url(CHARACTERS, "change", character), form | {"attributes": '{"a": [1, "é", null]}'})
        assert models.Character.objects.get(pk=character.pk).attributes == {"a": [1, "é", None]}
        client.post(url(CHARACTERS, "change", character), form | {"attributes": " "})
        assert models.Character.objects.get(pk=character.pk).attributes == {}

    @pytest.mark.parametrize(
        ("field", "text"),
        [
            ("aliases", "[1]"),
            ("aliases", "["),
            ("attributes", "{"),
            ("attributes", "[" * 100_000),
            ("attributes", "9" * 5_000),
            ("attributes", '{"a": NaN}'),
            ("attributes", '"\\u0000"'),
            ("attributes", "[" * 70 + "]" * 70),
            ("age", "-1"),
            ("age", "9" * 30),
            ("name", "x" * 501),
            ("name", ""),
            ("name", "nul\x00"),
            ("series", "999999999"),
            ("series", "9" * 40),
        ],
    )
    def test_a_bad_value_is_told_at_its_field_and_nothing_is_saved(
        self, client: Any, news: Any, field: str, text: str
    ) -> None:
        character = made(CHARACTERS)
        news()

        answer = client.post(
            url(CHARACTERS, "change", character),
            form_of(CHARACTERS, character) | {field: text, "role": "Kept"},
        )

        form = answer.context["adminform"].form
        assert list(form.errors) == [field]
        assert "Kept" in answer.content.decode()
        assert news(operation="UPDATE", success=True) == []

    @pytest.mark.parametrize(
        "text", ["garbage", "2024-02-30", "10000-01-01T00:00", "2024-01-01T00:00:00.1234567"]
    )
    def test_a_bad_time_is_told_and_shown_as_typed(self, client: Any, text: str) -> None:
        book = made(BOOKS)

        answer = client.post(url(BOOKS, "change", book), form_of(BOOKS, book) | {"published_at": text})

        assert list(answer.context["adminform"].form.errors) == ["published_at"]
        assert f'value="{text}"' in answer.content.decode()

    def test_a_new_record_begins_with_the_databases_defaults(self, client: Any, news: Any) -> None:
        page = client.get(url(BOOKS, "add")).content.decode()
        assert '<option value="draft" selected>' in page
        author = made(registry.get("authors"))
        news()

        client.post(url(BOOKS, "add"), {"author": author.pk, "title": "T", "status": "draft"})

        (entry,) = news(operation="INSERT")
        assert models.Book.objects.get(pk=entry.record_id).status == "draft"

    def test_help_comes_from_the_database(self, client: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT obj_description('public.series'::regclass)")
            (comment,) = cursor.fetchone()

        assert comment in client.get(url(SERIES, "")).content.decode()
        assert "At most 500 characters" in client.get(url(SERIES, "add")).content.decode()
