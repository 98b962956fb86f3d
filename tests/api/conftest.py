"""What tests of the REST API have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test import Client

from accesscontrol import keys
from accesscontrol.actor import Actor
from config import openapi_headers

GENERAL = {
    "Allow", "Cache-Control", "Content-Encoding", "Content-Length", "Content-Type", "Vary",
    "Content-Language", "Content-Security-Policy", "Cross-Origin-Opener-Policy", "Referrer-Policy",
    "X-Content-Type-Options", "X-Frame-Options",
}  # fmt: skip
"""Headers that no document describes: of HTTP on any answer, and for browsers."""


@pytest.fixture(autouse=True)
def described_headers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Answers in all of these tests have the headers that the OpenAPI document promises, and no others."""
    wrong: list[str] = []
    answer = BaseHandler.get_response

    def answer_and_look(self: BaseHandler, request: HttpRequest) -> HttpResponseBase:
        found = answer(self, request)
        wrong.extend(misdescribed(request, found))
        return found

    monkeypatch.setattr(BaseHandler, "get_response", answer_and_look)
    yield
    assert not wrong, "\n".join(wrong)


def misdescribed(request: HttpRequest, answer: Any) -> Iterator[str]:
    """Yield the headers that an answer has, or has not, other than the document says."""
    view = getattr(getattr(request.resolver_match, "func", None), "view_class", None)
    method = "get" if request.method == "HEAD" else str(request.method).lower()
    described = getattr(getattr(view, method, None), "described", None)
    if described is None:
        return
    is_refused = answer.status_code >= 400
    known = (
        openapi_headers.refused(answer.status_code)
        if is_refused
        else openapi_headers.answered(described, answer.status_code)
    )
    name = f"{request.method} {request.path} ({answer.status_code})"
    yield from (f"{name}: {header} is not described" for header in answer.headers.keys() - known - GENERAL)
    yield from (
        f"{name}: no {header}" for header, is_sure in known.items() if is_sure and header not in answer
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where the files of exports and imports go in this test."""
    settings.EXPORT_DIR, settings.BACKUP_DIR = tmp_path / "exports", tmp_path / "backups"
    return tmp_path / "exports"


@pytest.fixture
def api(client: Client, editor: Actor) -> Client:
    """A client in a session of somebody who reads, writes, deletes and exports."""
    client.force_login(editor.user)
    return client


@pytest.fixture
def bearer() -> Callable[..., Client]:
    """Return a function that gives a program a client with a key or a token: bearer(text)."""

    def make(text: str, **how: Any) -> Client:
        return Client(headers={"Authorization": f"Bearer {text}"}, **how)

    return make


@pytest.fixture
def key(db: None) -> Callable[..., str]:
    """Return a function that makes a key of somebody's, and returns its text: key(writer, "read", "insert:books")."""

    def make(actor: Actor, *scopes: str, **how: Any) -> str:
        return keys.create(actor=actor, name="test", scopes=list(scopes or ("read",)), **how).text

    return make
