"""Limits over REST: told on every answer, kept for each key, user and address, and no way to fill the trail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from accesscontrol import limits, throttling
from accesscontrol.actor import Actor
from audit.models import AuditLog
from catalog.models import Author
from jobs import running
from tests import databases

pytestmark = pytest.mark.django_db

BOOKS = "/api/v1/books/"
AUTHORS = "/api/v1/authors/"


@pytest.fixture
def limit(settings: Any) -> Iterator[Callable[[str], None]]:
    """Return a function that sets limits, of which nothing is used yet."""

    def limit(text: str) -> None:
        throttling.forget()
        url = databases.url_of(connection.settings_dict["NAME"], django_settings.DATABASE_OWNER_URL)
        with psycopg.connect(url) as owner:
            owner.execute("DELETE FROM app.rate_bucket")
        settings.RATE_LIMITS = limits.read(text)

    yield limit
    throttling.forget()


def about(seconds: float) -> Any:
    """What is left of so many seconds when the test comes to look."""
    return pytest.approx(seconds, abs=8)


def test_every_answer_says_what_is_left(limit: Callable[[str], None], api: Client) -> None:
    limit("read=100/h user.read=60/h")

    for address, used in ((BOOKS, 1), (f"{BOOKS}7/", 2), (f"{BOOKS}?nonsense=1", 3)):
        found = api.get(address)
        assert found["RateLimit-Policy"] == '"user.read";q=60;w=3600, "address.read";q=400;w=3600'
        told = re.fullmatch(
            r'"user.read";r=(\d+);t=(\d+), "address.read";r=(\d+);t=(\d+)', found["RateLimit"]
        )
        assert told
        left, back_s, left_there, back_there_s = map(int, told.groups())
        assert (left, left_there) == (60 - used, 400 - used)
        assert about(60 * used) == back_s
        assert about(9 * used) == back_there_s


def test_who_comes_too_often_is_told_when_to_come_again(limit: Callable[[str], None], api: Client) -> None:
    limit("user.write=2/h")
    for name in ("Anne", "Emily"):
        assert api.post(AUTHORS, {"name": name}, "application/json").status_code == 201

    refused = api.post(AUTHORS, {"name": "Charlotte"}, "application/json")

    assert refused.status_code == 429
    assert refused["Content-Type"] == "application/problem+json"
    assert about(1_800) == int(refused["Retry-After"])
    assert refused["RateLimit"].startswith('"user.write";r=0;t=3')
    problem = refused.json()
    assert (problem["code"], problem["status"]) == ("RATE_LIMITED", 429)
    assert problem["details"] == {"limit": "user.write", "retry_after_s": about(1_800)}
    assert api.get(AUTHORS).json()["count"] == 2


def test_a_list_of_records_is_heavy(limit: Callable[[str], None], api: Client) -> None:
    limit("user.heavy=2/h")

    statuses = [api.post(AUTHORS, [{"name": f"A {n}"}], "application/json").status_code for n in range(3)]

    assert statuses == [201, 201, 429]
    assert api.post(AUTHORS, {"name": "B"}, "application/json").status_code == 201


def test_keys_of_one_user_have_limits_of_their_own_and_one_together(
    limit: Callable[[str], None], key: Callable[..., str], bearer: Callable[..., Client], editor: Actor
) -> None:
    clients = [bearer(key(editor)) for _ in range(3)]
    limit("read=2/h user.read=5/h")

    found = [[client.get(BOOKS).status_code for _ in range(3)] for client in clients]

    assert found == [[200, 200, 429], [200, 200, 429], [200, 429, 429]]


def test_rows_count(limit: Callable[[str], None], api: Client, admin: Actor) -> None:
    limit("rows=2k/h")
    people = [{"name": f"Author {n}"} for n in range(1_000)]
    for _ in range(3):
        assert api.post(AUTHORS, people, "application/json").status_code == 201

    refused = api.get(AUTHORS)

    assert refused.status_code == 429
    assert refused.json()["details"]["limit"] == "user.rows"
    assert about(1_800) == int(refused["Retry-After"])


def test_rows_of_an_export_count_once_it_is_sent(
    limit: Callable[[str], None], api: Client, admin: Actor
) -> None:
    Author.objects.bulk_create(Author(name=f"Author {n}") for n in range(1_500))
    limit("rows=1k/h")
    for _ in range(2):
        sent = api.get(f"{AUTHORS}export/")
        assert api.get(f"{AUTHORS}1/").status_code == 404
        assert len(b"".join(sent.streaming_content).splitlines()) == 1_501

    assert api.get(f"{AUTHORS}1/").status_code == 429


def test_rows_of_a_job_count_once_it_is_done(limit: Callable[[str], None], api: Client) -> None:
    Author.objects.bulk_create(Author(name=f"Author {n}") for n in range(1_500))
    limit("rows=1k/h")
    for _ in range(2):
        job = api.post("/api/v1/exchange/exports/", {"table": "authors"}, "application/json")
        assert job.status_code == 202
        running.run(job.json()["id"])

    assert api.get(f"{AUTHORS}1/").status_code == 429


def test_keys_that_are_no_good_are_counted_by_address(
    limit: Callable[[str], None], bearer: Callable[..., Client], key: Callable[..., str], editor: Actor
) -> None:
    good = bearer(key(editor))
    limit("login=3/h")
    guessing = bearer("dbk_none_such")

    assert [guessing.get(BOOKS).status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    assert good.get(BOOKS).status_code == 200
    assert Client().get(BOOKS).status_code == 401


def test_the_trail_tells_once_of_who_is_refused_again_and_again(
    limit: Callable[[str], None], api: Client
) -> None:
    limit("user.read=1/h")
    for _ in range(20):
        api.get(BOOKS)

    rows = AuditLog.objects.filter(error_code="RATE_LIMITED")
    assert [(row.user_id, row.operation, row.channel) for row in rows] == [("edith", "QUERY", "api")]


def test_without_limits_nothing_is_told(api: Client) -> None:
    found = api.get(BOOKS)

    assert not {"RateLimit", "RateLimit-Policy", "Retry-After"} & set(found.headers)
