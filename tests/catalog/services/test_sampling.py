"""Samples of tables: of which tables, of how many rows, and what they tell."""

from __future__ import annotations

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from catalog import models
from catalog.services import counting, sampling
from catalog.services.search import Search
from tests import databases
from tests.catalog.services import builders
from tests.catalog.services.builders import AUTHORS, BOOKS


@pytest.mark.django_db(transaction=True)
def test_tells_how_common_words_are_in_tables_that_are_known_to_be_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    author = builders.author(name="Ada Red")
    models.Book.objects.bulk_create(
        models.Book(
            author=author, title=f"Volume {number} {'red' if number % 2 else 'green'}", description="x" * 900
        )
        for number in range(400)
    )
    url = databases.url_of(connection.settings_dict["NAME"], settings.DATABASE_OWNER_URL)
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("ANALYZE public.books, public.authors")
    monkeypatch.setattr(counting, "CAP", 100)
    monkeypatch.setattr(sampling, "ROWS", 100)

    books, authors = sampling.look([(BOOKS, ["title"]), (AUTHORS, ["name"])], ["volume", "red"])

    assert (authors.looked, authors.expected, authors.is_of_many) == (0, 0, False)
    assert books.rows == 400
    assert 20 < books.looked < 300
    assert list(books.by_word) == [books.looked, books.found]
    assert books.found == pytest.approx(books.looked / 2, abs=5)
    assert books.expected == pytest.approx(200, abs=20)
    assert len(books.keys) == min(books.found, sampling.MAX_KEYS)
    assert books == sampling.look([(BOOKS, ["title"])], ["volume", "red"])[0]
    assert Search(BOOKS, "volume red").count(models.Book.objects.all()) == (books.expected, True)


@pytest.mark.django_db
def test_of_no_table_is_none() -> None:
    assert sampling.look([], ["word"]) == []


@pytest.mark.django_db
def test_ends_where_a_table_has_grown_since_it_was_analysed(monkeypatch: pytest.MonkeyPatch) -> None:
    author = builders.author()
    models.Book.objects.bulk_create(models.Book(author=author, title="Volume") for _ in range(400))
    monkeypatch.setattr(counting, "CAP", 10)
    monkeypatch.setattr(sampling, "ROWS", 50)
    monkeypatch.setattr(sampling, "_SIZE", "(50 + 0 * length(%s))")

    (books,) = sampling.look([(BOOKS, ["title"])], ["volume"])

    assert books.looked == 2 * sampling.ROWS
