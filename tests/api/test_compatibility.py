"""Programs that were made for this version of the API go on working: what would break them is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accesscontrol.actor import Actor
from config import api_changes, openapi
from config.management.commands import api_reference

pytestmark = pytest.mark.django_db

Document = dict[str, Any]
BOOKS = "/api/v1/books/"
PAIRS: list[tuple[Callable[[Document], Any], str]] = [
    (lambda d: d["paths"].pop(BOOKS), "GET /api/v1/books/ is gone"),
    (lambda d: d["paths"][BOOKS].pop("post"), "POST /api/v1/books/ is gone"),
    (lambda d: d["paths"][BOOKS]["get"]["parameters"].pop(), "is gone"),
    (lambda d: schema(d, "Book")["properties"].pop("title"), "Book.title is gone"),
    (lambda d: schema(d, "Book")["required"].remove("title"), "Book.title may be left out"),
    (
        lambda d: schema(d, "Book")["properties"]["status"]["enum"].remove("draft"),
        "draft is none of its values",
    ),
    (lambda d: schema(d, "BookInsert")["required"].append("genre"), "BookInsert.genre is wanted"),
    (
        lambda d: schema(d, "BookInsert")["properties"]["genre"].update(type=["null"]),
        "string is taken no more",
    ),
    (lambda d: schema(d, "Book")["properties"]["title"].update(type=["string", "null"]), "null is new"),
    (
        lambda d: schema(d, "BookInsert")["properties"]["title"].update(maxLength=10),
        "its maxLength is 10 now",
    ),
    (lambda d: schema(d, "BookInsert")["properties"]["title"].update(minLength=1), "its minLength is 1 now"),
    (lambda d: schema(d, "BookInsert")["properties"]["title"].update(pattern="x"), "its pattern is another"),
    (lambda d: sent(d)["anyOf"].pop(), "one of its forms is taken no more"),
    (
        lambda d: d["paths"][BOOKS]["get"]["responses"]["200"]["headers"].pop("Link"),
        "GET /api/v1/books/: 200: the header Link is gone",
    ),
    (lambda d: d["components"]["headers"]["ETag"].update(required=False), "the header ETag may be left out"),
    (
        lambda d: d["components"]["responses"]["TooManyRequests"]["headers"].pop("Retry-After"),
        "429: the header Retry-After is gone",
    ),
]


def sent(document: Document) -> Any:
    return document["paths"][BOOKS]["post"]["requestBody"]["content"]["application/json"]["schema"]


def schema(document: Document, name: str) -> Any:
    return document["components"]["schemas"][name]


@pytest.fixture(scope="module")
def kept() -> Document:
    text = (Path(settings.BASE_DIR) / "docs" / "openapi.json").read_text(encoding="utf-8")
    document: Document = json.loads(text)
    return document


def test_nothing_breaks_programs_but_with_a_new_major_version(kept: Document, admin: Actor) -> None:
    now = openapi.document(admin)

    if now["info"]["version"].split(".")[0] == kept["info"]["version"].split(".")[0]:
        assert api_changes.breaking(kept, now) == []
    assert api_reference.snapshot(now) == api_reference.snapshot(kept), "run `manage.py api_reference`"


@pytest.mark.parametrize(("change", "told"), PAIRS, ids=[told for _, told in PAIRS])
def test_what_breaks_is_told(kept: Document, change: Callable[[Document], Any], told: str) -> None:
    new = copy.deepcopy(kept)
    change(new)

    assert told in "\n".join(api_changes.breaking(kept, new))
    assert api_changes.breaking(kept, kept) == []


def test_what_is_new_is_noted_and_what_breaks_is_refused(
    kept: Document, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = openapi.document(api_reference.administrator())
    monkeypatch.setattr(openapi, "document", lambda _: made)  # once for all that follows
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()
    snapshot, changes = tmp_path / "docs" / "openapi.json", tmp_path / "docs" / "api-changes.md"
    with pytest.raises(CommandError, match="stale"):
        call_command("api_reference", check=True)
    call_command("api_reference")
    call_command("api_reference", check=True)

    less = copy.deepcopy(kept)
    del less["paths"][BOOKS]["post"]
    del schema(less, "NewBackup")["properties"]["compress"]
    del less["components"]["responses"]["Unauthorized"]["headers"]["WWW-Authenticate"]
    snapshot.write_text(json.dumps(less), encoding="utf-8")
    call_command("api_reference")
    assert (
        "- New: NewBackup.compress.\n- New: POST /api/v1/books/.\n- New: the header WWW-Authenticate.\n"
        in changes.read_text(encoding="utf-8")
    )

    more = copy.deepcopy(kept)
    more["paths"]["/api/v1/more/"] = more["paths"][BOOKS]
    snapshot.write_text(json.dumps(more), encoding="utf-8")
    with pytest.raises(CommandError, match="GET /api/v1/more/ is gone"):
        call_command("api_reference")
