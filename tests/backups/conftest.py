"""What the tests of backups have: a folder and a key of their own."""

from __future__ import annotations

import pytest

from backups import storage
from backups.storage import Storage

KEY = "the key of the tests, long enough to be one"
OLD_KEY = "the key before it, long enough to be one too"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    """The folder of the backups."""
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BACKUP_KEYS = [KEY]
    return settings.BACKUP_DIR


@pytest.fixture
def place(folder) -> Storage:
    """The place that the settings name."""
    return storage.configured()
