"""Junction rows edited in place, on the pages of the records that they tie together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accesscontrol.models import ColumnRule
from catalog import models, registry
from tests.catalog.services import builders
from tests.faces.samples import form_of, made, url

pytestmark = pytest.mark.usefixtures("no_navigation")

BOOKS = registry.get("books")
TROPES = registry.get("tropes")
PART = "book_tropes-book_id"


FORGED: list[dict[str, Any]] = [
    {f"{PART}-row": "x"},
    {f"{PART}-row": [str(n) for n in range(60)]},
    {f"{PART}-new": [f"x{n}" for n in range(60)]},
    {f"{PART}-newx1-created_at": "2020-01-01", f"{PART}-new": "x1", f"{PART}-newx1-trope_id": "1"},
    {f"{PART}-row": "1", f"{PART}-1-was": "[]"},
    {f"{PART}-row": "1", f"{PART}-1-book_id": "2"},
    {f"{PART}-row": "1", f"{PART}-1-was": '{"prominence": {"$gte": 1}}', f"{PART}-1-prominence": "5"},
    {f"{PART}-row": "1", f"{PART}-1-was": '{"prominence": "\\u0000"}', f"{PART}-1-prominence": "5"},
]


@pytest.fixture
def client(browser: Any, admin: Any) -> Any:
    return browser(admin)


@pytest.fixture
def book() -> Any:
    return builders.book(title="Dracula")


def trope(name: str) -> Any:
    """Make a trope."""
    return models.Trope.objects.create(name=name)


def tie(book: Any, name: str, prominence: int | None = None) -> Any:
    """Give a book a trope."""
    return models.BookTrope.objects.create(book=book, trope=trope(name), prominence=prominence)


def rows(*tied: Any) -> dict[str, Any]:
    """Return what a browser sends for the rows of a book that were there when the page was shown."""
    sent: dict[str, Any] = {f"{PART}-row": [str(row.trope_id) for row in tied]}
    for row in tied:
        sent[f"{PART}-{row.trope_id}-was"] = json.dumps({"prominence": row.prominence})
        sent[f"{PART}-{row.trope_id}-prominence"] = "" if row.prominence is None else str(row.prominence)
    return sent


def new(number: str, trope: Any, prominence: str = "") -> dict[str, str]:
    """Return what a browser sends for one row to be added."""
    names = f"{PART}-new{number}"
    return {
        f"{PART}-new": number,
        f"{names}-trope_id": str(getattr(trope, "pk", trope)),
        f"{names}-prominence": prominence,
    }


def tropes_of(book: Any) -> dict[str, int | None]:
    return dict(models.BookTrope.objects.filter(book=book).values_list("trope__name", "prominence"))


def page_form(client: Any, record: Any) -> dict[str, str]:
    """Return what the record's own part of the form sends when nobody touched it."""
    page = client.get(url(BOOKS, "change", record))
    stamp = {"_stamp": page.context["stamp"]} if page.context.get("stamp") else {}
    return form_of(BOOKS, record) | stamp


class TestSaving:
    def test_changes_adds_and_removes_rows_in_one_go(self, client: Any, book: Any, news: Any) -> None:
        kept, changed, gone = tie(book, "Kept", 1), tie(book, "Changed", 2), tie(book, "Gone", 3)
        form = page_form(client, book) | rows(kept, changed, gone) | new("x1", trope("Added"), "4")
        form[f"{PART}-{changed.trope_id}-prominence"] = "5"
        form[f"{PART}-{gone.trope_id}-remove"] = "on"
        news()

        answer = client.post(url(BOOKS, "change", book), form)

        assert answer.status_code == 302
        assert tropes_of(book) == {"Kept": 1, "Changed": 5, "Added": 4}
        entries = news(table_name="book_tropes")
        assert [(e.operation, e.record_count) for e in entries] == [
            ("BATCH_DELETE", 1),
            ("BATCH_UPDATE", 1),
            ("BATCH_INSERT", 1),
        ]

    def test_a_form_that_nobody_touched_writes_nothing(self, client: Any, book: Any, news: Any) -> None:
        tied = tie(book, "Kept", 1), tie(book, "Empty")
        form = page_form(client, book) | rows(*tied)
        news()

        answer = client.post(url(BOOKS, "change", book), form, follow=True)

        assert "Nothing was changed" in answer.content.decode()
        assert {entry.operation for entry in news()} == {"QUERY"}

    def test_rows_alone_are_a_change(self, client: Any, book: Any) -> None:
        form = page_form(client, book) | new("x1", trope("Added"))

        answer = client.post(url(BOOKS, "change", book), form, follow=True)

        assert "Nothing was changed" not in answer.content.decode()
        assert tropes_of(book) == {"Added": None}

    def test_come_with_a_new_record(self, client: Any) -> None:
        form = {"title": "New", "author": str(builders.author().pk)} | new("x1", trope("Added"), "2")
        form |= {name: value for name, value in form_of(BOOKS, builders.book()).items() if name not in form}

        answer = client.post(url(BOOKS, "add"), form)

        assert answer.status_code == 302
        assert tropes_of(models.Book.objects.get(title="New")) == {"Added": 2}

    def test_go_from_the_other_side_too(self, client: Any, book: Any) -> None:
        row = tie(book, "Shared", 1)
        other = builders.book(title="Emma")
        part = "book_tropes-trope_id"
        form = form_of(TROPES, row.trope) | {
            f"{part}-row": str(book.pk),
            f"{part}-{book.pk}-was": json.dumps({"prominence": 1}),
            f"{part}-{book.pk}-prominence": "3",
            f"{part}-new": "x1",
            f"{part}-newx1-book_id": str(other.pk),
        }
        page = client.get(url(TROPES, "change", row.trope))
        assert "Dracula" in page.content.decode()
        form |= {"_stamp": page.context["stamp"]} if page.context.get("stamp") else {}

        assert client.post(url(TROPES, "change", row.trope), form).status_code == 302

        tied = models.BookTrope.objects.filter(trope=row.trope)
        assert dict(tied.values_list("book__title", "prominence")) == {"Dracula": 3, "Emma": None}


