"""Changes over REST: looked at, taken back, and kept as versions of records."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from accesscontrol.actor import Actor
from audit.models import AuditLog
from catalog.api import changes
from catalog.models import Author
from jobs import running
from jobs.models import Job
from tests.api.steps import hide

pytestmark = pytest.mark.django_db

AUTHORS = "/api/v1/authors/"
CHANGES = "/api/v1/changes/"
JSON = "application/json"


def add(api: Client, *names: str) -> str:
    """Add authors, and return the number of the change."""
    answer = api.post(AUTHORS, [{"name": name} for name in names], JSON)
    assert answer.status_code == 201, answer.content
    return str(answer["Change-Id"])


def test_a_change_is_looked_at_and_taken_back_and_so_is_that(api: Client) -> None:
    change = add(api, "Jane Austen", "Anne Brontë")

    preview = api.get(f"{CHANGES}{change}/").json()
    keys = [str(key) for key in Author.objects.order_by("pk").values_list("pk", flat=True)]
    assert (preview["count"], preview["conflicts"]) == (2, [])
    assert preview["parts"] == [{"table": "authors", "deed": "delete", "count": 2, "keys": keys}]

    undone = api.post(f"{CHANGES}{change}/undo/", content_type=JSON)
    assert undone.json()["undone"] == 2
    assert not Author.objects.exists()
    again = api.post(f"{CHANGES}{undone['Change-Id']}/undo/", {}, JSON, headers={"Prefer": "return=minimal"})
    assert again.json()["records"] is None
    assert Author.objects.count() == 2
    assert AuditLog.objects.filter(operation="UNDO", channel="api", success=True).count() == 2


def test_a_dry_run_a_limit_and_a_key_are_heeded(api: Client) -> None:
    address = f"{CHANGES}{add(api, 'Jane Austen', 'Anne Brontë')}/undo/"

    tried = api.post(address, {}, JSON, headers={"Prefer": "dry-run"})
    assert (tried.json()["undone"], tried["Preference-Applied"]) == (2, "dry-run")
    assert api.post(f"{address}?max_affected=1", {}, JSON).status_code == 422
    assert Author.objects.count() == 2
    first, second = (api.post(address, {}, JSON, headers={"Idempotency-Key": "once"}) for _ in "12")
    assert first.json() == second.json()
    assert not Author.objects.exists()


def test_a_large_one_is_undone_by_a_job(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MAX_AT_ONCE", 1)

    answer = api.post(f"{CHANGES}{add(api, 'Jane Austen', 'Anne Brontë')}/undo/", {}, JSON)

    assert answer.status_code == 202
    running.run(answer.json()["id"])
    assert not Author.objects.exists()
    ended = api.get(answer["Location"]).json()
    assert ended["result"]["records"] == 2
    assert ended["links"]["undo"].endswith(f"{ended['result']['change_id']}/undo/")
    assert Job.objects.get().operation == "UNDO"


def test_what_changed_since_stands_in_the_way(api: Client) -> None:
    change = add(api, "Jane Austen")
    key = Author.objects.get().pk
    api.patch(f"{AUTHORS}{key}/", {"name": "J. Austen"}, JSON)

    assert api.get(f"{CHANGES}{change}/").json()["conflicts"] == [
        {"table": "authors", "key": str(key), "reason": "has another name"}
    ]
    refused = api.post(f"{CHANGES}{change}/undo/", {}, JSON)
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert AuditLog.objects.get(success=False).operation == "UNDO"


def test_what_is_no_change_is_not_found(api: Client) -> None:
    assert api.get(f"{CHANGES}{uuid4()}/").status_code == 404
    assert api.post(f"{CHANGES}{uuid4()}/undo/", {}, JSON).status_code == 404
    assert api.get(f"{CHANGES}first/").status_code == 404


def test_who_may_not_do_the_opposite_undoes_nothing(client: Client, editor: Actor, writer: Actor) -> None:
    client.force_login(editor.user)
    change = add(client, "Jane Austen")
    client.force_login(writer.user)

    assert client.post(f"{CHANGES}{change}/undo/", {}, JSON).status_code == 403
    assert client.get(f"{CHANGES}{change}/").status_code == 403


def test_versions_tell_who_changed_what_page_by_page(api: Client) -> None:
    change = add(api, "Jane Austen")
    address = f"{AUTHORS}{Author.objects.get().pk}/"
    api.patch(address, {"name": "J. Austen"}, JSON)

    newest = api.get(f"{address}versions/?limit=1")
    (version,) = newest.json()["versions"]
    assert (version["kind"], version["user_id"], version["channel"]) == ("updated", "edith", "api")
    assert version["changes"]["name"] == ["Jane Austen", "J. Austen"]
    first = api.get(newest["Link"].partition(">")[0].removeprefix("<"))
    assert [(v["kind"], v["change_id"]) for v in first.json()["versions"]] == [("inserted", change)]
    assert "Link" not in first
    assert api.get(f"{AUTHORS}x/versions/").status_code == 404
    assert api.get(f"{address}versions/?limit=0").status_code == 400


def test_versions_tell_nothing_of_hidden_columns(api: Client, viewer: Actor) -> None:
    add(api, "Jane Austen")
    address = f"{AUTHORS}{Author.objects.get().pk}/"
    api.patch(address, {"bio": "secret"}, JSON)
    hide("Viewer", "bio")
    api.force_login(viewer.user)

    assert b"bio" not in api.get(f"{address}versions/").content
