"""Answers to reads are packed where it pays, for whom unpacks, as representations of their own."""

from __future__ import annotations

import gzip

import pytest
from django.test import Client

from accesscontrol.api import packing
from catalog.models import Author

pytestmark = pytest.mark.django_db

GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
def address() -> str:
    """The address of a record that is large enough."""
    return f"/api/v1/authors/{Author.objects.create(name='Jane Austen', bio='b' * 5_000).pk}/"


def test_what_is_large_is_packed_for_whom_unpacks(api: Client, address: str) -> None:
    plain, packed = api.get(address), api.get(address, headers=GZIP)

    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert int(packed["Content-Length"]) == len(packed.content) < packing.LEAST_BYTES
    for answer in (plain, packed):
        assert "Accept-Encoding" in answer["Vary"]
    assert api.head(address, headers=GZIP)["Content-Length"] == packed["Content-Length"]


def test_what_is_small_or_refused_or_written_is_not(api: Client, address: str) -> None:
    small = api.get("/api/v1/authors/?limit=1&fields=name", headers=GZIP)
    refused = api.get(f"/api/v1/authors/?{'x' * 3_000}=1", headers=GZIP)
    written = api.patch(address, {"name": "J. Austen"}, "application/json", headers=GZIP)

    for answer in (small, refused, written):
        assert "Content-Encoding" not in answer
    assert "Accept-Encoding" in small["Vary"]


def test_a_packed_answer_has_a_tag_of_its_own_that_is_as_good(api: Client, address: str) -> None:
    plain, packed = api.get(address)["ETag"], api.get(address, headers=GZIP)["ETag"]
    assert plain != packed

    for tag in (plain, packed):
        known = api.get(address, headers={**GZIP, "If-None-Match": tag})
        assert (known.status_code, known["ETag"]) == (304, tag)
        assert "Accept-Encoding" in known["Vary"]
    changed = api.patch(address, {"name": "J. Austen"}, "application/json", headers={"If-Match": packed})
    assert changed.status_code == 200
    late = api.patch(address, {"name": "Jane"}, "application/json", headers={"If-Match": packed})
    assert late.status_code == 412
