"""The pages of the junction tables."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accesscontrol.models import ColumnRule
from catalog import models, registry
from catalog.table import Table
from tests.catalog.services import builders
from tests.faces.samples import made

pytestmark = pytest.mark.usefixtures("no_navigation")

BOOK_TROPES = registry.get("book_tropes")
JUNCTIONS = [table for table in registry.all_tables() if table.junction]


@pytest.fixture
def client(browser: Any, admin: Any) -> Any:
    return browser(admin)


def url(table: Table, page: str = "", row: Any = None) -> str:
    """Return the address of a page of a junction."""
    meta = table.model._meta
    key = f"{':'.join(map(str, row.pk))}/" if row else ""
    return f"/admin/{meta.app_label}/{meta.model_name}/{key}{f'{page}/' if page else ''}"


def tied(table: Table, **values: Any) -> Any:
    """Make a row of a junction, and what it ties together."""
    ends = {
        table.columns[column].name: made(registry.get(parent), is_bare=True)
        for column, parent in table.foreign_keys.items()
    }
    return table.model._default_manager.create(**{**ends, **values})


def trope_of(book: Any, name: str, prominence: int | None = None) -> Any:
    """Give a book a trope."""
    trope = models.Trope.objects.create(name=name)
    return models.BookTrope.objects.create(book=book, trope=trope, prominence=prominence)


@pytest.mark.parametrize("table", JUNCTIONS, ids=str)
class TestEachJunction:
    def test_is_listed_in_the_navigation_and_lists_its_rows_by_name(self, client: Any, table: Table) -> None:
        row = tied(table)

        page, first = (client.get(address).content.decode() for address in (url(table), "/admin/"))

        navigation = first.partition('<nav id="nav-sidebar"')[2].partition("</nav>")[0]
        assert f'href="{url(table)}"' in navigation
        for column in table.key:
            parent = getattr(row, table.columns[column].name)
            name = getattr(parent, "title", None) or parent.name
            assert f">{name}</a>" in page
        assert url(table, "change", row) in page

    def test_shows_a_row_and_removes_it(self, client: Any, table: Table, news: Any) -> None:
        row = tied(table)
        news()

        assert client.get(url(table, "change", row)).status_code == 200
        assert client.get(url(table, "delete", row)).status_code == 200
        assert table.model._default_manager.filter(pk=row.pk).exists()
        answer = client.post(url(table, "delete", row), {"sure": "yes"})

        assert answer["Location"] == url(table)
        assert not table.model._default_manager.filter(pk=row.pk).exists()
        (undo,) = re.findall(
            r'<a href="(/admin/[^"]*undo/[^"]*)">Undo', client.get(url(table)).content.decode()
        )
        assert client.get(undo).status_code == 200
        key = ":".join(map(str, row.pk))
        told = [(r.operation, r.record_id) for r in news(table_name=table.name)]
        assert told[:3] == [("QUERY", key), ("QUERY", key), ("BATCH_DELETE", key)]

    def test_adds_a_row(self, client: Any, table: Table, news: Any) -> None:
        row = tied(table)
        form = {column: getattr(row, column) for column in table.key}
        row.delete()
        news()

        answer = client.post(url(table, "add"), form)

        assert answer["Location"] == url(table)
        assert table.model._default_manager.filter(**form).exists()
        assert [r.operation for r in news(table_name=table.name)] == ["INSERT"]

    def test_is_closed_to_who_may_not(self, browser: Any, person: Any, table: Table, news: Any) -> None:
        row = tied(table)
        reader, stranger = browser(person(read=[table.name])), browser(person())
        news()

        assert reader.get(url(table)).status_code == 200
        pages = [
            stranger.get(url(table)),
            stranger.get(url(table, "change", row)),
            reader.get(url(table, "add")),
            reader.post(url(table, "add"), dict.fromkeys(table.key, 1)),
            reader.post(url(table, "change", row), {}),
            reader.get(url(table, "delete", row)),
            reader.post(url(table, "delete", row), {"sure": "yes"}),
            reader.post(url(table, "delete"), {"sure": "yes", "key": ":".join(map(str, row.pk))}),
        ]

        assert {page.status_code for page in pages} == {403}
        assert table.model._default_manager.filter(pk=row.pk).exists()
        refused = [(r.operation, r.error_code) for r in news(success=False)]
        assert refused == [
            (operation, "PERMISSION_DENIED")
            for operation in ["QUERY", "QUERY", "INSERT", "INSERT", "UPDATE", "DELETE", "DELETE", "DELETE"]
        ]
        page = reader.get(url(table)).content.decode()
        assert "add/" not in page.split('id="content-main"')[1]
        assert 'name="key"' not in page


class TestList:
    def test_narrows_to_a_record_and_to_words(self, client: Any) -> None:
        book = builders.book(title="Dracula")
        trope_of(book, "The hunt")
        trope_of(builders.book(title="Emma"), "The match", 5)

        def names(query: str) -> list[str]:
            rows = client.get(f"{url(BOOK_TROPES)}?{query}").context["rows"]
            return [row["name"] for row in rows]

        both = ["Dracula · The hunt", "Emma · The match"]
        assert names("") == both
        assert names(f"book_id={book.pk}") == both[:1]
        assert names("prominence=5") == both[1:]
        assert names("q=drac") == both[:1]
        assert names("q=match") == both[1:]
        assert names("q=nothing") == []
        assert names("o=-book_id") == both[::-1]

    def test_goes_to_the_next_page_and_back(self, client: Any) -> None:
        book = builders.book()
        tropes = models.Trope.objects.bulk_create([models.Trope(name=f"Trope {n}") for n in range(120)])
        models.BookTrope.objects.bulk_create([models.BookTrope(book=book, trope=t) for t in tropes])

        def turn(answer: Any, way: str) -> Any:
            return client.get(f"{url(BOOK_TROPES)}{answer.context[way]}")

        def keys(answer: Any) -> list[int]:
            return [row["ends"][1]["key"] for row in answer.context["rows"]]

        first = client.get(f"{url(BOOK_TROPES)}?o=-trope_id")
        second = turn(first, "next_page")
        third = turn(second, "next_page")

        assert keys(first) + keys(second) + keys(third) == sorted((t.pk for t in tropes), reverse=True)
        assert not third.context["next_page"]
        assert keys(turn(third, "previous_page")) == keys(second)
        back = turn(second, "previous_page")
        assert keys(back) == keys(first)
        assert not back.context["previous_page"]
        assert keys(turn(back, "next_page")) == keys(second)

    @pytest.mark.parametrize("order", ["prominence", "-prominence"])
    def test_pages_of_equal_and_missing_values_lose_no_row(self, client: Any, order: str) -> None:
        book = builders.book()
        tropes = models.Trope.objects.bulk_create([models.Trope(name=f"Trope {n}") for n in range(70)])
        models.BookTrope.objects.bulk_create(
            [models.BookTrope(book=book, trope=t, prominence=n % 3 or None) for n, t in enumerate(tropes)]
        )

        first = client.get(f"{url(BOOK_TROPES)}?o={order}").context
        second = client.get(f"{url(BOOK_TROPES)}{first['next_page']}").context
        back = client.get(f"{url(BOOK_TROPES)}{second['previous_page']}").context

        keys = [row["key"] for row in [*first["rows"], *second["rows"]]]
        assert len(set(keys)) == len(keys) == 70
        assert back["rows"] == first["rows"]

    def test_costs_the_same_however_many_rows(self, client: Any) -> None:
        trope_of(builders.book(), "One")
        client.get(url(BOOK_TROPES))
        with CaptureQueriesContext(connection) as one:
            client.get(url(BOOK_TROPES))
        for number in range(20):
            trope_of(builders.book(), f"Trope {number}")
        with CaptureQueriesContext(connection) as many:
            client.get(url(BOOK_TROPES))

        assert len(many) == len(one)

    def test_tells_no_name_that_is_hidden(self, browser: Any, editor: Any) -> None:
        scene = builders.scene(title="Told of nobody")
        models.CharacterScene.objects.create(scene=scene, character=builders.character(name="Mina"))
        ColumnRule.objects.create(
            role=Group.objects.get(name="Editor"), table_id="scenes", column_name="title", access="hidden"
        )
        appearances = registry.get("character_scenes")

        page = browser(editor).get(url(appearances)).content.decode()

        assert "Mina" in page
        assert f"Scene #{scene.pk}" in page
        assert "Told of nobody" not in page
        assert browser(editor).get(f"{url(appearances)}?q=told").context["rows"] == []

    def test_names_nothing_of_a_table_that_is_not_read(self, browser: Any, person: Any) -> None:
        trope_of(builders.book(title="Unread"), "Read")

        page = browser(person(read=["book_tropes", "tropes"])).get(url(BOOK_TROPES)).content.decode()

        assert "Read" in page
        assert "Unread" not in page
        found = browser(person(read=["book_tropes", "tropes"])).get(f"{url(BOOK_TROPES)}?q=unread")
        assert found.context["rows"] == []

    @pytest.mark.parametrize(
        "query",
        ["book_id=x", "prominence=x", "prominence=99999", "o=nothing", "after=forged", "book_id=1%00"],
    )
    def test_refuses_an_address_that_makes_no_sense(self, client: Any, query: str, news: Any) -> None:
        assert client.get(f"{url(BOOK_TROPES)}?{query}").status_code == 400
        assert [r.error_code for r in news(success=False)] == ["VALIDATION_ERROR"]

    def test_says_which_part_of_an_address_makes_no_sense(self, client: Any) -> None:
        page = client.get(f"{url(BOOK_TROPES)}?book_id=x&q=sea")

        assert page.context["faults"][0].address == "?q=sea"
        assert 'href="?q=sea"' in page.content.decode()

    def test_removes_the_chosen(self, client: Any, news: Any) -> None:
        book = builders.book()
        rows = [trope_of(book, name) for name in ("One", "Two", "Three")]
        chosen = {"key": [f"{row.book_id}:{row.trope_id}" for row in rows[:2]]}
        news()

        asked = client.post(url(BOOK_TROPES, "delete"), chosen)
        assert "Remove 2 rows?" in asked.content.decode()
        assert models.BookTrope.objects.count() == 3
        client.post(url(BOOK_TROPES, "delete"), {**chosen, "sure": "yes"})

        assert [row.trope_id for row in models.BookTrope.objects.all()] == [rows[2].trope_id]
        assert [(r.record_count) for r in news(operation="BATCH_DELETE")] == [2]


class TestForm:
    def test_proposes_the_words_that_are_usual(self, client: Any, browser: Any, person: Any) -> None:
        participants = registry.get("event_participants")
        row = tied(participants)
        proposed = 'id="words-event_participants-role"><option value="cause"'

        for page in (url(participants, "add"), url(participants, "change", row)):
            html = client.get(page).content.decode()
            assert proposed in html
            assert 'list="words-event_participants-role"' in html
        stranger = browser(person(read=["event_participants"], update=["event_participants"]))
        assert proposed not in stranger.get(url(participants, "change", row)).content.decode()

    def form(self, row: Any, prominence: str) -> dict[str, str]:
        """What a browser sends for a row whose page was just opened."""
        return {"row-prominence": prominence, "row-was": json.dumps({"prominence": row.prominence})}

    def test_saves_what_was_changed_and_goes_back_to_the_list_as_it_was(self, client: Any, news: Any) -> None:
        row = trope_of(builders.book(), "One", 2)
        news()

        back = "?_changelist_filters=o%3D-book_id"
        answer = client.post(f"{url(BOOK_TROPES, 'change', row)}{back}", self.form(row, "5"))

        assert answer["Location"] == f"{url(BOOK_TROPES)}?o=-book_id"
        row.refresh_from_db()
        assert row.prominence == 5
        (entry,) = news(operation="UPDATE")
        assert entry.record_id == f"{row.book_id}:{row.trope_id}"
        assert entry.changes["prominence"] == {"old": 2, "new": 5}

    def test_refuses_to_overwrite_what_somebody_else_changed_and_shows_it(
        self, client: Any, news: Any
    ) -> None:
        row = trope_of(builders.book(), "One", 2)
        form = self.form(row, "5")
        models.BookTrope.objects.update(prominence=3)
        news()

        answer = client.post(url(BOOK_TROPES, "change", row), form)

        assert "Prominence: 3" in str(answer.context["form"].errors["prominence"])
        row.refresh_from_db()
        assert row.prominence == 3
        assert [(r.operation, r.error_code) for r in news(success=False)] == [("UPDATE", "CONFLICT")]
        shown = answer.context["form"]
        again = {"row-prominence": "5", "row-was": shown["was"].value()}
        assert client.post(url(BOOK_TROPES, "change", row), again).status_code == 302
        row.refresh_from_db()
        assert row.prominence == 5

    def test_a_rule_of_the_table_stands_at_its_field(self, client: Any) -> None:
        row = trope_of(builders.book(), "One", 2)

        answer = client.post(url(BOOK_TROPES, "change", row), self.form(row, "6"))

        assert "prominence" in answer.context["form"].errors
        row.refresh_from_db()
        assert row.prominence == 2

    def test_a_row_that_is_there_is_refused_and_what_was_typed_stays(self, client: Any, news: Any) -> None:
        row = trope_of(builders.book(title="Typed"), "One")
        news()

        answer = client.post(url(BOOK_TROPES, "add"), {"book_id": row.book_id, "trope_id": row.trope_id})

        assert answer.status_code == 200
        assert f"Typed (#{row.book_id})" in answer.content.decode()
        assert [(r.operation, r.error_code) for r in news(success=False)] == [("INSERT", "DUPLICATE_KEY")]

    def test_refuses_a_forged_field(self, client: Any, browser: Any, editor: Any) -> None:
        row = trope_of(builders.book(), "One", 2)
        forged = self.form(row, "5") | {"row-created_at": "2020-01-01"}
        assert client.post(url(BOOK_TROPES, "change", row), forged).status_code == 400
        ColumnRule.objects.create(
            role=Group.objects.get(name="Editor"),
            table_id="book_tropes",
            column_name="prominence",
            access="read_only",
        )
        kept = browser(editor)
        assert 'name="row-prominence"' not in kept.get(url(BOOK_TROPES, "change", row)).content.decode()
        assert kept.post(url(BOOK_TROPES, "change", row), self.form(row, "5")).status_code == 400
        row.refresh_from_db()
        assert row.prominence == 2

    def test_a_row_that_is_gone_is_said_to_be(self, client: Any) -> None:
        row = trope_of(builders.book(), "One")
        address = url(BOOK_TROPES, "change", row)
        row.delete()

        assert client.get(address).status_code == 404

    def test_a_key_that_is_none_is_refused(self, client: Any) -> None:
        keys = ["nonsense", "1", "1:1:1", "0:0", f"1:{10**20}", "1:x", "\uff11:\uff12", "-1:1", "%00:1"]
        for key in keys:
            for page in ("change", "delete", "history"):
                assert client.get(f"{url(BOOK_TROPES)}{key}/{page}/").status_code in {400, 404}, (key, page)
