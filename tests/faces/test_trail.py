"""The pages of the audit trail: filters, pages, numbers that lead to their rows, and who sees what of them."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accesscontrol.actor import Actor, Channel
from audit import trail
from audit.models import AuditLog
from audit.trail import Entry
from catalog import registry
from jobs import running
from jobs.models import Job
from tests.faces.samples import form_of, made, url

BOOKS = registry.get("books")
TRAIL = "/admin/audit/auditlog/"
OVERVIEW = f"{TRAIL}overview/"
REQUEST, CHANGE = uuid4(), uuid4()

FOUND: list[tuple[str, list[Any]]] = [
    ("operation__exact=UPDATE", [("bob", "UPDATE"), ("ann", "UPDATE")]),
    (
        "operation__exact=writing&success__exact=1&dry_run__exact=0",
        [("bob", "BATCH_INSERT"), ("ann", "UPDATE")],
    ),
    ("user_id__exact=ann", [("ann", "QUERY"), ("ann", "UPDATE")]),
    ("user_id__isnull=1", [(None, "LOGIN_FAILED")]),
    ("table_name__exact=books&record_id__exact=7&dry_run__exact=1", [("bob", "UPDATE")]),
    ("success__exact=0&error_code__exact=CONFLICT", [("bob", "DELETE")]),
    ("channel__exact=mcp", [("bob", "BATCH_INSERT")]),
    ("execution_time__gte=100", [("bob", "BATCH_INSERT")]),
    (f"request_id__exact={REQUEST}", [("ann", "QUERY")]),
    (f"change_id__exact={CHANGE}", [("ann", "UPDATE")]),
    ("query_hash__exact=0123456789abcdef", [("ann", "QUERY")]),
    ("client_info__ip=192.0.2.7", [("bob", "BATCH_INSERT")]),
    ("q=100 %", [("bob", "DELETE")]),
    ("q=100 _", []),
    ("user_id__exact=ann&timestamp__lt=2020-01-01", []),
    (
        "user_id__exact=ann&period=1h&timestamp__gte=2020-01-01T00:00",
        [("ann", "QUERY"), ("ann", "UPDATE")],
    ),
    ("operation__exact=&user_id__exact=ann&q=", [("ann", "QUERY"), ("ann", "UPDATE")]),
]
FAULTY = [
    "operation__exact=NONSENSE",
    "success__exact=maybe",
    "timestamp__gte=yesterday",
    "execution_time__gte=nan",
    "request_id__exact=1",
    "period=for+ever",
    "before=2026-01-01_x",
    "before=2026-13-01T00:00:00Z_1",
    "user_id__exact=a%00b",
    "title=x",
    "changes__contains=x",
    "user_id__regex=.*",
]


@pytest.fixture
def exports(settings: Any, tmp_path: Any) -> None:
    settings.EXPORT_DIR = tmp_path / "exports"


def told(user: str | None, operation: str, table: str | None = None, **rest: Any) -> None:
    """Write an entry as a service would."""
    channel, request = rest.pop("channel", Channel.API), rest.pop("request", uuid4())
    actor = Actor(User(username=user) if user else None, channel, request_id=request)
    trail.record(Entry(actor, operation, table, **rest))


@pytest.fixture
def entries(db: None) -> None:
    told("ann", "UPDATE", "books", record_id="7", record_count=1, execution_time_ms=20.0, change_id=CHANGE)
    told(
        "ann",
        "QUERY",
        "books",
        record_count=50,
        execution_time_ms=5.0,
        request=REQUEST,
        query_hash="0123456789abcdef",
    )
    told(
        "bob",
        "DELETE",
        "authors",
        success=False,
        error_code="CONFLICT",
        error_message="It has 100 % of books.",
    )
    told(
        "bob",
        "BATCH_INSERT",
        "scenes",
        record_count=900,
        execution_time_ms=800.0,
        channel=Channel.MCP,
        client_info={"ip": "192.0.2.7"},
    )
    told("bob", "UPDATE", "books", record_id="7", dry_run=True)
    told(None, "LOGIN_FAILED", success=False, error_code="AUTHENTICATION_REQUIRED")


def shown(client: Client, query: str = "") -> list[tuple[str | None, str]]:
    """Who did what, as a page of the list has it; without what the test's own looking adds."""
    page = client.get(f"{TRAIL}{query}")
    assert page.status_code == 200
    return [(e.user_id, e.operation) for e in page.context["entries"] if not e.operation.startswith("AUDIT_")]


