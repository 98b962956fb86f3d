"""Search by words: what is found in a table, by which index, and by how many statements."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Value
from django.test.utils import CaptureQueriesContext

from catalog import registry
from catalog.services import search
from catalog.services.words import Begins
from tests.catalog.services import builders
from tests.catalog.services.builders import BOOKS, SCENES

pytestmark = pytest.mark.django_db


def found(text: str, *, title: str, **values: Any) -> bool:
    """Say whether a search of the books finds one of that title."""
    book = builders.book(title=title, **values)
    return BOOKS.model._default_manager.filter(search.matching(BOOKS, text), pk=book.pk).exists()


class TestMatching:
    @pytest.mark.parametrize(
        ("text", "title"),
        [
            ("pri", "Pride and Prejudice"),
            ("prejudice PRIDE", "Pride and Prejudice"),
            ("pride & prej", "Pride and Prejudice"),
            ("bronte", "Charlotte Brontë"),
            ("Brontë", "Charlotte Bronte"),
            ("Bronte\u0308", "Charlotte Brontë"),
            ("straße", "In der Straße"),
            ("o'neil", "Shaquille O'Neil"),
            ("jean-luc", "Jean Luc"),
            ("jane@ex", "jane@example.com"),
            ("/usr/lo", "/usr/local/bin"),
            ("3.1", "Version 3.14"),
            ("война", "Война и мир"),
            ("a:* | b", "A B"),
            ("'); drop", "Robert'); DROP TABLE books"),
        ],
    )
    def test_finds_words_by_their_beginnings(self, text: str, title: str) -> None:
        assert found(text, title=title)

    @pytest.mark.parametrize("text", ["ride", "pride zebra", "!!!", "-", "%", "_", "*", "\ud800"])
    def test_finds_nothing_else(self, text: str) -> None:
        assert not found(text, title="Pride and Prejudice")

    def test_finds_words_that_are_in_different_columns(self) -> None:
        assert found("emma roman", title="Emma", genre="Romance")

    def test_finds_a_record_by_its_number(self) -> None:
        book = builders.book(title="Emma")

        for text in (str(book.pk), f"#{book.pk}"):
            assert book in BOOKS.model._default_manager.filter(search.matching(BOOKS, text))
        assert not BOOKS.model._default_manager.filter(search.matching(BOOKS, "9" * 30)).exists()

    def test_finds_as_much_where_more_match_than_are_named_by_number(self, monkeypatch: Any) -> None:
        books = {builders.book(title=f"Emma {number}") for number in range(3)}
        monkeypatch.setattr(search, "FEW", 2)

        assert set(BOOKS.model._default_manager.filter(search.matching(BOOKS, "emma"))) == books

    def test_samples_asks_once_and_leaves_the_rest_to_the_numbers(self) -> None:
        builders.book(title="Emma")

        with CaptureQueriesContext(connection) as queries:
            condition = search.matching(BOOKS, "emma")
            list(BOOKS.model._default_manager.filter(condition))

        assert ["search_prefix" in query["sql"] for query in queries] == [True, True, False]

    def test_finds_everything_without_words(self) -> None:
        builders.book()

        assert BOOKS.model._default_manager.filter(search.matching(BOOKS, "  ")).exists()

    def test_does_not_tell_of_hidden_columns(self) -> None:
        book = builders.book(title="Emma", genre="Romance")
        seen = BOOKS.without({"genre"})

        assert not BOOKS.model._default_manager.filter(search.matching(seen, "romance")).exists()
        assert book in BOOKS.model._default_manager.filter(search.matching(seen, "emma"))

    @pytest.mark.parametrize("table", [t for t in registry.all_tables() if not t.append_only], ids=str)
    def test_reads_an_index_for_every_column(self, table: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass", [table.name]
            )
            indexes = " ".join(text for (text,) in cursor.fetchall())

        assert set(re.findall(r"search_vector\(\"?(\w+)\"?\)", indexes)) == set(search.searched(table))

    def test_the_index_is_what_the_condition_asks_for(self) -> None:
        rows = SCENES.model._default_manager.filter(Begins(F("title"), Value("storm"))).order_by()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = rows.explain()

        assert "scenes_search_idx" in plan
