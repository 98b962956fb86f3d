"""What the tests that make thousands of calls have."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.db import connection

from tests import databases


@pytest.fixture
def unflushed() -> Iterator[None]:
    """Log no calls, and let commits that leave it to the session not wait for the disk: most calls are refused."""
    options = connection.settings_dict["OPTIONS"]
    before = dict(options)
    options["options"] = f"{options.get('options', '')} -c synchronous_commit=off"
    databases.disconnect()
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    databases.disconnect()
    options.clear()
    options.update(before)
