"""Editing many records: what will change is shown first, and done in one transaction with one entry of the trail."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from accesscontrol.models import ColumnRule
from catalog import models, registry
from tests.catalog.services import builders
from tests.faces.samples import url

pytestmark = pytest.mark.usefixtures("no_navigation")

BOOKS = registry.get("books")
LIST = url(BOOKS, "")


@pytest.fixture
def client(browser: Any, admin: Any) -> Any:
    return browser(admin)


@pytest.fixture
def books(db: None) -> list[models.Book]:
    author = builders.author(name="Ann")
    return [
        builders.book(title="One", author=author, status="draft", genre="Sea"),
        builders.book(title="Two", author=author, status="editing"),
        builders.book(title="Three", author=author, status="draft"),
    ]


def form(books: list[models.Book], step: str, **values: Any) -> dict[str, Any]:
    """Return what a browser sends with some columns ticked and filled in."""
    return {
        "action": "edit_chosen",
        "_selected_action": [book.pk for book in books],
        "step": step,
        "change": list(values),
        **{f"new-{name}": value for name, value in values.items()},
    }


def applied(page: Any, books: list[models.Book], **values: Any) -> dict[str, Any]:
    """Return what a browser sends to have done what a preview shows."""
    shown = page.context["preview"]
    return form(books, "apply", **values) | {"as_of": shown.as_of, "apply_to": page.context["apply_to"]}


def test_asks_first_and_offers_what_can_be_set(client: Any, books: Any) -> None:
    page = client.post(LIST, {"action": "edit_chosen", "_selected_action": [book.pk for book in books]})

    offered = {field.name for field, _, _ in page.context["fields"]}
    assert "Edit 3 books" in page.content.decode()
    assert offered >= {"status", "genre", "title", "word_count"}
    assert not offered & {"id", "created_at", "updated_at", "deleted_at"}


def test_shows_what_will_change_and_changes_nothing(client: Any, books: Any, news: Any) -> None:
    news()
    page = client.post(LIST, form(books, "preview", status="editing", genre="<b>Land</b>"))

    assert [(found.name, found.cells) for found in page.context["preview"].shown] == [
        ("One", [("Status", "Draft", "Editing"), ("Genre", "Sea", "<b>Land</b>")]),
        ("Two", [("Genre", "", "<b>Land</b>")]),
        ("Three", [("Status", "Draft", "Editing"), ("Genre", "", "<b>Land</b>")]),
    ]
    assert "3 records will change." in page.content.decode()
    assert "<b>Land</b>" not in page.content.decode()
    assert list(models.Book.objects.order_by("id").values_list("status", flat=True)) == [
        "draft",
        "editing",
        "draft",
    ]
    assert [(row.operation, row.dry_run) for row in news(operation="UPDATE")] == [("UPDATE", True)]


def test_does_it_with_one_entry_and_leaves_what_is_so_already(client: Any, books: Any, news: Any) -> None:
    page = client.post(LIST, form(books, "preview", status="editing"))
    assert page.context["preview"].unchanged == 1
    untouched = models.Book.objects.get(pk=books[1].pk).updated_at
    news()

    answer = client.post(f"{LIST}?o=title", applied(page, books, status="editing"))

    assert answer.url == f"{LIST}?o=title"
    assert set(models.Book.objects.values_list("status", flat=True)) == {"editing"}
    assert models.Book.objects.get(pk=books[1].pk).updated_at == untouched
    (entry,) = news(operation="UPDATE")
    assert (entry.record_count, entry.success, entry.dry_run) == (2, True, False)
    assert f'href="/admin/audit/auditlog/undo/{entry.change_id}/"' in client.get(LIST).content.decode()
    assert {str(books[0].pk), str(books[2].pk)} <= set(str(entry.changes).replace("'", " ").split())


def test_overwrites_nothing_that_was_changed_since(client: Any, books: Any, news: Any) -> None:
    page = client.post(LIST, form(books, "preview", status="published"))
    models.Book.objects.filter(pk=books[2].pk).update(status="archived")
    seen_long_ago = {"as_of": "2000-01-01T00:00:00Z"}  # within one transaction now() stands still
    news()

    page = client.post(LIST, applied(page, books, status="published") | seen_long_ago)

    assert "changed or deleted since" in page.content.decode()
    assert list(models.Book.objects.order_by("id").values_list("status", flat=True)) == [
        "draft",
        "editing",
        "archived",
    ]
    assert [(row.operation, row.error_code) for row in news()] == [("UPDATE", "CONFLICT")]


def test_tells_what_stands_in_the_way_at_the_field(client: Any, books: Any, news: Any) -> None:
    news()
    page = client.post(LIST, form(books, "preview", title="x" * 501))

    assert page.context["preview"] is None
    assert page.context["refusal"]
    assert [row.error_code for row in news(success=False)] == ["VALIDATION_ERROR"]
    assert models.Book.objects.filter(title="One").exists()


def test_a_reference_is_shown_by_name_and_what_is_empty_is_taken_away(client: Any, books: Any) -> None:
    other = builders.author(name="Bea")

    page = client.post(LIST, form(books[:1], "preview", author_id=str(other.pk), genre=""))

    (found,) = page.context["preview"].shown
    assert {heading: (before, after) for heading, before, after in found.cells} == {
        "Author": (f"Ann (#{books[0].author_id})", f"Bea (#{other.pk})"),
        "Genre": ("Sea", ""),
    }


@pytest.mark.parametrize("key", ["x", "1.5", "99999999999999999999", "\0", "-1"])
def test_what_is_no_record_is_said_at_the_field(client: Any, books: Any, key: str) -> None:
    page = client.post(LIST, form(books, "preview", author_id=key))

    assert page.status_code == 200
    assert page.context["preview"] is None
    assert page.context["form"].errors["author_id"]


def test_sends_only_what_is_ticked(client: Any, books: Any) -> None:
    sent = form(books, "preview", status="archived") | {
        "new-genre": "Not ticked",
        "new-word_count": "no number",
    }

    page = client.post(LIST, sent)

    assert {heading for found in page.context["preview"].shown for heading, _, _ in found.cells} == {"Status"}


@pytest.mark.parametrize("column", ["id", "updated_at", "deleted_at", "no_such"])
def test_a_forged_column_is_refused(client: Any, books: Any, news: Any, column: str) -> None:
    news()
    page = client.post(LIST, form(books, "preview", **{column: "1"}), follow=True)

    assert "can&#x27;t be set here" in page.content.decode()
    assert [row.error_code for row in news(success=False)] == ["VALIDATION_ERROR"]


def test_a_read_only_column_is_neither_offered_nor_set(
    browser: Any, editor: Any, books: Any, news: Any
) -> None:
    ColumnRule.objects.create(
        role=Group.objects.get(name="Editor"), table_id="books", column_name="status", access="read_only"
    )
    client = browser(editor)
    asked = client.post(LIST, form(books, "edit"))
    assert "status" not in {field.name for field, _, _ in asked.context["fields"]}

    client.post(LIST, form(books, "apply", status="archived") | {"apply_to": str(books[0].pk)})

    assert not models.Book.objects.filter(status="archived").exists()


def test_a_hidden_column_is_neither_offered_nor_shown(browser: Any, editor: Any, books: Any) -> None:
    role = Group.objects.get(name="Editor")
    for column in ("word_count", "updated_at"):
        ColumnRule.objects.create(role=role, table_id="books", column_name=column, access="hidden")
    client = browser(editor)

    asked = client.post(LIST, form(books, "edit")).content.decode()
    page = client.post(LIST, form(books, "preview", status="archived"))
    done = client.post(LIST, applied(page, books, status="archived"))

    assert "ord count" not in asked
    assert done.status_code == 302
    assert set(models.Book.objects.values_list("status", flat=True)) == {"archived"}


def test_who_may_not_change_can_not(browser: Any, viewer: Any, books: Any) -> None:
    client = browser(viewer)
    assert "edit_chosen" not in client.get(LIST).content.decode()

    client.post(LIST, form(books, "apply", status="archived") | {"apply_to": str(books[0].pk)})

    assert not models.Book.objects.filter(status="archived").exists()


def test_nothing_to_change_is_said(client: Any, books: Any) -> None:
    page = client.post(LIST, form(books[:1], "preview", status="draft")).content.decode()

    assert "Nothing would change." in page
    assert 'value="apply"' not in page


def test_no_column_ticked_is_said(client: Any, books: Any) -> None:
    page = client.post(LIST, form(books, "preview"))

    assert page.context["preview"] is None
    assert page.context["refusal"]
