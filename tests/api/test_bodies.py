"""Bodies of requests: read however they come, and never more than there may be."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accesscontrol.actor import Actor
from catalog.models import Author

pytestmark = pytest.mark.django_db

AUTHORS = "/api/v1/authors/"
JSON = "application/json"


def in_chunks(body: bytes) -> dict[str, Any]:
    """Return what a server says of a body that came in chunks."""
    return {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "CONTENT_LENGTH": "",
        "wsgi.input_terminated": True,
        "wsgi.input": io.BytesIO(body),
    }


def test_json_in_chunks_is_read(api: Client) -> None:
    answer = api.post(AUTHORS, b"x", JSON, **in_chunks(b'{"name": "Jane Austen"}'))

    assert answer.status_code == 201, answer.content
    assert Author.objects.get().name == "Jane Austen"


def test_as_far_as_it_may_be_long(api: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    answer = api.post(AUTHORS, b"x", JSON, **in_chunks(b'{"name": "%s"}' % (b"J" * 100)))

    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")
    assert not Author.objects.exists()


def test_what_can_not_be_read_in_chunks_is_asked_for_with_its_length(api: Client, admin: Any) -> None:
    unread = {**in_chunks(b"{}"), "wsgi.input_terminated": False}
    assert api.post(AUTHORS, b"x", JSON, **unread).status_code == 411

    api.force_login(admin.user)
    form = api.post(
        "/api/v1/backups/upload/", b"x", "multipart/form-data; boundary=x", **in_chunks(b"--x--\r\n")
    )
    assert (form.status_code, form.json()["code"]) == (411, "LENGTH_REQUIRED")


def test_a_packed_one_is_not_taken_for_what_it_is_not(api: Client) -> None:
    answer = api.post(AUTHORS, b"{}", JSON, headers={"Content-Encoding": "gzip"})

    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED")


def test_nothing_is_written_for_another_host(
    editor: Actor, key: Callable[..., str], bearer: Callable[..., Client]
) -> None:
    program = bearer(key(editor, "insert"))

    answer = program.post(AUTHORS, {"name": "Jane Austen"}, JSON, headers={"Host": "elsewhere.example"})

    assert (answer.status_code, answer.json()["details"]) == (400, {"header": "Host"})
    assert not Author.objects.exists()
