"""What is asked for with an Idempotency-Key is begun once; nothing that a request relies on is overlooked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accesscontrol.actor import Actor
from accesscontrol.models import ApiKey
from audit.models import AuditLog, KeptAnswer
from catalog.api import changes
from catalog.models import Author
from jobs import running
from jobs.models import Job

pytestmark = pytest.mark.django_db

JSON = "application/json"
KEY = {"Idempotency-Key": "once"}
EXPORTS = "/api/v1/exchange/exports/"
IMPORTS = "/api/v1/exchange/imports/"
BACKUPS = "/api/v1/backups/"
FILE = "backup_20261122T020000Z.sql.gz"


@pytest.fixture
def api(client: Client, admin: Actor) -> Client:
    client.force_login(admin.user)
    return client


@pytest.mark.parametrize(
    ("address", "asked", "other"),
    [
        (EXPORTS, {"table": "authors"}, {"table": "books"}),
        (BACKUPS, {}, {"table": "books"}),
        (f"{BACKUPS}{FILE}/validate/", {}, {"deep": True}),
        (f"{BACKUPS}{FILE}/restore/", {"on_conflict": "skip"}, {"on_conflict": "overwrite"}),
    ],
)
def test_a_job_is_begun_once(api: Client, address: str, asked: Any, other: Any) -> None:
    headers = {**KEY, "Plan-Token": "as-it-was-given"}
    first, second = (api.post(address, asked, JSON, headers=headers) for _ in "12")

    assert (first.status_code, second.status_code) == (202, 202)
    assert first["Location"] == second["Location"]
    refused = api.post(address, other, JSON, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    again = api.post(address, asked, JSON, headers={**headers, "Idempotency-Key": "another"})
    assert again["Location"] != first["Location"]
    assert Job.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_twins_one_begins_it(
    editor: Actor, key: Callable[..., str], bearer: Callable[..., Client]
) -> None:
    text, begun = key(editor, "read", "export"), threading.Barrier(4)
    locations: list[str] = []

    def ask() -> None:
        begun.wait()
        answer = bearer(text).post(EXPORTS, {"table": "authors"}, JSON, headers=KEY)
        locations.append(answer["Location"])
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(locations) == 4
    assert len(set(locations)) == 1
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_file_is_imported_once_although_it_is_brought_twice(api: Client) -> None:
    csv, address = b"name\nJane Austen\n", f"{IMPORTS}?table=authors"
    token = api.post(address, csv, "text/csv", headers=KEY).json()["details"]["plan_token"]
    agreed = {**KEY, "Plan-Token": token}

    first = api.post(address, csv, "text/csv", headers=agreed)
    assert first.status_code == 202, first.content
    running.run(first.json()["id"])
    second = api.post(address, csv, "text/csv", headers=agreed)

    assert (second.status_code, second["Location"]) == (202, first["Location"])
    assert second.json()["state"] == "done"
    assert Author.objects.count() == 1
    assert api.post(address, b"name\nMary\n", "text/csv", headers=agreed).status_code == 409


@pytest.mark.django_db(transaction=True)
def test_so_is_one_that_has_been_brought(api: Client) -> None:
    plan = api.post(f"{IMPORTS}?table=authors", b"name\nJane Austen\n", "text/csv").json()["details"]
    agreed = {**KEY, "Plan-Token": plan["plan_token"]}

    first = api.post(plan["import"], {}, JSON, headers=agreed)
    running.run(first.json()["id"])

    assert api.post(plan["import"], {}, JSON, headers=agreed)["Location"] == first["Location"]
    assert api.post(plan["import"], {}, JSON, headers={"Plan-Token": plan["plan_token"]}).status_code == 404


def test_a_large_change_is_undone_once(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MAX_AT_ONCE", 1)
    made = api.post("/api/v1/authors/", [{"name": "Jane"}, {"name": "Anne"}], JSON)
    address = f"/api/v1/changes/{made['Change-Id']}/undo/"

    first = api.post(address, {}, JSON, headers=KEY)
    running.run(first.json()["id"])
    second = api.post(address, {}, JSON, headers=KEY)

    assert (first["Location"], second.status_code) == (second["Location"], 202)
    assert Job.objects.get().result["records"] == 2


def test_a_backup_is_kept_once_although_it_is_brought_twice(api: Client) -> None:
    first, second = (api.post(f"{BACKUPS}upload/", b"a dump", "application/sql", headers=KEY) for _ in "12")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first["Location"] == second["Location"]
    assert api.get(BACKUPS).json()["total"] == 1
    assert AuditLog.objects.filter(operation="UPLOAD_BACKUP").count() == 1
    assert api.post(f"{BACKUPS}upload/", b"other", "application/sql", headers=KEY).status_code == 409


def test_a_backup_is_deleted_once_although_that_is_asked_for_twice(api: Client) -> None:
    kept = api.post(f"{BACKUPS}upload/", b"a dump", "application/sql")["Location"]
    plan = api.delete(kept, headers=KEY).json()["details"]
    headers = {**KEY, "Plan-Token": plan["plan_token"]}

    first, second = (api.delete(kept, headers=headers) for _ in "12")

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert AuditLog.objects.filter(operation="DELETE_BACKUP", success=True).count() == 1
    assert api.delete(f"{kept}?chain=true", headers=headers).status_code == 409
    assert api.delete(kept).status_code == 404


def test_what_is_refused_leaves_the_key_free(api: Client) -> None:
    assert api.post(EXPORTS, {"table": "autors"}, JSON, headers=KEY).status_code == 400
    assert api.post(EXPORTS, {"table": "authors"}, JSON, headers={"Idempotency-Key": ""}).status_code == 400
    assert not KeptAnswer.objects.exists()
    assert api.post(EXPORTS, {"table": "authors"}, JSON, headers=KEY).status_code == 202


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("/api/v1/me/keys/", KEY),
        ("/api/v1/tokens/", KEY),
        ("/api/v1/authors/", {"If-Match": '"5d41402abc"'}),
        ("/api/v1/authors/", {"If-None-Match": "*"}),
        ("/api/v1/authors/", {"If-Unmodified-Since": "Sun, 22 Nov 2026 20:15:00 GMT"}),
        (EXPORTS, {"Prefer": "return=minimal, dry-run"}),
    ],
)
def test_what_is_not_heeded_is_refused(api: Client, address: str, headers: dict[str, str]) -> None:
    answer = api.post(address, {"name": "Jane", "scopes": ["read"]}, JSON, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["details"]["header"] in headers
    assert not Author.objects.exists()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("token", ["", "two words", "x" * 201])
def test_what_can_be_no_plan_token_is_refused(api: Client, token: str) -> None:
    answers = [
        api.post(f"{IMPORTS}?table=authors", b"name\nJane\n", "text/csv", headers={"Plan-Token": token}),
        api.post(f"{BACKUPS}{FILE}/restore/", {}, JSON, headers={"Plan-Token": token}),
        api.delete(f"{BACKUPS}{FILE}/", headers={"Plan-Token": token}),
    ]

    assert [answer.status_code for answer in answers] == [400] * 3
    assert {answer.json()["details"]["header"] for answer in answers} == {"Plan-Token"}
    assert not Job.objects.exists()
