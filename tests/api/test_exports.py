"""Exports over REST: sent as they come or made by a job, as far as rights go, and told of in the trail."""

from __future__ import annotations

import csv
import gzip
import io
import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from accesscontrol.actor import Actor
from catalog.exchange import streaming, writing
from catalog.models import Author, Export
from jobs import running
from tests.api.steps import body, hide, last

pytestmark = pytest.mark.django_db

EXPORT = "/api/v1/authors/export/"
EXPORTS = "/api/v1/exchange/exports/"
JSON = "application/json"
NAMES = ["Jane Austen", 'Anne "A." Brontë', "Mary\nShelley"]


@pytest.fixture
def authors() -> list[Author]:
    return Author.objects.bulk_create(Author(name=name, bio="bio") for name in NAMES)


def test_csv_holds_what_was_asked_for_and_the_trail_tells_of_it(api: Client, authors: list[Author]) -> None:
    answer = api.get(f"{EXPORT}?fields=name,bio&order_by=-name&limit=2&delimiter=;&name__ne=Nobody")

    assert answer["Content-Type"] == "text/csv"
    assert answer["Content-Disposition"] == 'attachment; filename="authors.csv"'
    rows = list(csv.reader(io.StringIO(body(answer).decode()), delimiter=";"))
    assert rows == [["name", "bio"], [NAMES[2], "bio"], [NAMES[0], "bio"]]
    told = last("EXPORT_CSV")
    assert (told.success, told.record_count, told.channel, told.table_name) == (True, 2, "api", "authors")


def test_each_format_holds_the_records_that_a_list_shows(api: Client, authors: list[Author]) -> None:
    listed = api.get("/api/v1/authors/").json()["records"]

    assert json.loads(body(api.get(f"{EXPORT}?format=json"))) == listed
    lines = body(api.get(EXPORT, headers={"Accept": "application/x-ndjson"})).splitlines()
    assert [json.loads(line) for line in lines] == listed
    assert body(api.get(f"{EXPORT}?format=xlsx")).startswith(b"PK")
    assert json.loads(body(api.get(f'{EXPORT}?format=json&where={{"name":"none"}}'))) == []
    assert [last(f"EXPORT_{name}").success for name in ("JSON", "XLSX")] == [True, True]


def test_it_is_packed_for_whom_unpacks(api: Client, authors: list[Author]) -> None:
    plain = api.get(EXPORT, headers={"Accept-Encoding": "br, gzip;q=0"})
    packed = api.get(EXPORT, headers={"Accept-Encoding": "br, gzip"})

    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert gzip.decompress(body(packed)) == body(plain)


@pytest.mark.parametrize(
    "query",
    ["format=sql", "fields=colour", "order_by=colour", "delimiter=x", "limit=0", "colour=red", "where={",
     "name__near=x", "include_deleted=1", "limit=1&limit=2", "cursor=x"],
)  # fmt: skip
def test_a_wrong_parameter_is_refused_before_anything_is_sent(api: Client, query: str) -> None:
    answer = api.get(f"{EXPORT}?{query}")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert (last("EXPORT_CSV").success, last("EXPORT_CSV").table_name) == (False, "authors")


def test_who_may_not_gets_nothing_and_nothing_hidden_leaks(
    client: Client, viewer: Actor, editor: Actor, authors: list[Author]
) -> None:
    client.force_login(viewer.user)
    assert client.get(EXPORT).status_code == 403
    assert client.post(EXPORTS, {"table": "authors"}, JSON).status_code == 403

    hide("Editor", "bio")
    client.force_login(editor.user)
    assert b"bio" not in body(client.get(EXPORT))
    for query in ("fields=bio", "order_by=bio", "bio=bio"):
        refused = client.get(f"{EXPORT}?{query}")
        assert refused.status_code == 400
        assert "bio" not in refused.json()["details"]["allowed"]


def test_another_method_is_not_there(api: Client) -> None:
    assert api.post(EXPORT, {}, JSON).status_code == 405
    assert api.head(EXPORT).status_code == 405


