"""Imports over REST: brought, looked at, agreed to, and done by a job; bad files and bodies are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accesscontrol.actor import Actor, Channel
from accesscontrol.models import PlanFreeRole
from catalog.exchange import steps
from catalog.models import Author
from jobs import running
from jobs.models import Job
from tests.api.steps import hide, last

pytestmark = pytest.mark.django_db

IMPORTS = "/api/v1/exchange/imports/"
AUTHORS = f"{IMPORTS}?table=authors"
CSV = "name,bio\nJane Austen,English\nMary Shelley,\n"
DRY = {"Prefer": "dry-run"}


@pytest.fixture
def manager(nobody: Actor) -> Actor:
    """Someone who imports."""
    nobody.user.groups.add(Group.objects.get(name="Data manager"))
    return Actor(nobody.user, Channel.COMMAND)


@pytest.fixture
def api(client: Client, manager: Actor) -> Client:
    client.force_login(manager.user)
    return client


def bring(
    api: Client, data: str | bytes = CSV, kind: str = "text/csv", address: str = AUTHORS, **headers: str
) -> Any:
    return api.post(address, data, kind, headers=headers)


def planned(answer: Any) -> dict[str, Any]:
    """Return the details of a refusal that gives a plan."""
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFIRMATION_REQUIRED"), answer.content
    details: dict[str, Any] = answer.json()["details"]
    return details


def done(api: Client, answer: Any) -> dict[str, Any]:
    """Do the job of an answer, and return it as it is then."""
    assert answer.status_code == 202, answer.content
    running.run(answer.json()["id"])
    job: dict[str, Any] = api.get(answer["Location"]).json()
    return job


def test_a_file_is_brought_again_with_the_token_of_its_plan_and_imported(api: Client) -> None:
    details = planned(bring(api))
    assert (details["plan"]["imported"], details["plan"]["updated"]) == (2, 0)
    assert details["plan"]["new_rows"][0] == [1, {"name": "Jane Austen", "bio": "English"}]
    assert not Author.objects.exists()

    job = done(api, bring(api, **{"Plan-Token": details["plan_token"]}))

    assert job["state"] == "done", job
    assert job["result"]["imported"] == 2
    assert Author.objects.get(name="Jane Austen").bio == "English"
    row = last("IMPORT_")
    assert (row.operation, row.channel, row.record_count) == ("IMPORT_CSV", "api", 2)


def test_or_it_is_imported_from_where_it_is_kept(api: Client) -> None:
    details = planned(bring(api))
    kept = details["import"]
    assert api.get(kept).json()["preview"]["new"] == 2

    again = planned(api.post(kept, {}, "application/json"))
    job = done(api, api.post(kept, {}, "application/json", headers={"Plan-Token": again["plan_token"]}))
    assert (job["state"], Author.objects.count()) == ("done", 2)
    assert job["links"]["undo"].endswith(f"{job['result']['change_id']}/undo/")
    assert api.get(kept).status_code == 404


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (json.dumps([{"name": "Jane Austen"}, {"name": "Mary Shelley"}]), "application/json"),
        ('{"name": "Jane Austen"}\n{"name": "Mary Shelley"}\n', "application/x-ndjson"),
        ("name;bio\nJane Austen;\nMary Shelley;x\n", "text/csv; charset=utf-8"),
    ],
)
def test_each_kind_of_file_is_looked_at_in_a_dry_run(api: Client, data: str, kind: str) -> None:
    answer = bring(api, data, kind, f"{AUTHORS}&delimiter=;", **DRY)

    assert (answer.status_code, answer["Preference-Applied"]) == (200, "dry-run"), answer.content
    assert (answer.json()["preview"]["rows"], answer.json()["preview"]["new"]) == (2, 2)
    assert not Author.objects.exists()
    assert (last("IMPORT_").dry_run, last("IMPORT_").success) == (True, True)


def test_a_form_has_the_file_and_its_terms(api: Client) -> None:
    Author.objects.create(name="Jane Austen", email="jane@example.org")
    file = SimpleUploadedFile("authors.csv", b"Mail,Name\njane@example.org,J. Austen\n", "text/csv")
    terms = {"table": "authors", "on_conflict": "update_only", "match": "email"}
    form = {**terms, "file": file, "mapping": '{"Mail": "email", "Name": "name"}'}

    answer = api.post(IMPORTS, form, headers=DRY)

    assert answer.status_code == 200, answer.content
    assert answer.json()["preview"]["changed"] == 1
    assert answer.json()["file_name"] == "authors.csv"
    file.seek(0)
    assert api.post(AUTHORS, {**form, "file": file}).status_code == 400  # table twice
    assert api.post(IMPORTS, {"table": "authors"}).status_code == 400


def test_every_fault_is_told_by_row_and_column(api: Client) -> None:
    answer = bring(api, "name,email\nJane,not an address\n,x@example.org\n")

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    details = answer.json()["details"]
    assert {(fault["row"], fault["column"]) for fault in details["errors"]} >= {(2, "name")}
    assert details["error_count"] == len(details["errors"])
    assert (last("IMPORT_").success, last("IMPORT_").error_code) == (False, "VALIDATION_ERROR")
    assert api.get(details["import"]).json()["preview"]["fault_count"] == details["error_count"]
    assert api.delete(details["import"]).status_code == 204
    assert api.get(details["import"]).status_code == 404


def test_a_large_file_is_looked_at_by_a_job(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "AT_ONCE_BYTES", {"csv": 1, "json": 1, "xlsx": 1})

    job = done(api, bring(api))

    assert (job["kind"], job["result"]["new"]) == ("preview_csv", 2)
    token = api.get(job["links"]["import"]).json()["preview"]["plan_token"]
    ended = done(api, api.post(job["links"]["import"], {}, "application/json", headers={"Plan-Token": token}))
    assert (ended["state"], Author.objects.count()) == ("done", 2)


def test_whose_role_is_freed_from_plans_needs_none(api: Client) -> None:
    PlanFreeRole.objects.create(role=Group.objects.get(name="Data manager"), operation="IMPORT_CSV")

    assert bring(api, "name,email\n,x\n").status_code == 400
    assert done(api, bring(api))["state"] == "done"
    assert Author.objects.count() == 2


def test_a_token_is_good_for_its_file_alone(api: Client) -> None:
    token = planned(bring(api))["plan_token"]

    job = done(api, bring(api, "name\nAnne Brontë\n", **{"Plan-Token": token}))

    assert (job["state"], job["error"]["code"]) == ("failed", "CONFIRMATION_REQUIRED")
    assert not Author.objects.exists()


def test_nobody_else_finds_a_file(api: Client, admin: Actor) -> None:
    kept = planned(bring(api))["import"]
    api.force_login(admin.user)

    assert api.get(kept).status_code == 404
    assert api.post(kept, {}, "application/json").status_code == 404
    assert api.get(f"{IMPORTS}autors/{'0' * 32}/").status_code == 404


def test_nothing_is_taken_of_whom_may_not_and_nothing_hidden_leaks(
    client: Client, viewer: Actor, api: Client, folder: Path
) -> None:
    hide("Data manager", "bio")
    refused = bring(api)
    assert refused.status_code == 400
    assert "bio" not in refused.json()["details"].get("allowed", [])

    client.force_login(viewer.user)
    assert bring(client).status_code == 403
    row = last("IMPORT_")
    assert (row.user_id, row.table_name, row.success) == ("victor", "authors", False)


@pytest.mark.parametrize(
    ("address", "data", "kind", "status"),
    [
        (AUTHORS, CSV, "text/html", 415),
        (AUTHORS, CSV, "", 415),
        (AUTHORS, "name\n", "text/csv", 400),
        (AUTHORS, b"PK\x03\x04", "text/csv", 400),
        (AUTHORS, b"PK\x03\x04", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 400),
        (AUTHORS, b"\xff\xfe", "text/csv", 400),
        (AUTHORS, b"name\n\xe9\n", "text/csv", 400),
        (AUTHORS, '[{"name": "x"}', "application/json", 400),
        (f"{AUTHORS}&on_conflict=overwrite", CSV, "text/csv", 400),
        (f"{AUTHORS}&delimiter=x", CSV, "text/csv", 400),
        (f"{AUTHORS}&mapping=[]", CSV, "text/csv", 400),
        (f'{AUTHORS}&mapping={{"name":1}}', CSV, "text/csv", 400),
        (f"{AUTHORS}&colour=red", CSV, "text/csv", 400),
        (f"{IMPORTS}?table=autors", CSV, "text/csv", 400),
        (IMPORTS, CSV, "text/csv", 400),
        (f"{IMPORTS}?table=genres", CSV, "text/csv", 403),
    ],
)
def test_what_can_not_be_imported_is_refused_and_told_of(
    api: Client, address: str, data: Any, kind: str, status: int
) -> None:
    answer = bring(api, data, kind, address)

    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert last("IMPORT_").success is False
    assert not Job.objects.exists()
    assert not Author.objects.exists()


def test_what_is_too_large_is_refused_before_it_is_read_and_while(
    api: Client, settings: Any, folder: Path
) -> None:
    told = api.post(AUTHORS, CSV, "text/csv", CONTENT_LENGTH=str(10**12))
    assert (told.status_code, told.json()["code"]) == (413, "TOO_LARGE")

    settings.IMPORT_MAX_UPLOAD_MB = 0
    assert bring(api).status_code == 413
    assert not list(folder.rglob("*.data"))