class TestFilters:
    def test_find_just_what_they_say(self, browser: Any, auditor: Any, entries: None) -> None:
        client = browser(auditor)
        for query, found in FOUND:
            assert (query, shown(client, f"?{query}")) == (query, found)

    def test_that_mean_nothing_are_refused_and_told(
        self, browser: Any, auditor: Any, entries: None, news: Any
    ) -> None:
        client = browser(auditor)
        for address in [f"{TRAIL}?{query}" for query in FAULTY] + [
            f"{OVERVIEW}?{query}" for query in FAULTY[:4]
        ]:
            answer = client.get(address)

            assert (address, answer.status_code) == (address, 400)
            assert 'role="alert"' in answer.content.decode()
            assert ">ann<" not in answer.content.decode()
            assert [row.error_code for row in news(success=False)][-1:] == ["VALIDATION_ERROR"]

    def test_are_in_the_form_and_each_can_be_taken_away(
        self, browser: Any, auditor: Any, entries: None
    ) -> None:
        page = unescape(
            browser(auditor).get(f"{TRAIL}?user_id__exact=ann&operation__exact=UPDATE").content.decode()
        )

        assert '<option value="UPDATE" selected>' in page
        assert 'name="user_id__exact" value="ann"' in page
        assert 'href="?user_id__exact=ann"' in page
        assert 'href="?operation__exact=UPDATE"' in page

    def test_show_stored_markup_as_text(self, browser: Any, auditor: Any) -> None:
        told(
            "<b>eve</b>",
            "UPDATE",
            "books",
            record_id="<i>7</i>",
            success=False,
            error_code="<u>",
            error_message="<s>",
        )

        (entry,) = AuditLog.objects.filter(operation="UPDATE")
        client = browser(auditor)
        for address in (TRAIL, f"{TRAIL}?q=<b>", OVERVIEW, f"{TRAIL}{entry.pk}/change/"):
            page = client.get(address).content.decode()
            assert not re.search(r"<b>|<i>7|<u>|<s>", page)
            assert "&lt;b&gt;" in page


