"""The dashboard on the welcome page: what it tells of the last day, and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accesscontrol.actor import Actor, Channel
from audit import trail
from audit.models import AuditLog
from audit.trail import Entry
from backups import services as backups
from catalog import registry
from jobs.files import StoreFailed
from jobs.models import Job
from tests.faces.samples import form_of, made, url

BOOKS = registry.get("books")


def welcome(client: Client) -> dict[str, Any]:
    answer = client.get("/admin/")
    assert answer.status_code == 200
    context: dict[str, Any] = answer.context
    return context


@pytest.fixture
def entries(db: None) -> None:
    for name, operation, table, took in (
        ("ann", "UPDATE", "books", 30.0),
        ("ann", "QUERY", "books", 10.0),
        ("bob", "DELETE", "authors", 7_000.0),
    ):
        entry = Entry(Actor(User(username=name), Channel.MCP), operation, table, execution_time_ms=took)
        entry.success = operation != "DELETE"
        trail.record(entry)


def test_counts_the_last_day_as_far_as_one_may_see(
    browser: Any, auditor: Any, person: Any, entries: None
) -> None:
    all_, some = welcome(browser(auditor)), welcome(browser(person(read=["books"], name="eva")))

    assert all_["sees_all"]
    assert not some["sees_all"]
    assert [line["name"] for line in all_["top_tables"]] == ["books", "authors"]
    assert [line["name"] for line in some["top_tables"]] == ["books"]
    assert all_["slowest"][0]["took"] == "7.0 s"
    assert "7.0 s" not in [line["took"] for line in some["slowest"]]
    assert (all_["numbers"][1]["value"], some["numbers"][1]["value"]) == ("1", "0")
    assert sum(step["failed"] for step in all_["steps"]) == 1


def test_is_itself_on_the_record(browser: Any, auditor: Any, news: Any) -> None:
    welcome(browser(auditor))

    assert {"AUDIT_SUMMARY", "AUDIT_QUERY"} <= {row.operation for row in news(user_id="otto")}


def test_tells_what_somebody_did_and_not_where_they_looked(browser: Any, admin: Any, entries: None) -> None:
    book = made(BOOKS)
    client = browser(admin)
    client.get(url(BOOKS, ""))
    client.post(url(BOOKS, "change", book), form_of(BOOKS, book) | {"title": "Changed"})

    page = welcome(client)
    (deed,) = page["own"]

    assert (deed["operation"], deed["subject"]) == ("Change", f"books #{book.pk}")
    assert AuditLog.objects.get(pk=deed["key"]).user_id == "ada"
    assert {entry.user_id for entry in client.get(page["own_url"]).context["entries"]} == {"ada"}


def test_shows_jobs_to_whom_they_are_and_backups_to_their_managers(
    browser: Any, auditor: Any, admin: Any, settings: Any, tmp_path: Any
) -> None:
    settings.BACKUP_DIR = tmp_path / "backups"
    actor = Actor(admin.user, Channel.ADMIN)
    Job.objects.create(
        kind="backup_full", operation="BACKUP_FULL", user=admin.user, username="ada", channel="admin",
        request_id=actor.request_id,
    )  # fmt: skip

    theirs, others = welcome(browser(admin)), welcome(browser(auditor))

    assert (len(theirs["last_jobs"]), len(others["last_jobs"])) == (1, 0)
    assert (theirs["last_backups"], others["last_backups"]) == ({"lines": []}, None)


def test_is_there_when_the_backups_are_not(browser: Any, admin: Any, monkeypatch: Any) -> None:
    def fail(**_: Any) -> None:
        raise StoreFailed("The folder of backups is gone.")

    monkeypatch.setattr(backups, "list_backups", fail)

    answer = browser(admin).get("/admin/")

    assert answer.status_code == 200
    assert "The folder of backups is gone." in answer.content.decode()
