"""Search in a large table, for words that many records have: in any order, and reading no more than it needs."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accesscontrol.actor import Actor
from catalog import models
from catalog.services import counting, finding, sampling, search
from catalog.services.search import Search
from tests.catalog.services import builders
from tests.catalog.services.builders import BOOKS

pytestmark = pytest.mark.django_db

BOOKS_OF_SHELF = 240
BEGINNING = 30  # what is counted, and read at most


@pytest.fixture(autouse=True)
def shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many books, as things are many here."""
    monkeypatch.setattr(counting, "CAP", BEGINNING)
    monkeypatch.setattr(search, "FEW", 10)
    author = builders.author()
    models.Book.objects.bulk_create(
        models.Book(author=author, title=_title(number), genre="Romance", word_count=number % 7 or None)
        for number in range(BOOKS_OF_SHELF)
    )
    # Nobody analyses what is not committed.
    monkeypatch.setattr(sampling, "_SIZE", f"({BOOKS_OF_SHELF} + 0 * length(%s))")


def _title(number: int) -> str:
    words = ["Volume", str(number), "red" if number % 2 else "green"]
    return " ".join([*words, *["storm"] * (number % 12 == 5), *["letter"] * (number >= 160)])


def _found(*words: str, order: str = "id") -> list[int]:
    """Return the keys that have all words in their title, as Python would find them."""
    rows = models.Book.objects.order_by(*order.split(","))
    return [book.pk for book in rows if set(words) <= set(book.title.split())]


@pytest.mark.parametrize("order", ["id", "-id", "-word_count,id"])
def test_finds_the_first_and_the_next_in_any_order(order: str) -> None:
    rows = models.Book.objects.order_by(*order.split(","))
    for words in (
        "Volume",
        "red",
        "letter",
        "letter green",
        "storm",
        "storm Volume",
        "storm letter",
        "red green",
        "17",
        "none",
    ):
        wanted = _found(*words.split(), order=order)
        if words == "17":  # the beginnings of numbers, and keys
            wanted = [b.pk for b in rows if b.title.split()[1].startswith("17") or b.pk == 17]

        found = Search(BOOKS, words)

        for start, size in ((0, 5), (5, 5), (0, 50), (100, 200)):
            assert found.first(rows, size, start=start) == wanted[start : start + size], (words, start)
        assert list(rows.filter(found.condition).values_list("pk", flat=True)) == wanted, words


def test_finds_the_same_among_rows_that_a_filter_leaves() -> None:
    rows = models.Book.objects.order_by("id")

    for narrow in (rows.filter(word_count=3), rows.filter(title__contains="letter"), rows.none()):
        wanted = [key for key in _found("red") if key in set(narrow.values_list("pk", flat=True))]
        assert Search(BOOKS, "red").first(narrow, 200) == wanted


@pytest.mark.parametrize("words", ["Volume", "letter"])
def test_of_many_the_number_is_an_estimate(words: str) -> None:
    number, is_estimate = Search(BOOKS, words).count(models.Book.objects.order_by("id"))

    assert is_estimate
    assert number > BEGINNING


@pytest.mark.parametrize("words", ["storm", "none", "red green"])
def test_of_few_the_number_is_exact(words: str) -> None:
    assert Search(BOOKS, words).count(models.Book.objects.order_by("id")) == (
        len(_found(*words.split())),
        False,
    )


def test_counts_exactly_what_a_filter_leaves_few_of() -> None:
    for few in (models.Book.objects.filter(title__contains="storm"), models.Book.objects.none()):
        wanted = few.filter(title__contains="red").count()
        assert Search(BOOKS, "red").count(few) == (wanted, False)
    assert Search(BOOKS, "red").count(models.Book.objects.exclude(word_count=3))[1]


def test_reads_the_rows_in_order_until_there_are_enough() -> None:
    rows = models.Book.objects.order_by("id")

    with CaptureQueriesContext(connection) as queries:
        found = Search(BOOKS, "volume 1")
        found.count(rows)
        found.first(rows, 5)

    assert not [query for query in queries if "WITH found" in query["sql"]]
    assert [f"LIMIT {BEGINNING})" in query["sql"] for query in queries][-1]


def test_asks_the_index_for_the_rare_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FAR_MORE", 5)

    with CaptureQueriesContext(connection) as queries:
        assert Search(BOOKS, "storm volume").first(models.Book.objects.order_by("id"), 50)

    asked = queries[-1]["sql"]
    assert 'search_vector("books"."title") @@ (SELECT public.search_prefix(\'storm\'))' in asked
    assert 'search_vector("books"."title") @@ (SELECT public.search_prefix(\'volume\'))' not in asked


def test_does_not_tell_of_hidden_columns() -> None:
    rows = models.Book.objects.order_by("id")
    whole, seen = Search(BOOKS, "romance"), Search(BOOKS.without({"genre"}), "romance")

    assert len(whole.first(rows, 5)) == 5
    assert seen.first(rows, 5) == []
    assert seen.count(rows) == (0, False)


def test_the_global_search_takes_those_that_the_sample_has(admin: Actor) -> None:
    models.Book.objects.filter(title__contains=" 1").update(deleted_at="2026-01-01T00:00:00Z")

    hits = finding.find(actor=admin, text="volume")

    assert len(hits) == finding.MAX_HITS
    assert all(hit.name.startswith("Volume") and " 1" not in hit.name for hit in hits)
    assert [hit.name for hit in finding.find(actor=admin, text="volume 229")] == [_title(229)]