@pytest.mark.django_db(transaction=True)
class TestGoingAway:
    @pytest.fixture
    def many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rows enough for several blocks, and for the socket to fill up."""
        monkeypatch.setattr(writing, "BLOCK_BYTES", 10_000)
        Author.objects.bulk_create(Author(name=f"Author {n}", bio="b" * 1_000) for n in range(4_000))

    def running(self) -> list[str]:
        """Return the statements of this database that are at work, or wait in a transaction."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT query FROM pg_stat_activity WHERE datname = current_database()"
                " AND state <> 'idle' AND pid <> pg_backend_pid()"
            )
            return [query for (query,) in cursor.fetchall()]

    def told(self) -> int:
        """Return how many exports the trail tells of, as others see it: this connection is busy."""
        apart = connection.copy()
        try:
            with apart.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM audit_logs WHERE operation = 'EXPORT_CSV'")
                return int(cursor.fetchone()[0])
        finally:
            apart.close()

    def test_ends_the_statement_and_is_told_of(self, api: Client, many: None) -> None:
        answer = api.get(EXPORT)
        parts: Iterator[bytes] = iter(answer.streaming_content)
        assert next(parts)
        assert connection.in_atomic_block
        answer.close()

        assert not connection.in_atomic_block
        assert self.running() == []
        told = last("EXPORT_CSV")
        assert (told.success, told.error_code, told.table_name) == (False, "CONFLICT", "authors")
        assert Author.objects.count() == 4_000

    def test_who_has_the_whole_is_in_the_trail(self, api: Client, many: None) -> None:
        parts = iter(api.get(EXPORT).streaming_content)
        seen = [next(parts) for _ in range(3)]
        assert self.told() == 0
        seen += list(parts)

        assert last("EXPORT_CSV").record_count == 4_000
        assert b"".join(seen).count(b"\n") == 4_001

    def test_who_is_not_in_the_trail_gets_no_end(
        self, api: Client, many: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parts, seen = iter(api.get(EXPORT).streaming_content), io.BytesIO()

        def fail(*_: object) -> None:
            raise DatabaseError("no room for the trail")

        monkeypatch.setattr("audit.work.trail.record", fail)
        with pytest.raises(DatabaseError):
            seen.writelines(parts)

        assert b"Author 3000," in seen.getvalue()
        assert b"Author 3999," not in seen.getvalue()

    def test_who_is_too_slow_gets_no_end(
        self, api: Client, many: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = api.get(EXPORT)
        monkeypatch.setattr(streaming, "LONGEST_S", 0)

        with pytest.raises(Exception, match="took too long"):
            body(answer)
        assert last("EXPORT_CSV").error_code == "TIMEOUT"


def test_a_job_makes_a_file_that_its_owner_fetches(
    api: Client, authors: list[Author], writer: Actor, admin: Actor
) -> None:
    asked = {"table": "authors", "fields": ["name"], "where": {"name": NAMES[0]}, "order_by": ["-name"]}
    begun = api.post(EXPORTS, asked, JSON)
    assert (begun.status_code, begun["Retry-After"]) == (202, "1")
    running.run(begun.json()["id"])
    job = api.get(begun["Location"]).json()
    assert job["state"] == "done", job

    answer = api.get(job["links"]["file"])
    content = body(answer)
    assert content == b"name\nJane Austen\n"
    assert answer["Repr-Digest"] == f"sha-256=:{b64encode(sha256(content).digest()).decode()}:"
    assert int(answer["Content-Length"]) == len(content)
    assert Export.objects.get().row_count == 1

    for other in (writer, admin):
        api.force_login(other.user)
        assert api.get(job["links"]["file"]).status_code in {403, 404}


def test_a_file_is_not_fetched_by_whom_its_columns_are_hidden_from_now(
    api: Client, authors: list[Author]
) -> None:
    begun = api.post(EXPORTS, {"table": "authors"}, JSON).json()
    running.run(begun["id"])
    hide("Editor", "bio")

    assert api.get(f"{EXPORTS}{begun['id']}/file/").status_code == 403


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"table": "autors"}, 400),
        ({"table": "authors", "format": "sql"}, 400),
        ({"table": "authors", "fields": ["colour"]}, 400),
        ({"table": "authors", "where": {"colour": 1}}, 400),
        ({"table": "authors", "delimiter": "x"}, 400),
        ({}, 400),
        ([], 400),
    ],
)
def test_what_can_not_be_made_is_refused_at_once(api: Client, asked: Any, status: int) -> None:
    answer = api.post(EXPORTS, asked, JSON)

    assert answer.status_code == status
    assert not last("EXPORT_CSV").success


def test_a_job_of_something_else_has_no_file(api: Client) -> None:
    assert api.get(f"{EXPORTS}1/file/").status_code == 404