class TestPages:
    def test_turn_from_the_newest_to_the_oldest_and_back(
        self, browser: Any, auditor: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("catalog.admin.trail.pages.PER_PAGE", 2)
        for number in range(5):
            told("ann", "UPDATE", "books", record_id=str(number))
        client, ask = browser(auditor), "?user_id__exact=ann"

        def turned(address: str) -> tuple[list[str], dict[str, str]]:
            page = client.get(f"{TRAIL}{address}")
            return [e.record_id for e in page.context["entries"]], page.context["turning"]

        seen, turning = turned(ask)
        second, further = turned(turning["older"])
        last, end = turned(further["older"])

        assert (seen, second, last) == (["4", "3"], ["2", "1"], ["0"])
        assert ("newer" in turning, "older" in end) == (False, False)
        assert turned(end["newer"])[0] == second
        assert turned(further["newer"]) == (seen, turning)
        assert further["newest"] == ask

    def test_cost_the_same_however_many_entries(self, browser: Any, auditor: Any) -> None:
        client = browser(auditor)

        def cost(address: str) -> int:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                client.get(address)
            return len(queries)

        told("ann", "UPDATE", "books")
        cost("/admin/")  # from here on the auditor's rights are known
        few = [cost(page) for page in (TRAIL, OVERVIEW, "/admin/")]
        for number in range(30):
            told(f"user{number}", "UPDATE", "books", record_id=str(number), execution_time_ms=number)

        assert [cost(page) for page in (TRAIL, OVERVIEW, "/admin/")] == few


class TestOverview:
    def test_each_number_leads_to_its_rows(self, browser: Any, auditor: Any, entries: None) -> None:
        client = browser(auditor)
        page = client.get(f"{OVERVIEW}?dry_run__exact=0").context

        def rows(address: str) -> int:
            return len(shown(client, address))

        (updates,) = [line for line in page["ranks"][0]["lines"] if line["name"] == "Change"]
        (bob,) = [line for line in page["ranks"][2]["lines"] if line["name"] == "bob"]
        (nobody,) = [line for line in page["ranks"][2]["lines"] if line["name"] == "(nobody)"]
        codes = {line["name"]: line for line in page["codes"]}
        assert (updates["number"], rows(updates["address"])) == (1, 1)
        assert (bob["number"], rows(bob["address"])) == (2, 2)
        assert (bob["failed"], rows(bob["failed_address"])) == ("1", 1)
        assert (nobody["number"], rows(nobody["address"])) == (1, 1)
        assert (codes["CONFLICT"]["number"], rows(codes["CONFLICT"]["address"])) == (1, 1)
        failed = page["numbers"][1]
        assert (failed["value"], rows(failed["address"])) == ("2", 2)
        text = client.get(OVERVIEW).content.decode()
        for name in ("people", "tables"):
            assert f'href="#{name}"' in text
            assert f'id="{name}"' in text
        slowest = page["numbers"][5]
        assert (slowest["value"], shown(client, slowest["address"])) == ("800 ms", [("bob", "BATCH_INSERT")])
        counted = [step for step in page["steps"] if step["done"] or step["failed"]]
        assert sum(step["failed"] for step in counted) == 2
        assert sum(rows(f"{step['address']}&user_id__exact=bob") for step in counted) == 2

    def test_has_a_step_for_every_span_of_the_period(self, browser: Any, auditor: Any, entries: None) -> None:
        client = browser(auditor)
        for query, most in (
            ("period=1h", 61),
            ("", 25),
            ("period=7d", 8),
            ("timestamp__gte=0001-01-01", 150),
        ):
            steps = client.get(f"{OVERVIEW}?{query}").context["steps"]
            assert 1 <= len(steps) <= most
            assert sum(step["done"] + step["failed"] for step in steps) >= 6

    def test_the_table_behind_a_chart_has_its_numbers(
        self, browser: Any, auditor: Any, entries: None
    ) -> None:
        page = browser(auditor).get(OVERVIEW).content.decode()

        assert page.count("<canvas") == page.count("<figure") == 3
        for figure in page.split("<figure")[1:]:
            assert "data-series=" in figure
            assert "<caption" in figure
        assert re.search(r'data-value="[0-9.]+">[0-9.]+ ms<', page)
        assert "<style" not in page
        assert " style=" not in page

    def test_counts_for_each_what_they_may_see(
        self, browser: Any, auditor: Any, nobody: Any, person: Any, entries: None
    ) -> None:
        def total(somebody: Any) -> int:
            return int(
                browser(somebody).get(f"{OVERVIEW}?operation__exact=writing").context["numbers"][0]["value"]
            )

        assert (total(auditor), total(person(read=["books"])), total(nobody)) == (4, 2, 0)

    def test_a_stranger_logs_in_first(self, db: None) -> None:
        assert Client().get(OVERVIEW).url.startswith("/admin/login/")

    @pytest.mark.parametrize("page", [TRAIL, OVERVIEW, f"{TRAIL}1/change/"])
    def test_nothing_is_posted_to(self, browser: Any, admin: Any, page: str) -> None:
        assert browser(admin).post(page).status_code == 403


class TestEntry:
    def test_leads_to_the_record_and_to_its_like(self, browser: Any, admin: Any, news: Any) -> None:
        book = made(BOOKS)
        client = browser(admin)
        client.post(url(BOOKS, "change", book), form_of(BOOKS, book) | {"title": "New"})
        (entry,) = news(operation="UPDATE")

        page = unescape(client.get(f"{TRAIL}{entry.pk}/change/").content.decode())

        assert f'href="{url(BOOKS, "change", book)}"' in page
        assert f'href="{url(BOOKS, "history", book)}' in page
        for query in (
            f"table_name__exact=books&record_id__exact={book.pk}",
            f"request_id__exact={entry.request_id}",
            "user_id__exact=ada",
            "operation__exact=UPDATE",
        ):
            assert f'href="{TRAIL}?{query}"' in page

    def test_does_not_lead_where_somebody_may_not_go(self, browser: Any, auditor: Any, entries: None) -> None:
        entry = AuditLog.objects.get(change_id=CHANGE)

        page = browser(auditor).get(f"{TRAIL}{entry.pk}/change/").content.decode()

        assert "books #7" in page
        assert "/admin/catalog/" not in page.split('id="content-main"')[1]

    @pytest.mark.parametrize("key", ["0", "99999999999999999999", "1x", "\N{SUPERSCRIPT TWO}"])
    def test_there_is_none(self, browser: Any, auditor: Any, key: str) -> None:
        assert browser(auditor).get(f"{TRAIL}{key}/change/").status_code == 404


def form_of_export(client: Client) -> dict[str, str]:
    """The form that exports every column as JSON, as its page has it."""
    boxes = [box.html_name for box in client.get(f"{TRAIL}export/").context["form"].columns]
    return {"resource": "0", "format": "1", **dict.fromkeys(boxes, "on")}


def exported(client: Client, query: str = "") -> list[dict[str, Any]]:
    """The rows of an export as JSON, made with the form as the page has it."""
    answer = client.post(f"{TRAIL}export/{query}", form_of_export(client))
    rows: list[dict[str, Any]] = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    return rows


class TestExport:
    def test_holds_just_what_the_list_shows(
        self, browser: Any, auditor: Any, entries: None, exports: Any
    ) -> None:
        client = browser(auditor)
        query = "user_id__exact=bob&success__exact=1"
        link = unescape(client.get(f"{TRAIL}?{query}").content.decode())
        assert f'href="{TRAIL}export/?{query}"' in link

        rows = exported(client, f"?{query}")

        assert [(row["user_id"], row["operation"]) for row in rows] == [
            ("bob", "BATCH_INSERT"),
            ("bob", "UPDATE"),
        ]
        assert AuditLog.objects.get(operation="EXPORT_JSON").record_count == 2

    def test_is_for_who_may_export_the_trail(self, browser: Any, person: Any, entries: None) -> None:
        client = browser(person(read=["books", "audit_logs"]))

        assert "export/" not in client.get(TRAIL).content.decode()
        assert client.get(f"{TRAIL}export/").status_code == 403
        assert client.post(f"{TRAIL}export/").status_code == 403

    def test_has_no_more_rows_than_somebody_may_see(
        self, browser: Any, person: Any, entries: None, exports: Any
    ) -> None:
        client = browser(person(read=["books", "audit_logs"], export=["audit_logs"], name="eva"))

        rows = exported(client)

        assert {row["table_name"] for row in rows if row["user_id"] != "eva"} == {"books"}

    @pytest.mark.django_db(transaction=True)
    def test_of_many_is_a_job(
        self, browser: Any, auditor: Any, entries: None, exports: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("catalog.admin.exchange.exports.AT_ONCE_ROWS", 0)
        client = browser(auditor)

        answer = client.post(f"{TRAIL}export/?user_id__exact=bob", form_of_export(client))
        job = Job.objects.get()
        running.run(job.pk)

        assert answer.url == f"/admin/jobs/job/{job.pk}/change/"
        assert f"{TRAIL}export/{job.pk}/" in client.get(answer.url).content.decode()
        rows = json.loads(b"".join(client.get(f"{TRAIL}export/{job.pk}/").streaming_content))
        assert {row["user_id"] for row in rows} == {"bob"}