class TestRefusals:
    def test_one_fault_saves_nothing_and_stands_at_its_row(self, client: Any, book: Any, news: Any) -> None:
        row = tie(book, "There", 1)
        form = page_form(client, book) | rows(row) | new("x1", row.trope) | {"title": "Typed"}
        news()

        answer = client.post(url(BOOKS, "change", book), form)

        assert answer.status_code == 200
        book.refresh_from_db()
        assert book.title == "Dracula"
        assert 'value="Typed"' in answer.content.decode()
        part = next(p for p in answer.context["junction_parts"] if p.prefix == PART)
        assert part.row_forms[f"{PART}-newx1"].errors
        assert f"There (#{row.trope_id})" in answer.content.decode()
        refused = [(e.operation, e.table_name, e.error_code) for e in news(success=False)]
        assert refused == [("BATCH_INSERT", "book_tropes", "DUPLICATE_KEY")]

    def test_a_value_out_of_range_is_told_at_its_field(self, client: Any, book: Any) -> None:
        row = tie(book, "There", 1)
        form = page_form(client, book) | rows(row)
        form[f"{PART}-{row.trope_id}-prominence"] = "6"

        answer = client.post(url(BOOKS, "change", book), form)

        assert answer.status_code == 200
        part = next(p for p in answer.context["junction_parts"] if p.prefix == PART)
        assert "prominence" in part.row_forms[f"{PART}-{row.trope_id}"].errors
        assert tropes_of(book) == {"There": 1}

    def test_what_somebody_else_changed_is_not_overwritten_unseen(
        self, client: Any, book: Any, news: Any
    ) -> None:
        row = tie(book, "There", 1)
        form = page_form(client, book) | rows(row)
        form[f"{PART}-{row.trope_id}-prominence"] = "5"
        models.BookTrope.objects.update(prominence=3)
        news()

        answer = client.post(url(BOOKS, "change", book), form)

        assert tropes_of(book) == {"There": 3}
        assert [(e.operation, e.error_code) for e in news(success=False)] == [("BATCH_UPDATE", "CONFLICT")]
        html = answer.content.decode()
        assert "Prominence: 3" in html
        part = next(p for p in answer.context["junction_parts"] if p.prefix == PART)
        form[f"{PART}-{row.trope_id}-was"] = part.row_forms[f"{PART}-{row.trope_id}"]["was"].value()
        assert client.post(url(BOOKS, "change", book), form).status_code == 302
        assert tropes_of(book) == {"There": 5}

    def test_a_row_that_somebody_else_removed_stays_removed(self, client: Any, book: Any) -> None:
        row = tie(book, "There", 1)
        form = page_form(client, book) | rows(row)
        form[f"{PART}-{row.trope_id}-prominence"] = "5"
        models.BookTrope.objects.all().delete()

        answer = client.post(url(BOOKS, "change", book), form)

        assert "changed or removed rows meanwhile" in answer.content.decode()
        assert tropes_of(book) == {}

    def test_a_forged_form_changes_nothing(self, client: Any, book: Any, news: Any) -> None:
        tie(book, "There", 1)
        form = page_form(client, book) | {"title": "Forged"}
        for forged in FORGED:
            news()

            answer = client.post(url(BOOKS, "change", book), form | forged)

            assert answer.status_code in {200, 400}, forged
            book.refresh_from_db()
            assert (book.title, tropes_of(book)) == ("Dracula", {"There": 1}), forged
            assert news(success=False), forged


