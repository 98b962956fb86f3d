"""What tests of the REST API have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accesscontrol import keys
from accesscontrol.actor import Actor


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
