"""Every address says what it takes and answers, refuses strangers and other methods, and has no table's name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver
from guardian.shortcuts import assign_perm

from accesscontrol.actor import Actor
from accesscontrol.models import CatalogTable
from catalog import registry
from catalog.api.tables import TableView
from config import api
from tests.api.steps import hide

JSON = "application/json"
METHODS = ("get", "post", "put", "patch", "delete")
EXAMPLES = {"int": "1", "uuid": "019abcde-0000-7000-8000-000000000001", "str": "1"}
KINDS = {
    "books",
    "book_genres",
    "audit_logs",
}  # of tables: with a trash, with a key of two columns, read only


def addresses(patterns: list[Any] | None = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every address under /api/v1/ with its view class, but for the one that answers the rest."""
    for pattern in api.urls() if patterns is None else patterns:
        address = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, address)
        elif isinstance(pattern, URLPattern) and pattern.callback is not api.nowhere and address:
            yield address, getattr(pattern.callback, "view_class", None)


ALL = [
    (re.sub("<([a-z]+):[a-z_]+>", lambda found: EXAMPLES[found[1]], address), view)
    for address, view in addresses()
    if view is not None
]
TABLES = {table.name for table in registry.all_tables()}
FEW = [
    (address, view)
    for address, view in ALL
    if (root := address.partition("/")[0]) in KINDS or root not in TABLES
]


def methods_of(view: Any) -> list[str]:
    return [method for method in METHODS if method in view.http_method_names and hasattr(view, method)]


def test_every_method_of_every_address_is_described() -> None:
    assert len(ALL) > 29 * 4
    nameless = [
        f"{method.upper()} {address}"
        for address, view in ALL
        for method in methods_of(view)
        if not hasattr(getattr(view, method), "described") or not getattr(view, method).__doc__
    ]
    assert nameless == []
    for _, view in ALL:
        for described in (getattr(view, method).described for method in methods_of(view)):
            assert set(described.sends) <= set(described.answers), view


def test_no_root_is_the_name_of_a_table() -> None:
    roots: dict[str, set[Any]] = {}
    for address, view in ALL:
        roots.setdefault(address.partition("/")[0], set()).add(issubclass(view, TableView))
    assert {root for root, of_a_table in roots.items() if True in of_a_table} == TABLES
    assert {
        "schema",
        "audit",
        "jobs",
        "changes",
        "me",
        "tokens",
        "exchange",
        "openapi.json",
    } <= roots.keys() - TABLES
    assert [root for root, of_a_table in roots.items() if len(of_a_table) > 1] == []


@pytest.mark.django_db
def test_strangers_are_refused_everywhere(client: Client) -> None:
    let_in = [
        (method, address, answer.status_code)
        for address, view in ALL
        for method in methods_of(view)
        if (answer := client.generic(method, f"/api/v1/{address}")).status_code != 401
        or answer["WWW-Authenticate"] == ""
    ]
    assert let_in == []


@pytest.mark.django_db
def test_another_method_is_answered_with_those_there_are(client: Client, admin: Actor) -> None:
    client.force_login(admin.user)
    for address, view in FEW:
        there = {method.upper() for method in methods_of(view)}
        for method in {"get", "patch", "put", "options", "trace"} - set(methods_of(view)):
            answer = client.generic(method, f"/api/v1/{address}")
            assert answer.status_code == 405, (method, address)
            assert there <= set(answer["Allow"].split(", ")), (method, address)


SENT = {  # where what is asked for is read before who may is
    "exchange/exports/": {"table": "books"},
    "exchange/imports/": {"table": "books"},
    "books/restore/": {"where": {"id": 1}},
    "books/purge/": {"where": {"id": 1}},
}


@pytest.mark.django_db
def test_each_right_that_is_told_of_is_needed_and_no_other(client: Client, nobody: Actor) -> None:
    client.force_login(nobody.user)
    wrong = []
    for address, view in FEW:
        for method in methods_of(view):
            query = "?table=books" if address == "exchange/imports/" else ""
            kind = "text/csv" if query else JSON
            answer = client.generic(
                method, f"/api/v1/{address}{query}", json.dumps(SENT.get(address, {})), kind
            )
            is_needed = view.rights.get(method.upper()) is not None
            if answer.status_code not in ({403, 404} if is_needed else {200, 201, 204, 400, 404}):
                wrong.append((method, address, answer.status_code))
    assert wrong == []


@pytest.mark.django_db
def test_what_nobody_reads_is_refused_everywhere(client: Client, admin: Actor) -> None:
    """A parameter that there is not; a body where none belongs."""
    client.force_login(admin.user)
    overlooked = []
    for each, view in FEW:
        address = each.replace("book_genres/1", "book_genres/1:1")
        for method in methods_of(view):
            is_import = address == "exchange/imports/"
            kind = "application/octet-stream" if "upload" in address else "text/csv" if is_import else JSON
            answer = client.generic(method, f"/api/v1/{address}?colour=red", "{}", kind)
            if answer.status_code != 400 or answer.json()["details"].get("argument") != "colour":
                overlooked.append((method, address, answer.content[:200]))
            if method != "get" and getattr(view, method).described.body is None:
                answer = client.generic(method, f"/api/v1/{address}", '{"colour": "red"}', JSON)
                if answer.status_code != 400 or "no body" not in answer.json()["message"]:
                    overlooked.append((method, address, answer.content[:200]))
    assert overlooked == []


def operations(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(path, method) for path, methods in document["paths"].items() for method in methods}


@pytest.mark.django_db
def test_the_document_names_nothing_that_its_reader_may_not_know(client: Client, nobody: Actor) -> None:
    role = Group.objects.create(name="Readers of series")
    table = CatalogTable.objects.get(name="series")
    assign_perm("accesscontrol.read", role, table)
    hide(role, "start_year", table="series")
    nobody.user.groups.add(role)
    client.force_login(nobody.user)

    answer = client.get("/api/v1/openapi.json")
    found = operations(answer.json())

    assert ("/api/v1/series/{key}/", "get") in found
    assert {path.split("/")[3] for path, _ in found} & TABLES == {"series"}
    assert {method for path, method in found if "/series/" in path} == {"get"}
    assert b"start_year" not in answer.content
    assert b"A record of" not in answer.content  # which the author is of whom it has the number
    text = answer.content.decode().replace("/exchange/exports/", "")
    assert [name for name in TABLES - {"series", "exports"} if re.search(rf'["/]{name}["/]', text)] == []


@pytest.mark.django_db
def test_who_has_no_rights_is_shown_no_table(client: Client, nobody: Actor) -> None:
    client.force_login(nobody.user)

    found = client.get("/api/v1/openapi.json").json()

    assert {path.split("/")[3] for path, _ in operations(found)} & TABLES == set()
    assert not {table.model.__name__ + "Page" for table in registry.all_tables()} & set(
        found["components"].get("schemas", ())
    )
