"""Backups over REST: made by jobs, looked at, restored and deleted with a plan, fetched and brought."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from accesscontrol.actor import Actor
from accesscontrol.models import PlanFreeRole
from audit.models import Alert, AuditLog
from backups.api import files
from backups.models import Trust
from catalog.models import Author
from jobs import running
from jobs.models import Job
from tests import databases
from tests.api.steps import hide, last

pytestmark = pytest.mark.django_db

BACKUPS = "/api/v1/backups/"
FILE = "backup_20261122T020000Z.sql.gz"
JSON = "application/json"
SQL = b"\x1f\x8b some bytes of a dump"


@pytest.fixture(autouse=True)
def owner(settings: Any, db: None) -> None:
    """Who makes and restores backups in this test."""
    name = connection.settings_dict["NAME"]
    settings.DATABASE_OWNER_URL = databases.url_of(name, settings.DATABASE_OWNER_URL)
    settings.BACKUP_KEYS = ["the key of the tests, long enough to be one"]


@pytest.fixture
def api(client: Client, admin: Actor) -> Client:
    client.force_login(admin.user)
    return client


def bring(api: Client, data: bytes = SQL) -> str:
    answer = api.post(f"{BACKUPS}upload/", data, "application/gzip")
    assert answer.status_code == 201, answer.content
    return str(answer.json()["file"])


@pytest.mark.django_db(transaction=True)
def test_a_table_is_backed_up_checked_and_restored_with_a_plan(api: Client) -> None:
    record = f"/api/v1/authors/{Author.objects.create(name='Jane Austen').pk}/"
    backed_up = api.get(record)["ETag"]
    begun = api.post(BACKUPS, {"table": "authors"}, JSON)
    assert begun.status_code == 202
    running.run(begun.json()["id"])
    made = api.get(begun["Location"]).json()
    assert made["state"] == "done", made
    address = made["links"]["backup"]

    shown = api.get(address).json()
    assert shown["holds"] == [{"table": "authors", "records": 1}]
    assert shown["is_ours"] is True
    assert [one["file"] for one in api.get(f"{BACKUPS}?type=table").json()["backups"]] == [
        shown["backup"]["file"]
    ]

    looked = api.post(f"{address}validate/", {}, JSON).json()
    running.run(looked["id"])
    assert api.get(looked["links"]["self"]).json()["result"]["valid"] is True
    assert [look["valid"] for look in api.get(address).json()["looks"]] == [True]

    file = api.get(f"{address}file/")
    assert int(file["Content-Length"]) == len(b"".join(file.streaming_content))
    assert b"signature" in b"".join(api.get(f"{address}manifest/").streaming_content)
    assert AuditLog.objects.filter(operation="DOWNLOAD_BACKUP", success=True).count() == 2

    meanwhile = api.patch(record, {"name": "J. Austen"}, JSON)["ETag"]
    Author.objects.all().delete()
    asked = {"table": "authors", "on_conflict": "skip"}
    tried = api.post(f"{address}restore/", asked, JSON, headers={"Prefer": "dry-run"})
    assert (tried.status_code, tried["Preference-Applied"]) == (202, "dry-run")
    running.run(tried.json()["id"])
    assert api.get(tried["Location"]).json()["result"]["record_count"] == 1
    assert not Author.objects.exists()

    plan = api.post(f"{address}restore/", asked, JSON)
    assert (plan.status_code, plan.json()["code"]) == (409, "CONFIRMATION_REQUIRED")
    assert plan.json()["details"]["plan"]["tables"][0]["records_in_backup"] == 1
    token = plan.json()["details"]["plan_token"]
    agreed = api.post(f"{address}restore/", asked, JSON, headers={"Plan-Token": token})
    assert agreed.status_code == 202
    running.run(agreed.json()["id"])
    assert api.get(agreed["Location"]).json()["state"] == "done"
    assert Author.objects.get().name == "Jane Austen"
    assert last("RESTORE_TABLE").channel == "api"

    assert api.get(record)["ETag"] == backed_up  # it is again what it was
    late = api.patch(record, {"name": "Jane"}, JSON, headers={"If-Match": meanwhile})
    assert late.status_code == 412
    assert api.patch(record, {"name": "Jane"}, JSON, headers={"If-Match": backed_up}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_what_changed_is_backed_up_listed_as_a_chain_and_deleted_as_one(api: Client) -> None:
    def job(body: Any) -> Any:
        begun = api.post(BACKUPS, body, JSON)
        running.run(begun.json()["id"])
        return api.get(begun["Location"]).json()

    assert job({"incremental": True})["error"]["code"] == "FULL_BACKUP_NEEDED"
    full = job({})["result"]["backup_file"]
    Author.objects.create(name="Anne Brontë")
    made = job({"incremental": True, "base_backup": full})["result"]
    assert (made["chain"], made["inserted"] > 0) == ([full, made["backup_file"]], True)
    listed = api.get(f"{BACKUPS}?type=incremental").json()["backups"]
    assert [(one["base_backup"], one["chain"]) for one in listed] == [(full, [full])]

    refused = api.delete(f"{BACKUPS}{full}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "DEPENDENT_BACKUPS")
    plan = api.delete(f"{BACKUPS}{full}/?chain=true")
    assert plan.json()["details"]["plan"]["with_it"] == [made["backup_file"]]
    token = plan.json()["details"]["plan_token"]
    gone = api.delete(f"{BACKUPS}{full}/?chain=true", headers={"Plan-Token": token})
    assert gone.json()["with_it"] == [made["backup_file"]]
    assert api.get(BACKUPS).json()["total"] == 0


def test_a_file_that_somebody_brings_is_foreign_and_goes_with_a_plan(api: Client) -> None:
    name = bring(api)
    assert name.startswith("foreign_")
    found = api.get(f"{BACKUPS}{name}/").json()
    assert (found["backup"]["size_bytes"], found["is_ours"], found["trusted_by"]) == (len(SQL), False, None)
    assert not Trust.objects.exists()

    asked = api.delete(f"{BACKUPS}{name}/")
    assert (asked.status_code, asked.json()["code"]) == (409, "CONFIRMATION_REQUIRED")
    wrong = api.delete(f"{BACKUPS}{name}/", headers={"Plan-Token": "forged"})
    assert wrong.status_code == 409
    token = wrong.json()["details"]["plan_token"]
    assert not Alert.objects.exists()
    assert api.delete(f"{BACKUPS}{name}/", headers={"Plan-Token": token}).json()["freed_bytes"] > len(SQL)
    assert Alert.objects.exists()  # that there is no backup
    assert api.get(f"{BACKUPS}{name}/").status_code == 404
    assert [last("DELETE_BACKUP").success, AuditLog.objects.filter(operation="DELETE_BACKUP").count()] == [
        True,
        3,
    ]


def test_a_form_brings_a_file_too(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    brought = {"file": SimpleUploadedFile("dump.sql.gz", SQL)}

    assert api.post(f"{BACKUPS}upload/", brought).status_code == 201
    manifest = SimpleUploadedFile("m.json", b"{}")
    again = {"file": SimpleUploadedFile("dump.sql.gz", SQL), "manifest": manifest}
    assert api.post(f"{BACKUPS}upload/", again).json()["code"] == "BACKUP_INVALID"
    assert api.post(f"{BACKUPS}upload/", {"other": "text"}).status_code == 400

    monkeypatch.setattr(files, "MAX_BYTES", 1)
    large = {name: SimpleUploadedFile(name, SQL) for name in ("file", "manifest")}
    assert api.post(f"{BACKUPS}upload/", large).status_code == 413


def test_bodies_that_can_not_be_taken_are_refused(api: Client, settings: Any) -> None:
    settings.BACKUP_MAX_UPLOAD_MB = 0
    assert api.post(f"{BACKUPS}upload/", SQL, "text/html").status_code == 415
    large = api.post(f"{BACKUPS}upload/", SQL, "application/gzip")
    assert (large.status_code, large.json()["code"]) == (413, "TOO_LARGE")
    told = api.post(f"{BACKUPS}upload/", b"x", "application/gzip", CONTENT_LENGTH=str(10**9))
    assert told.status_code == 413
    cut = "multipart/form-data; boundary=x"
    assert api.post(f"{BACKUPS}upload/", b"--x\r\nContent-Disposition: form", cut).status_code == 400
    assert api.post(f"{BACKUPS}upload/", b"--x", "multipart/form-data").status_code == 400
    assert not AuditLog.objects.filter(operation="UPLOAD_BACKUP", success=True).exists()
    assert AuditLog.objects.filter(operation="UPLOAD_BACKUP", success=False).count() == 5
    assert api.get(BACKUPS).json()["total"] == 0


def test_a_body_that_ends_early_is_refused(api: Client) -> None:
    length: dict[str, Any] = {"CONTENT_LENGTH": str(len(SQL) + 1), "wsgi.input": io.BytesIO(SQL)}
    answer = api.post(f"{BACKUPS}upload/", SQL, "application/gzip", **length)

    assert answer.status_code == 400
    assert "ended before" in answer.json()["message"]
    assert api.get(BACKUPS).json()["total"] == 0


def test_a_body_in_chunks_is_taken_as_far_as_it_may_be_long(api: Client, settings: Any) -> None:
    chunked: dict[str, Any] = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    chunked |= {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(SQL)}
    kept = api.post(f"{BACKUPS}upload/", b"x", "application/gzip", **chunked)
    assert kept.status_code == 201, kept.content
    assert kept.json()["size_bytes"] == len(SQL)

    settings.BACKUP_MAX_UPLOAD_MB = 0
    chunked["wsgi.input"] = io.BytesIO(SQL)
    assert api.post(f"{BACKUPS}upload/", b"x", "application/gzip", **chunked).status_code == 413


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"table": "autors"}),
        ("", {"content": "schema"}),
        ("", {"table": "authors", "content": "all"}),
        ("", {"tables": ["authors"]}),
        (f"{FILE}/validate/", {"deep": "yes"}),
        (f"{FILE}/restore/", {"table": "authors", "drop_existing": True}),
        (f"{FILE}/restore/", {"on_conflict": "update"}),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(api: Client, path: str, body: Any) -> None:
    assert api.post(f"{BACKUPS}{path}", body, JSON).status_code == 400
    assert not Job.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"Prefer": "dry-run"}, {"Plan-Token": "agreed"}])
def test_a_table_that_nobody_writes_is_not_restored_alone(api: Client, headers: dict[str, str]) -> None:
    answer = api.post(f"{BACKUPS}{FILE}/restore/", {"table": "genres"}, JSON, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "READ_ONLY_TABLE")
    assert "a restore of the whole" in answer.json()["message"]
    assert not Job.objects.exists()
    assert (last("RESTORE_TABLE").table_name, last("RESTORE_TABLE").success) == ("genres", False)


@pytest.mark.parametrize(
    ("path", "body", "kind", "arguments"),
    [
        ("", {}, "backup_full", {}),
        (
            "",
            {"content": "data", "compress": False},
            "backup_full",
            {"include_schema": False, "compress": False},
        ),
        ("", {"incremental": True, "compress": False}, "backup_incremental", {"compress": False}),
        ("", {"table": "authors"}, "backup_table", {"table": "authors"}),
        (
            "",
            {"table": "authors", "content": "data", "compress": False},
            "backup_table",
            {"table": "authors", "data_only": True, "compress": False},
        ),
        (f"{FILE}/validate/", {}, "validate_backup", {"backup_file": FILE, "deep": False}),
        (f"{FILE}/validate/", {"deep": True}, "validate_backup", {"backup_file": FILE, "deep": True}),
        (
            f"{FILE}/restore/",
            {"drop_existing": True},
            "restore_full",
            {"backup_file": FILE, "drop_existing": True, "on_conflict": "error", "plan_token": "agreed"},
        ),
        (
            f"{FILE}/restore/",
            {"on_conflict": "overwrite"},
            "restore_full",
            {"backup_file": FILE, "drop_existing": False, "on_conflict": "overwrite", "plan_token": "agreed"},
        ),
        (
            f"{FILE}/restore/",
            {"table": "authors", "on_conflict": "skip"},
            "restore_table",
            {"backup_file": FILE, "table": "authors", "on_conflict": "skip", "plan_token": "agreed"},
        ),
    ],
)
def test_a_job_does_what_is_asked_for(
    api: Client, path: str, body: Any, kind: str, arguments: dict[str, Any]
) -> None:
    begun = api.post(f"{BACKUPS}{path}", body, JSON, headers={"Plan-Token": "agreed"})

    assert begun.status_code == 202, begun.content
    job = Job.objects.get()
    assert (job.kind, job.arguments) == (kind, arguments)


def test_who_is_free_of_plans_restores_at_once(client: Client, nobody: Actor) -> None:
    role = Group.objects.get(name="Backup operator")
    nobody.user.groups.add(role)
    client.force_login(nobody.user)
    address = f"{BACKUPS}{FILE}/restore/"

    assert client.post(address, {}, JSON).status_code == 404  # no plan of what is not there
    PlanFreeRole.objects.create(role=role, operation="RESTORE_FULL")
    assert client.post(address, {}, JSON).status_code == 202


def test_backups_are_listed_in_the_order_and_number_asked_for(api: Client) -> None:
    large, small = bring(api, SQL * 9), bring(api)

    def listed(query: str) -> list[str]:
        return [one["file"] for one in api.get(f"{BACKUPS}?{query}").json()["backups"]]

    assert listed("sort_by=date") == [small, large]
    assert listed("sort_by=size") == [large, small]
    assert listed("limit=1") == [small]
    assert listed("type=full") == []
    for wrong in ("limit=0", "sort_by=name", "type=whole", "colour=red"):
        assert api.get(f"{BACKUPS}?{wrong}").status_code == 400


def test_what_was_brought_has_an_address(api: Client) -> None:
    brought = api.post(f"{BACKUPS}upload/", SQL, "application/gzip")

    assert api.get(brought["Location"]).json()["backup"] == brought.json()


def test_files_are_for_who_sees_every_column(client: Client, nobody: Actor) -> None:
    nobody.user.groups.add(Group.objects.get(name="Backup operator"))
    client.force_login(nobody.user)
    name = bring(client)
    hide("Backup operator", "bio")

    assert client.get(f"{BACKUPS}{name}/").status_code == 200
    assert client.get(f"{BACKUPS}{name}/file/").status_code == 403
    assert client.post(f"{BACKUPS}upload/", SQL, "application/gzip").status_code == 403
    assert client.post(BACKUPS, {}, JSON).status_code == 403
    assert client.post(BACKUPS, {"table": "authors"}, JSON).status_code == 403
    assert client.post(f"{BACKUPS}{name}/restore/", {}, JSON).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("get", "", "LIST_BACKUPS"),
        ("post", "", "BACKUP_FULL"),
        ("head", f"{FILE}/file/", "DOWNLOAD_BACKUP"),
        ("get", f"{FILE}/", "LIST_BACKUPS"),
        ("delete", f"{FILE}/", "DELETE_BACKUP"),
        ("get", f"{FILE}/file/", "DOWNLOAD_BACKUP"),
        ("get", f"{FILE}/manifest/", "DOWNLOAD_BACKUP"),
        ("post", f"{FILE}/validate/", "VALIDATE_BACKUP"),
        ("post", f"{FILE}/restore/", "RESTORE_FULL"),
        ("post", "upload/", "UPLOAD_BACKUP"),
    ],
)
def test_who_may_not_is_told_so_and_the_trail_too(
    client: Client, editor: Actor, method: str, path: str, operation: str
) -> None:
    client.force_login(editor.user)

    answer = getattr(client, method)(f"{BACKUPS}{path}", content_type=JSON)

    assert answer.status_code == 403
    assert (last(operation).success, last(operation).user_id) == (False, "edith")
    assert not Job.objects.exists()


@pytest.mark.parametrize(("path", "operation"), [("", "BACKUP_TABLE"), (f"{FILE}/restore/", "RESTORE_TABLE")])
def test_the_trail_is_told_which_table_was_refused(
    client: Client, editor: Actor, path: str, operation: str
) -> None:
    client.force_login(editor.user)

    assert client.post(f"{BACKUPS}{path}", {"table": "authors"}, JSON).status_code == 403
    assert (last(operation).success, last(operation).table_name) == (False, "authors")


@pytest.mark.parametrize("name", [FILE, "..%2f..%2fetc%2fpasswd", "backup.sql", "%00"])
def test_what_is_no_backup_is_not_found(api: Client, name: str) -> None:
    for path in ("", "file/", "manifest/"):
        assert api.get(f"{BACKUPS}{name}/{path}").status_code == 404
    assert api.delete(f"{BACKUPS}{name}/").status_code == 404
    assert api.post(f"{BACKUPS}{name}/restore/", {}, JSON).status_code == 404
