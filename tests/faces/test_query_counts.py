"""What pages cost in queries: held by a baseline file, and the same however many rows there are.

Who changes a page and means it writes the file anew: QUERY_COUNTS=write script/test tests/faces/test_query_counts.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog import registry
from catalog.services import records
from catalog.table import Table
from tests.faces.samples import made

BASELINE = Path(__file__).with_name("query_counts.json")
WRITES = os.environ.get("QUERY_COUNTS") == "write"
TABLES = [table for table in registry.all_tables() if not table.append_only]
MORE = 2  # rows that are added between the two looks

OF_EVERY_TABLE = ("changelist", "change")
OF_SOME = {
    "books": ("add", "delete", "history", "export", "import"),
    "book_tropes": ("add", "delete", "history"),
}
OF_THE_WHOLE = {
    "index": "admin:index",
    "search": "admin:search",
    "diagram": "admin:diagram",
    "profile": "admin:profile",
    "audit trail": "admin:audit_auditlog_changelist",
    "audit overview": "admin:audit_auditlog_overview",
    "jobs": "admin:jobs_job_changelist",
    "backups": "admin:backups_list",
    "users": "admin:auth_user_changelist",
    "roles": "admin:auth_group_changelist",
    "rights": "admin:rights",
    "why": "admin:rights_why",
}


def costs(client: Client, addresses: dict[str, str]) -> dict[str, int]:
    """Return how many queries each page takes."""
    found = {}
    for name, address in addresses.items():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200, address
        found[name] = len(queries)
    return found


def hold(name: str, counts: dict[str, int]) -> None:
    """Compare counts with the baseline, or write them there."""
    baseline = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    if WRITES:
        text = json.dumps({**baseline, name: counts}, indent=2, sort_keys=True)
        BASELINE.write_text(f"{text}\n", encoding="utf-8")
    else:
        assert counts == baseline.get(name), "see the top of tests/faces/test_query_counts.py"


def page(table: Table, name: str, record: models.Model) -> str:
    meta = table.model._meta
    key = ":".join(map(str, record.pk)) if isinstance(record.pk, tuple) else record.pk
    about = [] if name in ("changelist", "add", "export", "import") else [key]
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=about)


def surround(table: Table, record: models.Model) -> None:
    """Add rows to a table, and rows of all other tables that refer to the record."""
    for _ in range(MORE):
        if not table.read_only:
            made(table)
        for other in TABLES:
            for column, parent in other.foreign_keys.items():
                if parent == table.name and not other.read_only:
                    made(other, **{**_given(other, column), other.columns[column].name: record})


def _given(junction: Table, column: str) -> dict[str, models.Model]:
    """Return the ends of a junction that nobody makes, each time the next."""
    ends = {
        name: registry.get(junction.foreign_keys[name])
        for name in junction.key
        if name in junction.foreign_keys
    }
    number = junction.model._default_manager.count()
    return {
        junction.columns[name].name: end.model._default_manager.order_by("id")[number]
        for name, end in ends.items()
        if end.read_only and name != column
    }


@pytest.fixture
def client(browser: Callable[..., Client], admin: Any) -> Client:
    return browser(admin)


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_pages_of_a_table_cost_what_they_did_however_many_rows(
    client: Client, admin: Any, table: Table
) -> None:
    record = made(table)
    if not table.read_only and not table.junction and (column := table.title_column):
        records.update_records(actor=admin, table=table, data={column: "New"}, where={"id": record.pk})
    addresses = {name: page(table, name, record) for name in (*OF_EVERY_TABLE, *OF_SOME.get(table.name, ()))}
    surround(table, record)
    costs(client, addresses)  # from here on the process remembers what it does
    few = costs(client, addresses)

    surround(table, record)
    many = costs(client, addresses)

    assert many == few
    hold(table.name, few)


def test_other_pages_cost_what_they_did_however_many_rows(client: Client, person: Any) -> None:
    counts = []
    for _ in range(3):  # the first time, the process learns what it remembers
        for _ in range(MORE):
            made(registry.get("scenes"))
            person("Viewer", "Editor")
        client.get(reverse("admin:index"))  # rights have changed, and are read anew
        counts.append(costs(client, {name: reverse(address) for name, address in OF_THE_WHOLE.items()}))

    assert counts[1] == counts[2]
    hold("(other)", counts[1])
