"""Groups of records over REST, and many records in the trash at once."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from accesscontrol.actor import Actor
from catalog.models import Author, Book
from tests.api.steps import following, hide, last

pytestmark = pytest.mark.django_db

BOOKS = "/api/v1/books/"
JSON = "application/json"


@pytest.fixture
def books() -> list[Book]:
    author = Author.objects.create(name="Jane Austen")
    return [
        Book.objects.create(author=author, title=title, status=status, word_count=words)
        for title, status, words in (
            ("Emma", "published", 160),
            ("Lady Susan", "draft", 25),
            ("Sanditon", "draft", 24),
        )
    ]


def test_groups_are_counted_and_summed_page_by_page(api: Client, books: list[Book]) -> None:
    measures = json.dumps({"books": {"fn": "count"}, "words": {"fn": "sum", "column": "word_count"}})
    asked = {
        "group_by": "status",
        "aggregate": measures,
        "order_by": "-words",
        "limit": "1",
        "count": "exact",
    }
    first = api.get(f"{BOOKS}groups/", asked)

    assert first.json()["records"] == [{"status": "published", "books": 1, "words": 160}]
    assert (first.json()["total"], first.json()["count"]) == (2, 1)
    assert api.get(following(first)).json()["records"] == [{"status": "draft", "books": 2, "words": 49}]
    assert api.get(f"{BOOKS}groups/").json()["records"] == [{"records": 3}]
    few = api.get(f"{BOOKS}groups/", {"aggregate": measures, "word_count__lt": "25"}).json()["records"]
    assert few == [{"books": 1, "words": 24}]
    assert last("QUERY").table_name == "books"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("group_by=mood", "no column 'mood'"),
        ('aggregate={"words":{"fn":"sum","column":"title"}}', "no meaning for title"),
        ("group_by=status&colour=red", "'colour'"),
        ("group_by=word_count", "no column 'word_count'"),
        ('aggregate={"words":{"fn":"sum","column":"word_count"}}', "no column 'word_count'"),
        ("group_by=status&order_by=word_count", "word_count"),
        ("group_by=status&word_count__gte=100", "no parameter or column 'word_count__gte'"),
    ],
)
def test_what_makes_no_group_is_refused_and_nothing_hidden_is_told(
    api: Client, books: list[Book], query: str, words: str
) -> None:
    hide("Editor", "word_count", table="books")

    answer = api.get(f"{BOOKS}groups/?{query}")

    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert "word_count" not in answer.json()["details"].get("allowed", [])


def test_many_are_taken_out_of_the_trash_at_once(api: Client, books: list[Book]) -> None:
    api.delete(BOOKS, [{"author_id": books[0].author_id}], JSON)
    assert api.get(BOOKS).json()["count"] == 0

    drafts = {"where": {"status": "draft"}}
    tried = api.post(f"{BOOKS}restore/", drafts, JSON, headers={"Prefer": "dry-run, return=minimal"})
    assert tried.json().keys() == {"restored", "change_id"}
    refused = api.post(f"{BOOKS}restore/?max_affected=1", drafts, JSON)
    assert refused.json()["code"] == "LIMIT_EXCEEDED"
    first, second = (
        api.post(f"{BOOKS}restore/", drafts, JSON, headers={"Idempotency-Key": "1"}) for _ in "12"
    )

    assert first.json() == second.json()
    assert [record["title"] for record in first.json()["records"]] == ["Lady Susan", "Sanditon"]
    assert first["Change-Id"] == first.json()["change_id"]
    assert api.get(BOOKS).json()["count"] == 2


def test_many_in_the_trash_go_for_good_by_whom_that_right_is(
    api: Client, client: Client, admin: Actor, books: list[Book]
) -> None:
    assert api.post(f"{BOOKS}purge/", {"where": {"status": "draft"}}, JSON).status_code == 403
    api.delete(f"{BOOKS}{books[1].pk}/")
    client.force_login(admin.user)

    gone = api.post(f"{BOOKS}purge/", {"where": {"status": "draft"}}, JSON)

    assert gone.json()["purged"] == 1
    assert sorted(Book.objects.values_list("title", flat=True)) == ["Emma", "Sanditon"]
    for body in ({}, {"where": {}}, {"where": {"status": "draft"}, "more": 1}, []):
        assert api.post(f"{BOOKS}purge/", body, JSON).status_code == 400
    assert api.post("/api/v1/authors/purge/", {"where": {"id": 1}}, JSON).status_code == 405
