"""The pages that are no table's: login, welcome, the audit trail."""

from __future__ import annotations

import json
import shlex
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin import autodiscover
from django.contrib.admin import sites as site
from django.test import Client

from accesscontrol.pages import ServicePages
from catalog import registry
from tests.faces.conftest import PASSWORD
from tests.faces.samples import form_of, made, url

BOOKS = registry.get("books")
AUTHORS = registry.get("authors")
TRAIL = "/admin/audit/auditlog/"


class TestLogin:
    def test_strangers_come_to_the_login_from_every_page(self, db: None) -> None:
        for page in ("/admin/", url(BOOKS, ""), TRAIL, "/admin/autocomplete/"):
            answer = Client().get(page)
            assert answer.status_code == 302
            assert answer.url.startswith("/admin/login/")

    def test_logs_in_and_out_and_the_trail_tells(self, person: Any, news: Any) -> None:
        person(name="vic")
        client = Client()

        failed = client.post("/admin/login/", {"username": "vic", "password": "wrong"})
        entered = client.post("/admin/login/", {"username": "vic", "password": PASSWORD, "next": "/admin/"})
        client.post("/admin/logout/")

        assert failed.status_code == 200
        assert entered.url == "/admin/"
        told = [row.operation for row in news() if row.operation.startswith("LOG")]
        assert told == ["LOGIN_FAILED", "LOGIN", "LOGOUT"]


def test_the_root_leads_to_the_welcome_page(browser: Any, admin: Any) -> None:
    assert browser(admin).get("/").headers["Location"] == "/admin/"


def test_every_page_of_records_goes_through_the_services() -> None:
    autodiscover()

    assert {
        type(pages) for pages in site.site._registry.values() if not isinstance(pages, ServicePages)
    } == set()


class TestWelcome:
    def test_shows_every_table_and_how_to_connect_an_agent(self, browser: Any, admin: Any) -> None:
        page = unescape(browser(admin).get("/admin/").content.decode())

        for table in registry.all_tables():
            assert f'<a class="table-name" href="{url(table, "")}">' in page
        program = str(settings.BASE_DIR / "script" / "mcp")
        assert shlex.join([program, "--user", "ada"]) in page
        snippet = page.split('aria-label="Settings of an MCP client">')[1].split("</pre>")[0]
        assert json.loads(snippet)["mcpServers"]["database-admin"] == {
            "command": program,
            "args": ["--user", "ada"],
        }

    def test_shows_nobody_more_than_they_may_read(self, browser: Any, person: Any, nobody: Any) -> None:
        some = browser(person(read=["books"])).get("/admin/").content.decode()
        none = browser(nobody).get("/admin/").content.decode()

        assert url(BOOKS, "") in some
        assert url(AUTHORS, "") not in some
        assert "/add/" not in some
        assert "Nothing to see yet" in none
        assert url(BOOKS, "") not in none

    @pytest.mark.parametrize("name", ["it's <b>me</b>", 'a "b" c', "$(id)"])
    def test_quotes_the_name_of_whoever_reads(self, browser: Any, person: Any, name: str) -> None:
        page = browser(person(name=name)).get("/admin/").content.decode()

        assert "<b>me</b>" not in page
        snippet = unescape(page).split('aria-label="Settings of an MCP client">')[1].split("</pre>")[0]
        assert json.loads(snippet)["mcpServers"]["database-admin"]["args"] == ["--user", name]


class TestTrail:
    def test_shows_each_as_much_as_they_may_see(
        self, browser: Any, admin: Any, auditor: Any, nobody: Any, person: Any
    ) -> None:
        book = made(BOOKS)
        browser(admin).post(url(BOOKS, "change", book), form_of(BOOKS, book) | {"title": "Changed"})

        def seen(client: Client) -> set[tuple[str, str]]:
            rows = client.get(TRAIL).context["entries"]
            return {(row.user_id, row.operation) for row in rows}

        assert ("ada", "UPDATE") in seen(browser(auditor))
        assert ("ada", "UPDATE") in seen(browser(person(read=["books"])))
        assert {user for user, _ in seen(browser(nobody))} == {"norah"}

    def test_shows_what_changed_and_is_read_itself_on_the_record(
        self, browser: Any, admin: Any, news: Any
    ) -> None:
        book = made(BOOKS, title="<b>Old</b>")
        client = browser(admin)
        client.post(url(BOOKS, "change", book), form_of(BOOKS, book) | {"title": "New"})
        (entry,) = news(operation="UPDATE")

        page = client.get(f"{TRAIL}{entry.pk}/change/").content.decode()

        assert (
            '<td class="old" data-label="Before">&lt;b&gt;Old&lt;/b&gt;</td><td class="new" data-label="After">New</td>'
            in page
        )
        assert [row.record_id for row in news(operation="AUDIT_QUERY")] == [str(entry.pk)]

    def test_is_found_by_the_record_that_it_is_about(self, browser: Any, admin: Any) -> None:
        book, other = made(BOOKS), made(BOOKS)
        client = browser(admin)
        for record in (book, other):
            client.post(url(BOOKS, "change", record), form_of(BOOKS, record) | {"title": "New"})

        page = client.get(TRAIL, {"table_name__exact": "books", "record_id__exact": book.pk})

        rows = page.context["entries"]
        assert {(row.table_name, row.record_id) for row in rows} == {("books", str(book.pk))}

    def test_shows_no_entry_that_is_hidden_by_its_address(
        self, browser: Any, admin: Any, nobody: Any, news: Any
    ) -> None:
        browser(admin).get(url(BOOKS, ""))
        (entry,) = news(operation="QUERY")

        assert browser(nobody).get(f"{TRAIL}{entry.pk}/change/").status_code == 404

    def test_nobody_writes_it(self, browser: Any, admin: Any, news: Any) -> None:
        client = browser(admin)
        client.get(url(BOOKS, ""))
        (entry,) = news(operation="QUERY")

        answers = [
            client.post(f"{TRAIL}add/", {"operation": "QUERY"}),
            client.post(f"{TRAIL}{entry.pk}/change/", {"user_id": "somebody else"}),
            client.post(f"{TRAIL}{entry.pk}/delete/", {"post": "yes"}),
        ]

        assert [answer.status_code for answer in answers] == [403, 403, 403]
        assert [row.error_code for row in news(success=False)] == ["READ_ONLY_TABLE"] * 3

    @pytest.mark.parametrize(
        "query",
        [
            "operation__exact=QUERY",
            "success__exact=0",
            "channel__exact=admin",
            "table_name__exact=books",
            "q=ada",
        ],
    )
    def test_is_filtered(self, browser: Any, admin: Any, query: str) -> None:
        client = browser(admin)
        client.get(url(BOOKS, ""))

        page = client.get(f"{TRAIL}?{query}")

        assert page.status_code == 200
        assert bool(page.context["entries"]) == (query != "success__exact=0")
