"""What the tables are, over REST: as far as the caller may read."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from guardian.shortcuts import assign_perm

from accesscontrol.actor import Actor
from accesscontrol.models import CatalogTable
from audit.models import AuditLog
from tests.api.steps import hide

pytestmark = pytest.mark.django_db

SCHEMA = "/api/v1/schema/"


@pytest.fixture
def api(client: Client, viewer: Actor) -> Client:
    client.force_login(viewer.user)
    return client


def test_the_tables_are_listed_and_described(api: Client) -> None:
    listed = api.get(f"{SCHEMA}?pattern=book%25").json()
    names = {table["name"] for table in listed["tables"]}
    assert {"books", "book_genres"} <= names
    assert all(name.startswith("book") for name in names)
    assert listed["total"] == len(listed["tables"])

    assert "audit_logs" not in {table["name"] for table in api.get(SCHEMA).json()["tables"]}
    all_tables = api.get(f"{SCHEMA}?include_system_tables=true").json()["tables"]
    assert "audit_logs" in {table["name"] for table in all_tables}

    described = api.get(f"{SCHEMA}books/").json()
    assert described["primary_key"] == ["id"]
    assert "author_id" in {column["name"] for column in described["columns"]}
    columns = api.get(f"{SCHEMA}books/columns/").json()
    assert columns["columns"][0].keys() == {"name", "type"}
    assert "default" in api.get(f"{SCHEMA}books/columns/?include_metadata=true").json()["columns"][0]
    related = api.get(f"{SCHEMA}books/relationships/?depth=2").json()
    assert "scenes" in {path["to"] for path in related["paths"]}
    operations = set(AuditLog.objects.filter(channel="api").values_list("operation", flat=True))
    assert operations == {"LIST_TABLES", "GET_SCHEMA", "LIST_TABLE_COLUMNS", "GET_RELATIONSHIPS"}


@pytest.mark.parametrize(
    "address",
    ["books/relationships/?depth=4", "books/relationships/?depth=x", "books/columns/?include_metadata=1",
     "books/?colour=red", "?pattern=%5C", "?include_system_tables=yes"],
)  # fmt: skip
def test_a_wrong_parameter_is_refused(api: Client, address: str) -> None:
    assert api.get(SCHEMA + address).status_code == 400


def test_what_is_no_table_is_not_found(api: Client) -> None:
    answer = api.get(f"{SCHEMA}boks/columns/")

    assert answer.status_code == 404
    assert "Did you mean books" in answer.json()["message"]
    refused = AuditLog.objects.get(success=False)
    assert (refused.operation, refused.table_name) == ("LIST_TABLE_COLUMNS", "boks")


def test_nothing_hidden_is_told(client: Client, nobody: Actor) -> None:
    role = Group.objects.create(name="Readers of authors")
    assign_perm("accesscontrol.read", role, CatalogTable.objects.get(name="authors"))
    hide(role, "bio")
    nobody.user.groups.add(role)
    client.force_login(nobody.user)

    assert [table["name"] for table in client.get(SCHEMA).json()["tables"]] == ["authors"]
    for part in ("", "columns/", "relationships/"):
        assert client.get(f"{SCHEMA}books/{part}").status_code == 403
        answer = client.get(f"{SCHEMA}authors/{part}")
        assert answer.status_code == 200
        assert b"bio" not in answer.content
        assert b"author_id" not in answer.content
