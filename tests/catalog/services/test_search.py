"""Search by words: what is found in lists and in all tables, for whom, and by which index."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import F, Value
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired
from accesscontrol.models import CatalogTable, ColumnRule
from audit.models import AuditLog
from catalog import registry
from catalog.services import columns, search
from catalog.services.search import Begins
from tests.catalog.services import builders
from tests.catalog.services.builders import AUTHORS, BOOKS, SCENES

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
        monkeypatch.setattr(search, "CAP", 2)

        assert set(BOOKS.model._default_manager.filter(search.matching(BOOKS, "emma"))) == books

    def test_asks_once_and_leaves_the_rest_to_the_numbers(self) -> None:
        builders.book(title="Emma")

        with CaptureQueriesContext(connection) as queries:
            condition = search.matching(BOOKS, "emma")
            list(BOOKS.model._default_manager.filter(condition))

        assert ["search_vector" in query["sql"] for query in queries] == [True, False]

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


class TestFind:
    def test_finds_names_in_all_tables_the_best_first(self, admin: Actor) -> None:
        builders.book(title="The Emma Papers")
        builders.book(title="Emma")
        builders.character(name="Emma Woodhouse")

        hits = search.find(actor=admin, text="emma")

        assert [(hit.table.name, hit.name) for hit in hits] == [
            ("books", "Emma"),
            ("books", "The Emma Papers"),
            ("characters", "Emma Woodhouse"),
        ]

    def test_keeps_to_the_tables_that_one_may_read(self, granted: Callable[..., Actor]) -> None:
        builders.book(title="Emma")
        builders.author(name="Emma Smith")

        assert {hit.table for hit in search.find(actor=granted(read=["authors"]), text="emma")} == {AUTHORS}
        assert search.find(actor=granted(), text="emma") == []

    def test_leaves_out_the_trash_and_hidden_names(self, make_reader: Callable[..., Actor]) -> None:
        builders.book(title="Emma", deleted_at="2026-01-01T00:00:00Z")
        builders.author(name="Emma Smith")
        reader = make_reader("books", "authors", authors="name")

        assert columns.shown(reader, AUTHORS).title_column is None
        assert search.find(actor=reader, text="emma") == []

    def test_says_what_a_record_belongs_to_where_one_may_know(
        self, admin: Actor, granted: Callable[..., Actor]
    ) -> None:
        builders.book(title="Emma", author=builders.author(name="Jane Austen"))

        assert [hit.within for hit in search.find(actor=admin, text="emma")] == ["Jane Austen"]
        assert [hit.within for hit in search.find(actor=granted(read=["books"]), text="emma")] == [None]

    def test_looks_at_names_alone(self, admin: Actor) -> None:
        builders.book(title="Emma", genre="Zarzuela")

        assert search.find(actor=admin, text="zarzuela") == []

    def test_is_one_statement_and_one_entry_of_the_trail(self, admin: Actor) -> None:
        builders.book(title="Emma")
        before = AuditLog.objects.count()

        with CaptureQueriesContext(connection) as queries:
            search.find(actor=admin, text="emma")

        assert len([q for q in queries if "search_vector" in q["sql"]]) == 1
        entry = AuditLog.objects.order_by("id").last()
        assert AuditLog.objects.count() == before + 1
        assert entry is not None
        assert (entry.operation, entry.table_name, entry.record_count) == ("QUERY", None, 1)

    def test_is_refused_to_strangers(self, db: None) -> None:
        with pytest.raises(AuthenticationRequired):
            search.find(actor=Actor(None, Channel.ADMIN), text="emma")


@pytest.fixture
def make_reader(db: None) -> Callable[..., Actor]:
    """Return a function that makes a reader of tables, with a column hidden: make_reader("books", books="title")."""

    def make(*tables: str, **hidden: str) -> Actor:
        group = Group.objects.create(name="readers")
        for table in tables:
            assign_perm("accesscontrol.read", group, CatalogTable.objects.get(name=table))
        for table, column in hidden.items():
            ColumnRule.objects.create(role=group, table_id=table, column_name=column, access="hidden")
        user = User.objects.create_user("rita", password="correct horse")
        user.groups.add(group)
        return Actor(user, Channel.COMMAND)

    return make
