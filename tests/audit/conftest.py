"""What tests of the trail have beside the people of every test."""

from __future__ import annotations

import pytest

from audit import trail as trail_module
from audit.models import AuditLog
from tests.audit.entries import WRITTEN


@pytest.fixture
def rows(db: None) -> list[AuditLog]:
    """Six rows, oldest first."""
    for entry in WRITTEN:
        trail_module.record(entry)
    return list(AuditLog.objects.order_by("id"))
