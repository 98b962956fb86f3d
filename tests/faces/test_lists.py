"""Lists of records: filters, order, columns, pages, and the way back to them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape, unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models.expressions import RawSQL
from django.test.utils import CaptureQueriesContext

from accesscontrol.models import ColumnRule
from catalog import models, registry
from catalog.admin import columns
from tests.catalog.services import builders
from tests.faces.samples import form_of, url

pytestmark = pytest.mark.usefixtures("no_navigation")

BOOKS = registry.get("books")
LIST = url(BOOKS, "")


@pytest.fixture
def client(browser: Any, admin: Any) -> Any:
    return browser(admin)


@pytest.fixture
def shelf(db: None) -> dict[str, models.Book]:
    """Three books that differ in everything."""
    saga = builders.series(title="Saga")
    noon = datetime(2020, 5, 31, 12, tzinfo=UTC)
    return {
        "A": builders.book(title="A", status="draft", word_count=100, series=saga, description="Long ago"),
        "B": builders.book(title="B", status="editing", word_count=200, published_at=noon, genre="Sea story"),
        "C": builders.book(title="C 100%", status="published", word_count=None, genre="Sea_story"),
    }


def titles(page: Any) -> list[str]:
    """Return the first letter of each name in a list, from top to bottom."""
    found = re.findall(r'<th scope="row"[^>]*><a [^>]*>([^<]*)</a>', page.content.decode())
    return [unescape(name)[0] for name in found]


class TestFilters:
    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ("status=draft", "A"),
            ("status=draft&status=editing", "AB"),
            ("status__in=draft,published", "AC"),
            ("status__not=draft", "BC"),
            ("word_count__gte=100&word_count__lt=200", "A"),
            ("word_count=200&word_count__isnull=1", "BC"),
            ("series={series}", "A"),
            ("series__id__exact={series}", "A"),
            ("series_id={series}&series__isnull=1", "ABC"),
            ("series__isnull=1", "BC"),
            ("published_at__lte=2020-05-31", "B"),
            ("published_at__gt=2020-05-31", ""),
            ("published_at=2020-05-31", "B"),
            ("published_at__gte=2020-05-31T13:00", ""),
            ("title__contains=100%25", "C"),
            ("genre__contains=a_s", "C"),
            ("description__isnull=0", "A"),
            ("q=c", "C"),
            ("q=&status=", "ABC"),
        ],
    )
    def test_narrow_the_list(self, client: Any, shelf: Any, asked: str, found: str) -> None:
        page = client.get(f"{LIST}?{asked.format(series=shelf['A'].series_id)}")

        assert page.status_code == 200
        assert titles(page) == list(found)

    def test_say_what_is_on_and_lead_away_from_it(self, client: Any, shelf: Any) -> None:
        series = shelf["A"].series
        page = client.get(f"{LIST}?status=draft&status=planned&series={series.pk}&word_count__gte=5&o=-title")

        chips = [(chip.heading, chip.words, address) for chip, address in page.context["chips"]]
        assert {(heading, words) for heading, words, _ in chips} == {
            ("Status", "Draft, Planned"),
            ("Series", f"Saga (#{series.pk})"),
            ("Word count", "≥ 5"),
        }
        without_status = next(address for heading, _, address in chips if heading == "Status")
        assert set(parse_qs(without_status[1:])) == {"series", "word_count__gte", "o"}

    def test_have_a_control_for_each_column(self, client: Any, shelf: Any) -> None:
        page = client.get(f"{LIST}?status=draft&word_count__gte=5").content.decode()

        for name, field in BOOKS.columns.items():
            if name != "deleted_at":
                assert f"<legend>{field.verbose_name.capitalize() if name != 'id' else 'ID'}</legend>" in page
        assert '<input type="checkbox" name="status" value="draft" checked>' in page
        assert 'name="word_count__gte" value="5"' in page

    def test_that_no_control_shows_stay_when_others_are_applied(self, client: Any, shelf: Any) -> None:
        series = shelf["A"].series_id
        asked = (
            f"status__not=draft&word_count=100&word_count=200&genre=Sea&published_at__gte=2020-01-01T10:00"
            f"&series__isnull=0&author__id__exact=7&created_at__gte=2020-01-01&book_number=3&series={series}"
        )
        page = client.get(f"{LIST}?{asked}")

        assert sorted(page.context["kept_filters"]) == [
            ("genre", "Sea"),
            ("published_at__gte", "2020-01-01T10:00"),
            ("series__isnull", "0"),
            ("status__not", "draft"),
            ("word_count", "100"),
            ("word_count", "200"),
        ]
        facets = {facet.column: facet for facet in page.context["facets"]}
        assert [option.value for option in facets["author_id"].options if option.is_chosen] == ["7"]
        assert (facets["book_number"].least, facets["book_number"].greatest) == ("3", "3")
        assert facets["created_at"].least == "2020-01-01"

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ("titel=x", "Did you mean title"),
            ("title__regex=(", "can't be filtered by"),
            ("author__name=T", "can't be filtered by"),
            ("word_count=many", "must be an integer"),
            ("status=finished", "Allowed: planned, draft"),
            ("published_at__gte=soon", "ISO 8601"),
            ("title=%00", "can't store"),
            ("o=rating", "has no column"),
            ("o=description", "it may be long"),
            ("_columns=secret", "has no column"),
        ],
    )
    def test_that_make_no_sense_are_explained_and_audited(
        self, client: Any, news: Any, asked: str, words: str
    ) -> None:
        news()
        page = client.get(f"{LIST}?{asked}")

        assert page.status_code == 400
        assert words in unescape(page.content.decode())
        assert f'href="{LIST}"' in page.content.decode()
        assert [(row.operation, row.error_code) for row in news()] == [("QUERY", "VALIDATION_ERROR")]

    def test_that_make_no_sense_can_be_left_out_one_by_one(self, client: Any, shelf: Any) -> None:
        page = client.get(f"{LIST}?status=draft&rating=5&word_count=many&o=-title")

        first, second = page.context["faults"]
        assert (first.text, second.text) == ("rating=5", "word_count=many")
        assert first.address == "?status=draft&word_count=many&o=-title"
        assert page.context["rest"] == "?status=draft&o=-title"
        assert client.get(f"{LIST}{first.address}").status_code == 400
        assert client.get(f"{LIST}{page.context['rest']}").status_code == 200

    def test_know_no_hidden_column(self, browser: Any, editor: Any, shelf: Any) -> None:
        ColumnRule.objects.create(
            role=Group.objects.get(name="Editor"), table_id="books", column_name="word_count", access="hidden"
        )
        client = browser(editor)

        page = client.get(LIST).content.decode()
        asked = [
            client.get(f"{LIST}?{text}")
            for text in ("word_count__gte=150", "_columns=word_count", "o=word_count")
        ]

        assert "Word count" not in page
        assert "word_count" not in page
        assert [answer.status_code for answer in asked] == [400] * 3
        assert all("has no column" in answer.content.decode() for answer in asked)

    def test_that_take_too_long_end_with_a_page_that_says_so(
        self, client: Any, shelf: Any, news: Any, monkeypatch: Any, settings: Any
    ) -> None:
        slow = RawSQL("CASE WHEN pg_sleep(20) IS NULL THEN 0 ELSE 1 END", ())
        monkeypatch.setattr(columns, "loaded", lambda rows, *_: rows.annotate(slow=slow).filter(slow=1))
        settings.STATEMENT_TIMEOUT_S = 0.05
        news()

        page = client.get(f"{LIST}?status=draft")

        assert page.status_code == 503
        assert "it took too long" in page.content.decode()
        assert [(row.operation, row.error_code) for row in news()] == [("QUERY", "TIMEOUT")]

    def test_cost_the_same_however_many_rows_they_find(self, client: Any, shelf: Any) -> None:
        address = f"{LIST}?author={shelf['A'].author_id}&series__isnull=0&_columns=series,author,description"
        client.get(address)
        counts = []
        for _ in range(2):
            builders.book(author=shelf["A"].author, series=shelf["A"].series, description="x" * 500)
            with CaptureQueriesContext(connection) as queries:
                client.get(address)
            counts.append(len(queries))

        assert counts[0] == counts[1] <= 20


class TestColumns:
    def test_are_shown_as_chosen(self, client: Any, shelf: Any) -> None:
        page = client.get(f"{LIST}?_columns=genre&_columns=description").content.decode()

        assert re.findall(r'scope="col" class="column-(\w+)', page) == ["title", "genre", "description"]
        assert "Long ago" in page

    def test_of_long_texts_only_the_beginning_is_read(self, client: Any, shelf: Any) -> None:
        models.Book.objects.update(description="word " * 1000)
        with CaptureQueriesContext(connection) as queries:
            page = client.get(f"{LIST}?_columns=description").content.decode()

        assert "word word" in page
        assert "word " * 20 not in page
        lists = [q["sql"] for q in queries if "description" in q["sql"] and 'FROM "books"' in q["sql"]]
        assert lists
        assert all('LEFT("books"."description"' in sql for sql in lists)

    def test_are_sorted_by_a_click_on_the_heading(self, client: Any, shelf: Any) -> None:
        page = client.get(f"{LIST}?o=-title")

        assert titles(page) == ["C", "B", "A"]
        assert 'column-title name" aria-sort="descending"' in page.content.decode()
        assert titles(client.get(f"{LIST}?o=status,-id")) == ["A", "B", "C"]

    def test_a_reference_is_sorted_by_name(self, client: Any, shelf: Any) -> None:
        for letter, name in (("A", "Zola"), ("B", "Austen"), ("C", "Mann")):
            models.Author.objects.filter(pk=shelf[letter].author_id).update(name=name)

        assert titles(client.get(f"{LIST}?o=author")) == ["B", "C", "A"]


class TestPages:
    @pytest.fixture
    def many(self, monkeypatch: Any) -> list[str]:
        """More books than are counted, some of them alike in what they are ordered by."""
        monkeypatch.setattr("catalog.services.counting.CAP", 30)
        author = builders.author()
        models.Book.objects.bulk_create(
            models.Book(author=author, title=f"{number:03}", word_count=number % 7 or None)
            for number in range(60)
        )
        return [f"{number:03}" for number in range(60)]

    @pytest.mark.parametrize("order", ["", "o=-word_count", "o=word_count,-title", "o=status,title"])
    def test_of_a_large_table_are_walked_by_cursor_both_ways(
        self, client: Any, many: Any, order: str
    ) -> None:
        page = client.get(f"{LIST}?_size=25&{order}")
        forwards, pages = [], []
        while True:
            pages.append(names(page))
            forwards += pages[-1]
            if not (following := page.context["cl"].steps["next"]):
                break
            page = client.get(LIST + following)
        backwards = [pages[-1]]
        while previous := page.context["cl"].steps["previous"]:
            page = client.get(LIST + previous)
            backwards.append(names(page))

        assert sorted(forwards) == many
        assert len(pages) == 3
        assert backwards[-1] == pages[0]
        assert backwards[1] == pages[1]

    def test_of_a_search_that_finds_many_are_walked_alike(
        self, client: Any, many: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("catalog.services.sampling._SIZE", "(100 + 0 * length(%s))")
        page = client.get(f"{LIST}?_size=25&o=-word_count&q=0")
        found = names(page)
        assert "(an estimate)" in page.content.decode()
        while following := page.context["cl"].steps["next"]:
            with CaptureQueriesContext(connection) as queries:
                page = client.get(LIST + following)
            assert [query for query in queries if "AS near" in query["sql"]]
            found += names(page)

        assert sorted(found) == many
        assert found[:8] == [f"{number:03}" for number in range(0, 56, 7)]

    def test_of_a_large_table_say_that_the_total_is_an_estimate(self, client: Any, many: Any) -> None:
        page = client.get(f"{LIST}?_size=25").content.decode()

        assert "(an estimate)" in page
        assert 'aria-label="Page ' not in page

    def test_the_last_one_is_one_click_away(self, client: Any, many: Any) -> None:
        first = client.get(f"{LIST}?_size=25")
        last = client.get(LIST + first.context["cl"].steps["last"])

        assert names(last)[-1] == "059"
        assert last.context["cl"].steps["next"] is None

    def test_a_cursor_that_is_none_leads_to_the_beginning(self, client: Any, many: Any) -> None:
        page = client.get(f"{LIST}?_size=25&_after=forged")

        assert names(page)[0] == "000"
        assert "Here is its beginning." in page.content.decode()

    def test_in_an_order_by_a_name_elsewhere_end_where_counting_ends(self, client: Any, many: Any) -> None:
        page = client.get(f"{LIST}?_size=25&o=author&p=99")

        assert len(names(page)) == 25
        assert "Narrow the list to see the others." in page.content.decode()

    def test_of_a_small_table_have_numbers(self, client: Any) -> None:
        author = builders.author()
        models.Book.objects.bulk_create(models.Book(author=author, title=f"{n:03}") for n in range(30))

        page = client.get(f"{LIST}?_size=25&p=2")

        assert names(page) == ["025", "026", "027", "028", "029"]
        assert "26 to 30 of 30 books" in " ".join(page.content.decode().split())
        assert names(client.get(f"{LIST}?_size=25&p=99")) == names(page)

    @pytest.mark.parametrize(("size", "shown"), [("25", 25), ("100", 60), ("7", 50), ("x", 50)])
    def test_are_as_long_as_asked(self, client: Any, size: str, shown: int) -> None:
        author = builders.author()
        models.Book.objects.bulk_create(models.Book(author=author, title="Same") for _ in range(60))

        assert len(names(client.get(f"{LIST}?_size={size}"))) == shown


class TestWayBack:
    def test_a_save_leads_back_to_the_list_as_it_was(self, client: Any, shelf: Any) -> None:
        asked = "status=draft&status=editing&o=-title&_columns=genre&_columns=word_count"
        link = re.search(
            r'<th scope="row"[^>]*><a href="([^"]*)"', client.get(f"{LIST}?{asked}").content.decode()
        )
        assert link
        form = form_of(BOOKS, models.Book.objects.get(pk=shelf["A"].pk)) | {"genre": "Other"}

        answer = client.post(unescape(link[1]), form)

        assert answer.status_code == 302
        assert parse_qs(urlsplit(answer.url).query) == parse_qs(asked)

    @pytest.mark.parametrize("page", ["change", "delete"])
    def test_a_page_of_a_record_links_back_to_the_list_as_it_was(
        self, client: Any, shelf: Any, page: str
    ) -> None:
        asked = urlencode({"_changelist_filters": "status=draft&status=editing&q=a"})

        shown = client.get(f"{url(BOOKS, page, shelf['A'])}?{asked}").content.decode()

        assert f'href="{LIST}?status=draft&amp;status=editing&amp;q=a"' in shown

    def test_a_deletion_leads_back_to_the_list_as_it_was(self, client: Any, shelf: Any) -> None:
        asked = urlencode({"_changelist_filters": "status=draft&status=editing&q=a"})

        answer = client.post(f"{url(BOOKS, 'delete', shelf['A'])}?{asked}", {"post": "yes"})

        assert answer.url == f"{LIST}?status=draft&status=editing&q=a"

    def test_an_action_leads_back_to_the_list_as_it_was(self, client: Any, shelf: Any) -> None:
        form = {"action": "delete_chosen", "_selected_action": shelf["A"].pk, "post": "yes"}

        answer = client.post(f"{LIST}?status=draft&q=a", form)

        assert answer.url == f"{LIST}?status=draft&q=a"

    def test_an_action_touches_no_row_that_the_filters_leave_out(self, client: Any, shelf: Any) -> None:
        form = {
            "action": "delete_chosen",
            "select_across": "1",
            "_selected_action": shelf["A"].pk,
            "post": "yes",
        }

        client.post(f"{LIST}?status=draft", form)

        assert [book.title for book in models.Book.objects.filter(deleted_at=None).order_by("id")] == [
            "B",
            "C 100%",
        ]

    @pytest.mark.parametrize("key", ["x", "1;2", "99999999999999999999", "\0"])
    def test_an_action_on_what_is_no_key_is_refused(
        self, client: Any, shelf: Any, news: Any, key: str
    ) -> None:
        news()
        page = client.post(LIST, {"action": "delete_chosen", "_selected_action": [shelf["A"].pk, key]})

        assert page.status_code == 400
        assert [row.error_code for row in news()] == ["VALIDATION_ERROR"]

    def test_an_action_without_rows_says_so(self, client: Any, shelf: Any) -> None:
        page = client.post(LIST, {"action": "delete_chosen", "index": "0"}, follow=True)

        assert "Items must be selected" in page.content.decode()


class TestNothing:
    def test_to_show_says_what_to_do(self, client: Any) -> None:
        assert "Add the first" in client.get(LIST).content.decode()

    def test_that_matches_leads_to_everything(self, client: Any, shelf: Any) -> None:
        page = client.get(f"{LIST}?status=archived&o=title").content.decode()

        assert "Nothing matches." in page
        assert f'href="{escape("?o=title")}">See everything' in page

    def test_in_the_trash(self, client: Any, shelf: Any) -> None:
        page = client.get(f"{LIST}?trash=1").content.decode()

        assert "The trash is empty." in page


def names(page: Any) -> list[str]:
    """Return the names in a list, from top to bottom."""
    return re.findall(r'<th scope="row"[^>]*><a [^>]*>([^<]*)</a>', page.content.decode())
