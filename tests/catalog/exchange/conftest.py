"""A folder of exports for each test, and somebody who may export and import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from accesscontrol.actor import Actor, Channel
from audit import plans
from catalog.exchange.services import Imported, import_records


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where exports go in this test."""
    settings.EXPORT_DIR = tmp_path / "exports"
    return settings.EXPORT_DIR


@pytest.fixture
def manager(db: None) -> Actor:
    """A data manager, who exports and imports."""
    user = User.objects.create_user("dora", password="correct horse")
    user.groups.add(Group.objects.get(name="Data manager"))
    return Actor(user, Channel.COMMAND)


Import = Callable[..., Imported]


@pytest.fixture
def imported(manager: Actor, monkeypatch: pytest.MonkeyPatch) -> Import:
    """Return a function that imports text as the data manager, who needs no plans here."""
    monkeypatch.setattr(plans, "require", lambda *_: None)

    def run(table: Any, text: str | bytes, format_: str = "csv", **options: Any) -> Imported:
        source = text.encode() if isinstance(text, str) else text
        return import_records(
            **{"actor": manager, "table": table, "format": format_, "source": source, **options}
        )

    return run
