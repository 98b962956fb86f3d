"""Files are fetched whole or in parts, and never in parts of two files."""

from __future__ import annotations

import pytest
from django.test import Client

from catalog.models import Author
from jobs import running
from tests.api.steps import body

pytestmark = pytest.mark.django_db

EXPORTS = "/api/v1/exchange/exports/"
WHOLE = b"name\nJane Austen\n"


@pytest.fixture
def file(api: Client) -> str:
    """The address of a file of an export."""
    Author.objects.create(name="Jane Austen")
    begun = api.post(EXPORTS, {"table": "authors", "fields": ["name"]}, "application/json").json()
    running.run(begun["id"])
    return f"{EXPORTS}{begun['id']}/file/"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-3", 0, 3), ("bytes=5-", 5, 16), ("bytes=5-999", 5, 16), ("bytes=-4", 13, 16), ("bytes=-99", 0, 16)],
)  # fmt: skip
def test_a_part_is_sent_where_one_is_asked_for(
    api: Client, file: str, asked: str, first: int, last: int
) -> None:
    whole = api.get(file)
    assert (whole.status_code, whole["Accept-Ranges"], body(whole)) == (200, "bytes", WHOLE)

    part = api.get(file, headers={"Range": asked, "If-Range": whole["ETag"]})

    assert (part.status_code, part["Content-Range"]) == (206, f"bytes {first}-{last}/17")
    assert body(part, 206) == WHOLE[first : last + 1]
    assert int(part["Content-Length"]) == last + 1 - first
    assert (part["ETag"], part["Repr-Digest"]) == (whole["ETag"], whole["Repr-Digest"])


@pytest.mark.parametrize("asked", ["bytes=4-2", "bytes=0-1,4-5", "lines=0-1", "bytes=x-", "bytes=-", "0-1"])
def test_what_is_no_range_that_is_known_gets_the_whole(api: Client, file: str, asked: str) -> None:
    answer = api.get(file, headers={"Range": asked})

    assert (answer.status_code, body(answer)) == (200, WHOLE)


@pytest.mark.parametrize("asked", ["bytes=17-", "bytes=99-100", "bytes=-0"])
def test_a_part_behind_the_end_is_refused(api: Client, file: str, asked: str) -> None:
    answer = api.get(file, headers={"Range": asked})

    assert (answer.status_code, answer["Content-Range"]) == (416, "bytes */17")
    assert answer.json()["code"] == "RANGE_NOT_SATISFIABLE"


@pytest.mark.parametrize("seen", ['"another"', "Mon, 23 Nov 2026 12:00:00 GMT", "W/"])
def test_a_part_of_another_file_is_not_sent(api: Client, file: str, seen: str) -> None:
    seen += api.head(file)["ETag"] if seen == "W/" else ""

    answer = api.get(file, headers={"Range": "bytes=5-", "If-Range": seen})

    assert (answer.status_code, body(answer)) == (200, WHOLE)


def test_who_has_it_is_told_so_and_who_asks_only_gets_nothing_of_it(api: Client, file: str) -> None:
    asked = api.head(file, headers={"Range": "bytes=5-"})
    assert (asked.status_code, asked["Content-Length"], body(asked)) == (200, "17", b"")
    assert asked["Content-Disposition"].startswith("attachment; filename=")

    known = api.get(file, headers={"If-None-Match": asked["ETag"], "Range": "bytes=99-"})
    assert (known.status_code, known["ETag"]) == (304, asked["ETag"])