class TestRights:
    def test_who_may_not_change_the_junction_sees_its_rows_and_can_not_write_them(
        self, browser: Any, person: Any, book: Any, news: Any
    ) -> None:
        row = tie(book, "There", 1)
        tables = ["books", "tropes", "book_tropes", "authors", "series"]
        client = browser(person(read=tables, update=["books"]))
        html = client.get(url(BOOKS, "change", book)).content.decode()
        assert "There</a>" in html
        assert f"{PART}-{row.trope_id}-prominence" not in html
        assert "data-remove" not in html
        assert "data-add" not in html
        for forged in (
            rows(row) | {f"{PART}-{row.trope_id}-prominence": "5"},
            rows(row) | {f"{PART}-{row.trope_id}-remove": "on"},
            new("x1", trope("Added")),
        ):
            news()
            answer = client.post(url(BOOKS, "change", book), page_form(client, book) | forged)
            assert answer.status_code in {200, 403, 400}
            assert tropes_of(book) == {"There": 1}
            assert news(success=False)
            models.Trope.objects.filter(name="Added").delete()

    def test_who_may_not_read_the_junction_sees_nothing_of_it(
        self, browser: Any, person: Any, book: Any
    ) -> None:
        tie(book, "There", 1)
        client = browser(person(read=["books", "tropes"], update=["books"]))

        assert PART not in client.get(url(BOOKS, "change", book)).content.decode()

    def test_a_read_only_column_is_shown_and_not_set(self, browser: Any, editor: Any, book: Any) -> None:
        row = tie(book, "There", 1)
        ColumnRule.objects.create(
            role=Group.objects.get(name="Editor"),
            table_id="book_tropes",
            column_name="prominence",
            access="read_only",
        )
        client = browser(editor)
        form = page_form(client, book)
        html = client.get(url(BOOKS, "change", book)).content.decode()
        assert f"{PART}-{row.trope_id}-prominence" not in html

        client.post(url(BOOKS, "change", book), form | rows(row) | {f"{PART}-{row.trope_id}-prominence": "5"})

        assert tropes_of(book) == {"There": 1}

    def test_a_hidden_column_is_nowhere(self, browser: Any, editor: Any, book: Any) -> None:
        row = tie(book, "There", 4)
        ColumnRule.objects.create(
            role=Group.objects.get(name="Editor"),
            table_id="book_tropes",
            column_name="prominence",
            access="hidden",
        )
        client = browser(editor)
        form = page_form(client, book)
        junction = "/admin/catalog/booktrope/"
        pages = [url(BOOKS, "change", book), junction, f"{junction}{book.pk}:{row.trope_id}/change/"]

        for page in pages:
            assert "rominence" not in client.get(page).content.decode().split('id="content-main"')[1]
        assert client.get(f"{junction}?o=prominence").status_code == 400
        client.post(url(BOOKS, "change", book), form | rows(row) | {f"{PART}-{row.trope_id}-prominence": "5"})

        assert tropes_of(book) == {"There": 4}


class TestPage:
    def test_costs_the_same_however_many_rows(self, client: Any, book: Any) -> None:
        def count() -> int:
            with CaptureQueriesContext(connection) as queries:
                client.get(url(BOOKS, "change", book))
            return len(queries)

        tie(book, "First", 1)
        count()
        one = count()
        for number in range(60):
            tie(book, f"Trope {number}", 1)

        assert count() == one

    def test_shows_the_first_and_leads_to_all(self, client: Any, book: Any) -> None:
        for number in range(52):
            tie(book, f"Trope {number}")

        html = client.get(url(BOOKS, "change", book)).content.decode()

        assert html.count(f'name="{PART}-row"') == 50
        assert f"/admin/catalog/booktrope/?book_id={book.pk}" in html

    def test_leads_to_adding_where_the_record_itself_can_not_be_edited(self, client: Any) -> None:
        genre = models.Genre.objects.order_by("id")[0]

        html = client.get(url(registry.get("genres"), "change", genre)).content.decode()

        assert f"/admin/catalog/bookgenre/add/?genre_id={genre.pk}" in html
        assert "data-add" not in html

    def test_its_read_is_audited(self, client: Any, book: Any, news: Any) -> None:
        tie(book, "There", 1)
        news()

        client.get(url(BOOKS, "change", book))

        assert [(e.operation, e.record_count) for e in news(table_name="book_tropes")] == [("QUERY", 1)]

    def test_every_junction_has_its_part_at_both_ends(self, client: Any) -> None:
        parts = {
            "books": ["Genres", "Tropes"],
            "characters": ["Scenes", "Timeline events"],
            "scenes": ["Characters"],
            "series": ["Genres"],
            "timeline_events": ["Characters"],
            "tropes": ["Books"],
            "genres": ["Series", "Books"],
            "authors": [],
        }
        for name, titles in parts.items():
            table = registry.get(name)

            page = client.get(url(table, "change", made(table)))

            assert [part.title for part in page.context["junction_parts"]] == titles, name
