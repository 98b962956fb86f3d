"""Saving a record that somebody else changed since its form was made."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from catalog import models, registry
from catalog.services import records
from tests.faces.samples import form_of, made, url

pytestmark = pytest.mark.usefixtures("no_navigation")

BOOKS = registry.get("books")
CHARACTERS = registry.get("characters")


@pytest.fixture
def book(db: None) -> models.Book:
    return made(BOOKS, title="As opened", description="One fine day", status="draft", word_count=100)  # type: ignore[return-value]


@pytest.fixture
def client(browser: Any, admin: Any) -> Any:
    return browser(admin)


def opened(client: Any, record: Any, table: Any = BOOKS) -> dict[str, str]:
    """Return what a browser sends for a form that was opened and not touched."""
    page = client.get(url(table, "change", record))
    return {**form_of(table, record), "_stamp": page.context["stamp"]}


def shown(page: Any) -> dict[str, str]:
    """Return what a browser sends for a page as it came back."""
    sent = {"_stamp": page.context["stamp"]}
    for bound in page.context["adminform"].form:
        if (value := bound.value()) is not None and value is not False:
            text = bound.field.widget.format_value(value) or ""
            sent[bound.name] = str(text[0] if isinstance(text, list) else text)
    return sent


def meanwhile(writer: Any, record: Any, table: Any = BOOKS, **data: Any) -> None:
    """Let somebody else change the record."""
    records.update_records(actor=writer, table=table, data=data, where={"id": record.pk})


def choice(page: Any, column: str) -> str:
    """Return what a page's choice of one's own version is sent as."""
    found = re.search(rf'name="_take_{column}" value="(mine [0-9a-f]+)"', page.content.decode())
    assert found
    return found[1]


class TestBoth:
    def test_nothing_is_saved_and_both_versions_are_shown(
        self, client: Any, writer: Any, book: Any, news: Any
    ) -> None:
        form = opened(client, book)
        meanwhile(writer, book, title="Theirs", word_count=200)
        news()

        page = client.post(url(BOOKS, "change", book), form | {"title": "Mine", "genre": "gothic"})

        assert page.status_code == 200
        book.refresh_from_db()
        assert (book.title, book.genre != "gothic", book.word_count) == ("Theirs", True, 200)
        (conflict,) = page.context["conflicts"]
        shown = ["".join(piece.text for piece in side) for side in (conflict.theirs, conflict.mine)]
        assert (conflict.column, shown) == ("title", ["Theirs", "Mine"])
        assert conflict.change.username == "wendy"
        assert "Somebody else changed this record" in page.content.decode()
        (entry,) = news(success=False)
        assert (entry.operation, entry.error_code, entry.table_name) == ("UPDATE", "CONFLICT", "books")

    def test_of_long_texts_what_both_have_is_folded_so_that_what_differs_is_in_sight(
        self, client: Any, writer: Any, book: Any
    ) -> None:
        text = "Nobody spoke. " * 400
        form = opened(client, book)
        long = "Theirs. " * 400  # what differs is whole: somebody is to choose it
        meanwhile(writer, book, description=f"{text}{long}{text}The end.")
        mine = {"description": f"{text}Mine. {text}The end."}
        page = client.post(url(BOOKS, "change", book), form | mine)

        (conflict,) = page.context["conflicts"]
        assert sum(len(piece.text) for piece in conflict.mine) < 500
        assert next(piece.words for piece in conflict.mine if piece.kind == "skipped") > 700
        assert long.strip() in "".join(piece.text for piece in conflict.theirs)
        assert re.search(r"… [78]\d\d words …", page.content.decode())

    def test_saving_again_without_a_choice_is_refused_again(
        self, client: Any, writer: Any, book: Any
    ) -> None:
        form = opened(client, book) | {"title": "Mine"}
        meanwhile(writer, book, title="Theirs")
        page = client.post(url(BOOKS, "change", book), form)

        again = client.post(url(BOOKS, "change", book), shown(page))

        assert [each.column for each in again.context["conflicts"]] == ["title"]
        assert models.Book.objects.get(pk=book.pk).title == "Theirs"

    def test_ones_own_is_saved_when_chosen_and_the_rest_stays_as_others_have_it(
        self, client: Any, writer: Any, book: Any, news: Any
    ) -> None:
        form = opened(client, book) | {"title": "Mine", "genre": "gothic"}
        meanwhile(writer, book, title="Theirs", word_count=200, status="editing")
        page = client.post(url(BOOKS, "change", book), form)
        assert 'value="200"' in page.content.decode()  # what nobody touched here shows as it is now
        news()

        chosen = {"_take_title": choice(page, "title")}
        answer = client.post(url(BOOKS, "change", book), shown(page) | chosen)

        assert answer.status_code == 302
        (entry,) = news(operation="UPDATE")
        assert entry.changes.keys() == {"title", "genre"}
        book.refresh_from_db()
        assert (book.title, book.word_count, book.status) == ("Mine", 200, "editing")

    def test_theirs_is_kept_when_chosen(self, client: Any, writer: Any, book: Any) -> None:
        form = opened(client, book) | {"title": "Mine", "genre": "gothic"}
        meanwhile(writer, book, title="Theirs")
        page = client.post(url(BOOKS, "change", book), form)

        client.post(url(BOOKS, "change", book), shown(page) | {"_take_title": "theirs"})

        book.refresh_from_db()
        assert (book.title, book.genre) == ("Theirs", "gothic")

    def test_a_choice_holds_only_against_what_was_shown(self, client: Any, writer: Any, book: Any) -> None:
        form = opened(client, book) | {"title": "Mine"}
        meanwhile(writer, book, title="Theirs")
        page = client.post(url(BOOKS, "change", book), form)
        chosen = {"_take_title": choice(page, "title")}
        meanwhile(writer, book, title="Theirs again")

        again = client.post(url(BOOKS, "change", book), shown(page) | chosen)

        assert [each.column for each in again.context["conflicts"]] == ["title"]
        assert models.Book.objects.get(pk=book.pk).title == "Theirs again"

    def test_words_of_long_texts_are_marked(self, client: Any, writer: Any, book: Any) -> None:
        form = opened(client, book) | {"description": "One rainy day"}
        meanwhile(writer, book, description="One fine night")

        page = client.post(url(BOOKS, "change", book), form).content.decode()

        assert page.count("<mark>") == 2

    def test_what_can_not_be_read_is_no_loss(self, client: Any, writer: Any, book: Any) -> None:
        form = opened(client, book) | {"word_count": "many"}
        meanwhile(writer, book, word_count=200)

        page = client.post(url(BOOKS, "change", book), form)

        assert [each.column for each in page.context["conflicts"]] == ["word_count"]
        assert 'value="many"' in page.content.decode()


class TestGone:
    def test_what_was_typed_comes_back_when_the_record_went_to_the_trash(
        self, client: Any, editor: Any, book: Any, news: Any
    ) -> None:
        form = opened(client, book)
        records.delete_records(actor=editor, table=BOOKS, where={"id": book.pk})
        news()

        page = client.post(url(BOOKS, "change", book), form | {"description": "<b>All my work</b>"})

        assert page.status_code == 403
        assert "&lt;b&gt;All my work&lt;/b&gt;" in page.content.decode()
        assert [row.error_code for row in news(success=False)] == ["PERMISSION_DENIED"]

    def test_what_was_typed_comes_back_when_the_record_is_gone(
        self, client: Any, editor: Any, news: Any
    ) -> None:
        goals = registry.get("writing_goals")
        goal = made(goals)
        form = opened(client, goal, goals)
        records.delete_records(actor=editor, table=goals, where={"id": goal.pk})
        news()

        page = client.post(url(goals, "change", goal), form | {"target": "4711"})

        assert page.status_code == 404
        assert "4711" in page.content.decode()
        assert [row.error_code for row in news(success=False)] == ["NOT_FOUND"]
        assert client.get(url(goals, "change", goal)).status_code == 302


class TestOthers:
    def test_changes_of_different_columns_are_both_kept_and_told(
        self, client: Any, writer: Any, book: Any, news: Any
    ) -> None:
        form = opened(client, book)
        meanwhile(writer, book, status="editing")
        news()

        answer = client.post(url(BOOKS, "change", book), form | {"title": "Mine"}, follow=True)

        book.refresh_from_db()
        assert (book.title, book.status) == ("Mine", "editing")
        assert "that was kept: Status" in answer.content.decode()
        (entry,) = news(operation="UPDATE")
        assert entry.changes.keys() == {"title"}

    def test_the_same_change_by_two_is_none(self, client: Any, writer: Any, book: Any) -> None:
        form = opened(client, book)
        meanwhile(writer, book, title="The same")

        answer = client.post(url(BOOKS, "change", book), form | {"title": "The same"}, follow=True)

        assert "Nothing was changed" in answer.content.decode()

    @pytest.mark.parametrize(
        ("column", "theirs", "mine"),
        [
            ("aliases", ["One"], '["Two"]'),
            ("attributes", {"eyes": "dark"}, '{"eyes": "grey"}'),
            ("age", 3, "4"),
            ("series_id", None, "{series}"),
        ],
    )
    def test_columns_of_every_kind_are_watched(
        self, client: Any, writer: Any, column: str, theirs: Any, mine: str
    ) -> None:
        character = made(CHARACTERS)
        form = opened(client, character, CHARACTERS)
        meanwhile(writer, character, CHARACTERS, **{column: theirs})
        typed = mine.format(series=made(registry.get("series")).pk) if column == "series_id" else mine

        name = column.removesuffix("_id")
        page = client.post(url(CHARACTERS, "change", character), form | {name: typed})

        assert [each.column for each in page.context["conflicts"]] == [column]

    def test_untouched_values_of_every_kind_are_no_conflict(self, client: Any, writer: Any) -> None:
        event = made(registry.get("timeline_events"))
        form = opened(client, event, registry.get("timeline_events"))
        meanwhile(writer, event, registry.get("timeline_events"), position="7.5", description="Theirs")

        answer = client.post(
            url(registry.get("timeline_events"), "change", event), form | {"title": "Mine"}, follow=True
        )

        event.refresh_from_db()
        assert (event.title, str(event.position), event.description) == ("Mine", "7.500000", "Theirs")  # type: ignore[attr-defined]
        assert "Position" in answer.content.decode()

    def test_a_forged_stamp_is_refused(self, client: Any, book: Any, news: Any) -> None:
        form = opened(client, book)
        news()

        for stamp in ("{", "[]", '{"title": 1}', "[" * 9999):
            page = client.post(url(BOOKS, "change", book), form | {"title": "Mine", "_stamp": stamp})
            assert "_stamp can" in str(page.context["adminform"].form.non_field_errors())

        assert models.Book.objects.get(pk=book.pk).title == "As opened"
        assert {row.error_code for row in news(success=False)} == {"VALIDATION_ERROR"}

    def test_the_stamp_tells_of_no_hidden_column(self, client: Any, book: Any) -> None:
        stamp = json.loads(opened(client, book)["_stamp"])

        assert set(stamp) == set(BOOKS.columns) - {"id", *BOOKS.managed_columns}
