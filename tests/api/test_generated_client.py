"""A client that a tool has made of the OpenAPI document does a whole round: the document says what there is."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accesscontrol.actor import Actor
from tests.api.steps import without_paths

pytestmark = pytest.mark.django_db(transaction=True)

SCOPES = ("read", "insert", "update", "delete")
PATHS = ("/api/v1/authors/", "/api/v1/books/")  # a client of all tables takes half a minute to make


@pytest.fixture
def library(
    editor: Actor, key: Callable[..., str], bearer: Callable[..., Client], tmp_path: Path, monkeypatch: Any
) -> str:
    """Make a client as somebody would who has a key, and return the name of its package."""
    document = bearer(key(editor, *SCOPES)).get("/api/v1/openapi.json").json()
    document = without_paths(document, lambda path: path.startswith(PATHS))
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "config.yml").write_text("post_hooks: []\n", encoding="utf-8")
    made = subprocess.run(
        [
            str(Path(sys.executable).parent / "openapi-python-client"),
            "generate",
            "--path=openapi.json",
            "--config=config.yml",
            "--meta=none",
            "--output-path=made_of_the_document",
            "--fail-on-warning",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    return "made_of_the_document"


def test_a_whole_round(library: str, live_server: Any, editor: Actor, key: Callable[..., str]) -> None:
    package, models = importlib.import_module(library), importlib.import_module(f"{library}.models")
    with package.AuthenticatedClient(base_url=live_server.url, token=key(editor, *SCOPES)) as client:
        go_round(library, models, client)


def go_round(library: str, models: Any, client: Any) -> None:
    def call(name: str, *arguments: Any, **named: Any) -> Any:
        table = "books" if "books" in name else "authors"
        operation = importlib.import_module(f"{library}.api.{table}.{name}")
        return operation.sync_detailed(*arguments, client=client, **named)

    author = call("post_authors", body=models.AuthorInsert(name="Lewis Carroll")).parsed
    assert isinstance(author, models.Author)
    made = call("post_books", body=models.BookInsert(author_id=author.id, title="Alice", word_count=26432))
    assert (made.status_code, made.parsed.title, made.parsed.status) == (
        201,
        "Alice",
        models.BookStatus.DRAFT,
    )
    book = str(made.parsed.id)

    found = call("get_books_key", book)
    assert found.parsed.word_count == 26432
    page = call("get_books", word_count_gte=20000, limit=5).parsed
    assert [record.title for record in page.records] == ["Alice"]

    etag, change = found.headers["ETag"], models.BookChange(status=models.BookChangeStatus.PUBLISHED)
    assert call("patch_books_key", book, body=change, if_match=etag).parsed.status == "published"
    late = call("patch_books_key", book, body=models.BookChange(title="Lost"), if_match=etag)
    assert (late.status_code, late.parsed.code) == (412, "PRECONDITION_FAILED")

    assert call("delete_books_key", book).status_code == 204
    assert call("get_books_key", book).parsed.code == "NOT_FOUND"
    assert call("post_books_key_restore", book).parsed.title == "Alice"
