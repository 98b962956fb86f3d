"""How long the files of exports, and those that people brought, are kept."""

from __future__ import annotations

import io
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accesscontrol.actor import Actor
from audit.models import AuditLog
from catalog import models
from catalog.exchange import retention, uploads
from catalog.exchange.services import export
from jobs import kinds, schedule
from jobs.progress import SILENT
from tests.catalog.services.builders import AUTHORS

NOW = timezone.now()


def aged(path: Path, days: float) -> Path:
    """Make a file look that old."""
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))
    return path


@pytest.fixture
def old(manager: Actor, folder: Path) -> Path:
    """An export of eight days ago, beside one of today and an older file that somebody put there to import."""
    gone, _kept = (
        export(actor=manager, table=AUTHORS, format="csv", limit=limit).export_file for limit in (1, 2)
    )
    (folder / "import_authors.csv").write_bytes(b"name\n")
    aged(folder / "import_authors.csv", 99)
    return aged(folder / gone, 8)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_exports_are_deleted_after_their_days_and_the_trail_names_them(
    manager: Actor, folder: Path, old: Path
) -> None:
    before = names(folder)

    assert retention.expire(actor=manager, now=NOW) == {"exports": 1, "uploads": 0}

    assert names(folder) == [name for name in before if name != old.name]
    assert models.Export.objects.filter(file_name=old.name).exists()  # what was made is still known
    row = AuditLog.objects.get(operation="PURGE")
    assert (row.table_name, row.record_count, row.user_id) == ("exports", 1, "dora")
    assert row.changes == {"files": {"old": [old.name], "new": []}, "uploads": {"old": 0, "new": 0}}
    assert retention.expire(actor=manager, now=NOW) == {"exports": 0, "uploads": 0}
    assert AuditLog.objects.filter(operation="PURGE").count() == 1


def test_with_no_days_they_stay(manager: Actor, folder: Path, old: Path, settings: Any) -> None:
    settings.EXPORT_DAYS = 0

    retention.expire(actor=manager, now=NOW)

    assert old.exists()


def test_none_is_deleted_that_the_trail_can_not_tell_of(
    manager: Actor, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("audit.work.Work.finish", fails)

    with pytest.raises(RuntimeError):
        retention.expire(actor=manager, now=NOW)
    assert old.exists()


def test_uploads_that_nobody_imported_and_what_was_interrupted_go_too(manager: Actor, folder: Path) -> None:
    def brought(text: bytes) -> uploads.Upload:
        return uploads.keep(actor=manager, table=AUTHORS, file_name="a.csv", source=io.BytesIO(text), now=NOW)

    left, fresh = brought(b"name\nAnn\n"), brought(b"name\nBob\n")
    left.note("terms", {})
    aged(folder / "uploads" / f"{left.base}.data", 2)
    for place in (folder, folder / "uploads"):
        (place / ".new-0123456789abcdef").write_bytes(b"half")

    assert retention.expire(actor=manager, now=NOW) == {"exports": 0, "uploads": 1}

    assert {path.name.split(".")[2] for path in (folder / "uploads").iterdir()} == {fresh.token}
    assert not list(folder.glob(".new-*"))
    assert AuditLog.objects.get(operation="PURGE").changes == {
        "files": {"old": [], "new": []}, "uploads": {"old": 1, "new": 0},
    }  # fmt: skip


def test_is_on_the_schedule(manager: Actor, old: Path) -> None:
    assert "Retention of exports" in schedule.install()

    result = kinds.get("expire_exports").run(manager, {}, SILENT)

    assert result == {"exports": 1, "uploads": 0}
    assert not old.exists()
