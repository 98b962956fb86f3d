"""Records over REST: read, written, deleted and restored by their addresses."""

from __future__ import annotations

import pytest
from django.test import Client

from audit.models import AuditLog
from catalog.models import Author, Book
from tests.api.steps import following

pytestmark = pytest.mark.django_db


@pytest.fixture
def author() -> Author:
    return Author.objects.create(name="Jane Austen")


def test_a_record_is_added_found_changed_deleted_and_brought_back(api: Client, author: Author) -> None:
    made = api.post("/api/v1/books/", {"title": "Emma", "author_id": author.pk}, "application/json")
    assert made.status_code == 201
    address = made["Location"]
    assert address == f"http://testserver/api/v1/books/{made.json()['id']}/"

    found = api.get(address)
    assert found.json() == made.json()
    assert found["ETag"] == made["ETag"]

    changed = api.patch(address, {"description": "A Novel"}, "application/json")
    assert changed.json()["description"] == "A Novel"
    assert changed["ETag"] != found["ETag"]

    replaced = api.put(address, {"title": "Emma", "author_id": author.pk}, "application/json")
    assert replaced.json()["description"] is None

    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404
    assert api.get(f"{address}?include_deleted=true").status_code == 200
    assert api.post(f"{address}restore/", {}, "application/json").json()["deleted_at"] is None
    assert [row.channel for row in AuditLog.objects.filter(user_id="edith", operation="DELETE")] == ["api"]


def test_filters_find_records_page_by_page(api: Client, author: Author) -> None:
    for words in range(5):
        Book.objects.create(title=f"Book {words}", author=author, word_count=words)

    page = api.get("/api/v1/books/?word_count__gte=1&order_by=-word_count&limit=2&fields=title&count=exact")

    assert [record["title"] for record in page.json()["records"]] == ["Book 4", "Book 3"]
    assert page.json()["total"] == 4
    after = api.get(following(page))
    assert [record["title"] for record in after.json()["records"]] == ["Book 2", "Book 1"]


def test_the_addresses_of_pages_ask_what_the_page_asked(api: Client, author: Author) -> None:
    for number in range(3):
        Book.objects.create(title=f'é <"{number}>&=+', author=author)
    asked = {"title__like": 'é <"%', "fields": "title,id", "limit": "1"}

    page = api.get("/api/v1/books/", asked)
    after = api.get(following(page))
    skipped = api.get("/api/v1/books/", {**asked, "offset": "2"})

    assert [record["title"] for record in after.json()["records"]] == ['é <"1>&=+']
    first, before, _ = skipped["Link"].split(", ")
    assert api.get(first.partition(">")[0].removeprefix("<")).json()["records"] == page.json()["records"]
    assert before.endswith('&offset=1>; rel="prev"')


def test_one_who_saw_an_older_record_overwrites_nothing(api: Client, author: Author) -> None:
    address = f"/api/v1/authors/{author.pk}/"
    seen = api.get(address)["ETag"]
    api.patch(address, {"name": "J. Austen"}, "application/json")

    late = api.patch(address, {"name": "Jane A."}, "application/json", headers={"If-Match": seen})

    assert late.status_code == 412
    assert late.json()["code"] == "PRECONDITION_FAILED"
    assert late["Content-Type"] == "application/problem+json"
    assert api.get(address).json()["name"] == "J. Austen"
    assert api.get(address, headers={"If-None-Match": api.get(address)["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("titel=x", "Did you mean title?"),
        ("limit=0", "greater than or equal to 1"),
        ("limit=2&limit=3", "given twice"),
        ("word_count__gte=many", "must be an integer"),
        ("id__between=1", "id__between"),
        ('title__null=yes&where={"id": 1}', "title__null must be true or false"),
        ("where={", "must be JSON"),
        ("cursor=x", "not one that a page has given"),
        ("title__near=x", "title__near: there is no operator"),
    ],
)
def test_a_wrong_parameter_is_named(api: Client, query: str, words: str) -> None:
    answer = api.get(f"/api/v1/books/?{query}")

    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_strangers_are_asked_who_they_are(client: Client) -> None:
    answer = client.get("/api/v1/books/")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "AUTHENTICATION_REQUIRED"


def test_an_address_without_its_last_slash_leads_to_the_one_with_it(api: Client) -> None:
    answer = api.post("/api/v1/authors", {"name": "Anne Brontë"}, "application/json", follow=True)

    assert answer.status_code == 201
