"""Pages are packed as they travel; what shows a secret, a refusal and a file that is downloaded are not."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from accesscontrol.pages import SCRIPTS
from config.page_requests import Packing
from tests.faces.test_keys import filled

PACKS: dict[str, Any] = {"headers": {"accept-encoding": "gzip, br"}}
STYLES = "/static/dbadmin/tokens.css"


@pytest.fixture
def client(browser: Any, admin: Any) -> Client:
    found: Client = browser(admin)
    return found


def test_pages_and_what_they_load_are_packed_for_who_unpacks(client: Client) -> None:
    page, plain = client.get("/admin/", **PACKS), client.get("/admin/")

    assert page["Content-Encoding"] == "gzip"
    assert len(page.content) == int(page["Content-Length"]) < len(plain.content) / 3
    assert b"<h1" in gzip.decompress(page.content)
    assert not plain.has_header("Content-Encoding")
    assert "Accept-Encoding" in plain["Vary"]


def test_the_length_of_a_page_changes_by_chance(client: Client) -> None:
    lengths = {len(client.get("/admin/catalog/book/?q=nothing", **PACKS).content) for _ in range(12)}

    assert max(lengths) - min(lengths) > 20


def test_a_file_of_pages_is_packed_and_known_again_by_its_time(client: Client) -> None:
    file = client.get(STYLES, **PACKS)
    time = {"headers": {**PACKS["headers"], "if-modified-since": file["Last-Modified"]}}

    assert b":root" in gzip.decompress(b"".join(file))
    assert not file.has_header("ETag")
    assert client.get(STYLES, **time).status_code == 304


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("post", "/admin/catalog/author/import/", 400),
        ("get", "/admin/nowhere/", 404),
        ("get", "/admin/catalog/book/?status=none", 400),
    ],
)
def test_what_may_show_a_secret_or_repeats_what_was_sent_is_not(
    client: Client, method: str, path: str, status: int
) -> None:
    answer = getattr(client, method)(path, **PACKS)

    assert answer.status_code == status
    assert not answer.has_header("Content-Encoding")


def test_neither_is_a_new_key(client: Client) -> None:
    answer = client.post("/admin/keys/add/", filled(), **PACKS)

    assert b"dbas_" in answer.content
    assert not answer.has_header("Content-Encoding")


def test_nor_a_file_that_is_downloaded() -> None:
    def file(_request: HttpRequest) -> HttpResponse:
        headers = {"Content-Disposition": "attachment"}
        return HttpResponse(b"[1]" * 1000, content_type="application/json", headers=headers)

    answer = Packing(file)(RequestFactory().get("/admin/catalog/book/export/1/", **PACKS))

    assert not answer.has_header("Content-Encoding")


def test_pages_load_no_script_that_none_of_them_uses(client: Client) -> None:
    page = client.get("/admin/catalog/book/add/").content.decode()

    assert all(script in page for script in SCRIPTS)
    assert not any(script in page for script in ("xregexp", "urlify.js", "prepopulate.js"))
