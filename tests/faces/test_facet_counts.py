"""How many records each value of a filter would find."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from accesscontrol.models import ColumnRule
from catalog import models, registry
from catalog.services import value_counts
from tests.faces.samples import made, url

BOOKS, THREADS = registry.get("books"), registry.get("plot_threads")


@pytest.fixture
def books(db: None) -> list[models.Book]:
    """Return four books that differ in status, and one in the trash."""
    found = []
    for status, title in (
        ("draft", "Sea"), ("draft", "Sea and land"), ("editing", "Sea"), ("published", "Land"), ("draft", "Gone")
    ):  # fmt: skip
        book = made(BOOKS)
        models.Book.objects.filter(pk=book.pk).update(status=status, title=title)
        found.append(book)
    models.Book.objects.filter(title="Gone").update(deleted_at="2026-01-01T00:00Z")
    return found


def counts(client: Any, query: str, column: str = "status") -> dict[str, int | None]:
    """Return what the filter of a column says: {value: count} of what is counted and not nothing."""
    page = client.get(f"{url(BOOKS, '')}?{query}")
    (facet,) = (facet for facet in page.context["facets"] if facet.column == column)
    return {option.value: option.count for option in facet.options if option.count != 0}


def test_each_value_says_how_many_it_would_find(browser: Any, admin: Any, books: Any) -> None:
    client = browser(admin)

    assert counts(client, "") == {"draft": 2, "editing": 1, "published": 1}
    assert '<span class="facet-count">2' in client.get(url(BOOKS, "")).content.decode()


def test_other_filters_words_and_the_trash_count_and_the_own_filter_does_not(
    browser: Any, admin: Any, books: Any
) -> None:
    client = browser(admin)

    assert counts(client, "status=draft") == {"draft": 2, "editing": 1, "published": 1}
    assert counts(client, "q=sea") == {"draft": 2, "editing": 1}
    assert counts(client, f"id__gte={books[2].pk}") == {"editing": 1, "published": 1}
    assert counts(client, f"status=draft&id__lte={books[0].pk}") == {"draft": 1}
    assert counts(client, "trash=1") == {"draft": 1}


def test_two_that_are_counted_narrow_each_other(browser: Any, admin: Any, db: None) -> None:
    for kind, status in (("main", "active"), ("main", "dropped"), ("romance", "active")):
        models.PlotThread.objects.filter(pk=made(THREADS).pk).update(thread_type=kind, status=status)

    page = browser(admin).get(f"{url(THREADS, '')}?thread_type=main&status=active")

    found = {
        option.value: option.count
        for facet in page.context["facets"]
        for option in facet.options
        if option.count
    }
    assert found == {"main": 1, "romance": 1, "active": 1, "dropped": 1}


def test_nothing_is_counted_of_what_is_hidden(browser: Any, editor: Any, books: Any) -> None:
    ColumnRule.objects.create(
        role=Group.objects.get(name="Editor"), table_id="books", column_name="status", access="hidden"
    )

    page = browser(editor).get(url(BOOKS, ""))

    assert "status" not in [facet.column for facet in page.context["facets"]]
    assert "facet-count" not in page.content.decode()


def test_more_than_are_counted_are_marked(browser: Any, admin: Any, books: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(value_counts, "MAX_ROWS", 3)

    page = browser(admin).get(url(BOOKS, ""))

    assert "or more" in page.content.decode()


def test_a_large_table_is_not_counted(browser: Any, admin: Any, books: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(value_counts, "SMALL", -1)

    assert set(counts(browser(admin), "").values()) == {None}


def test_json_that_is_always_there_has_no_heading_without_a_control(
    browser: Any, admin: Any, db: None
) -> None:
    people = registry.get("characters")
    page = browser(admin).get(f"{url(people, '')}?attributes__isnull=0")

    headings = [facet.column for facet in page.context["facets"]]
    assert "goals" in headings
    assert "attributes" not in headings
    assert ("attributes__isnull", "0") in page.context["kept_filters"]
