"""A folder of exports for each test, and somebody who may export and import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from accesscontrol.actor import Actor, Channel


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
