"""What tests of the trail have beside the people of every test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from audit import trail as trail_module
from audit.models import AuditLog
from tests.audit.entries import WRITTEN


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: pytest.FixtureRequest) -> None:
    """Make people quickly: a real hasher takes as long as all the rest of a test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def trail() -> Callable[..., list[AuditLog]]:
    """Return a function that returns the rows of the trail, oldest first."""
    return lambda **wanted: list(AuditLog.objects.filter(**wanted).order_by("id"))


@pytest.fixture
def broken_trail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL refuse every row of the trail."""
    real = trail_module.record
    monkeypatch.setattr(
        trail_module,
        "record",
        lambda entry, **how: real(replace(entry, operation="NO SUCH OPERATION"), **how),
    )


@pytest.fixture
def rows(db: None) -> list[AuditLog]:
    """Six rows, oldest first."""
    for entry in WRITTEN:
        trail_module.record(entry)
    return list(AuditLog.objects.order_by("id"))
