"""The OpenAPI document: whole, and of what its reader may do alone."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from django.test import Client
from openapi_spec_validator import validate

from accesscontrol.actor import Actor
from catalog import registry
from tests.api.steps import without_paths

pytestmark = pytest.mark.django_db


FEW = {"books", "book_genres", "audit_logs"}  # a table of each kind: all are made alike


def is_of_few(path: str) -> bool:
    """Leave out most tables: the validator takes its time."""
    root = path.split("/")[3]
    return root in FEW or root not in {table.name for table in registry.all_tables()}


def operations(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(path, method) for path, methods in found["paths"].items() for method in methods}


def test_it_is_a_document_of_openapi_3_1_with_every_table(client: Client, admin: Actor) -> None:
    client.force_login(admin.user)

    found = client.get("/api/v1/openapi.json").json()

    validate(without_paths(found, is_of_few))
    for name, schema in found["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid(schema), name
        for column, part in schema.get("properties", {}).items():
            wrong = [each for each in part.get("examples", ()) if not jsonschema_rs.is_valid(part, each)]
            assert not wrong, (name, column)
    assert all(part["examples"] for part in found["components"]["schemas"]["Book"]["properties"].values())
    assert found["openapi"].startswith("3.1")
    for table in registry.all_tables():
        assert (f"/api/v1/{table.name}/", "get") in operations(found)
