"""The audit trail over REST: each caller as far as their rights go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accesscontrol.actor import Actor
from audit.models import AuditLog
from catalog import registry
from catalog.services import records
from tests.api.steps import following, hide

pytestmark = pytest.mark.django_db

AUDIT = "/api/v1/audit/"
AUTHORS = registry.get("authors")


@pytest.fixture
def api(client: Client, writer: Actor) -> Client:
    client.force_login(writer.user)
    return client


def add(actor: Actor, name: str = "Jane Austen") -> Any:
    return records.insert_record(actor=actor, table=AUTHORS, data={"name": name, "bio": "secret bio"})


def test_a_caller_reads_their_own_trail_and_one_entry(api: Client, writer: Actor) -> None:
    change = add(writer)

    page = api.get(f"{AUDIT}?operation=INSERT&table=authors&user_id=wendy&success=true").json()

    (entry,) = page["logs"]
    assert entry["change_id"] == str(change.change_id)
    assert entry["changes"]["name"] == {"old": None, "new": "Jane Austen"}
    one = api.get(f"{AUDIT}{entry['id']}/").json()
    assert {**one, "timestamp": None} == {**entry, "timestamp": None}
    assert AuditLog.objects.filter(operation="AUDIT_QUERY", channel="api").count() == 2


def test_the_trail_is_narrowed_down_by_whatever_is_asked_for(
    api: Client, writer: Actor, admin: Actor
) -> None:
    add(writer)
    add(admin, "Mary Shelley")
    api.get(f"{AUDIT}{10**18}/")  # refused
    tomorrow = (timezone.now() + timedelta(days=1)).date().isoformat()

    def listed(query: str) -> list[tuple[str, str]]:
        return [
            (entry["operation"], entry["user_id"]) for entry in api.get(f"{AUDIT}?{query}").json()["logs"]
        ]

    assert listed("operation=INSERT&table=authors") == [("INSERT", "ada"), ("INSERT", "wendy")]
    assert listed("operation=INSERT&limit=1&offset=1") == [("INSERT", "wendy")]
    assert listed("operation=INSERT&user_id=ada") == [("INSERT", "ada")]
    assert listed("operation=INSERT&table=books") == []
    assert listed(f"operation=INSERT&start_date={tomorrow}") == []
    assert listed("operation=INSERT&end_date=2020-01-01") == []
    assert listed("success=false&operation=AUDIT_QUERY") == [("AUDIT_QUERY", "wendy")]
    assert listed("success=false&operation=INSERT") == []

    def counted(query: str) -> int:
        return int(api.get(f"{AUDIT}summary/?{query}").json()["summary"]["total_operations"])

    assert counted("table=authors") >= 2
    assert counted("table=series") == 0
    assert counted(f"table=authors&start_date={tomorrow}") == 0
    assert counted("table=authors&end_date=2020-01-01") == 0
    assert api.get(f"{AUDIT}summary/?user_id=ada").status_code == 400


def test_pages_follow_one_another(api: Client, writer: Actor) -> None:
    for number in range(5):
        add(writer, f"Author {number}")

    first = api.get(f"{AUDIT}?operation=INSERT&limit=2")
    assert first.json()["count"] == 2
    second = api.get(following(first))
    third = api.get(following(second))

    ids = [entry["id"] for page in (first, second, third) for entry in page.json()["logs"]]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 5
    assert third.json()["next_cursor"] is None
    assert following(third) is None


def test_what_others_did_is_shown_to_whom_it_may_be(
    client: Client, admin: Actor, nobody: Actor, auditor: Actor
) -> None:
    add(admin)
    entry = AuditLog.objects.get(operation="INSERT")

    client.force_login(nobody.user)
    assert client.get(f"{AUDIT}?operation=INSERT").json()["logs"] == []
    assert client.get(f"{AUDIT}{entry.pk}/").status_code == 404
    assert client.get(f"{AUDIT}summary/?table=authors").json()["summary"]["total_operations"] == 0

    client.force_login(auditor.user)
    assert client.get(f"{AUDIT}{entry.pk}/").json()["id"] == entry.pk
    summary = client.get(f"{AUDIT}summary/?table=authors").json()
    assert {name: summary["by_user"][0][name] for name in ("user_id", "count", "failed")} == {
        "user_id": "ada",
        "count": 1,
        "failed": 0,
    }


def test_what_is_hidden_is_not_told(client: Client, admin: Actor, viewer: Actor) -> None:
    hide("Viewer", "bio")
    add(admin)
    entry = AuditLog.objects.get(operation="INSERT")
    client.force_login(viewer.user)

    for address in (f"{AUDIT}{entry.pk}/", f"{AUDIT}?table=authors"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert b"Jane Austen" in answer.content
        assert b"bio" not in answer.content


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "operation=DROP", "success=maybe", "start_date=yesterday", "cursor=x",
     "cursor=x&offset=1", "table=No Table", "colour=red", "limit=1&limit=2"],
)  # fmt: skip
def test_a_wrong_parameter_is_refused_and_that_is_in_the_trail(api: Client, query: str) -> None:
    assert api.get(f"{AUDIT}?{query}").status_code == 400
    assert AuditLog.objects.get(success=False).operation == "AUDIT_QUERY"


def test_an_entry_that_is_none_is_not_found(api: Client, writer: Actor) -> None:
    add(writer)
    entry = AuditLog.objects.latest("id")

    assert api.get(f"{AUDIT}{entry.pk}/?colour=red").status_code == 400
    assert api.get(f"{AUDIT}{10**30}/").status_code == 404
