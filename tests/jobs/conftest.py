from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from jobs.spool import Spool
from tests import databases


@pytest.fixture
def spool() -> Iterator[Spool]:
    """The messages of this test run, none at first."""
    shutil.rmtree(databases.SPOOL, ignore_errors=True)
    yield Spool(databases.SPOOL)
    shutil.rmtree(databases.SPOOL, ignore_errors=True)
