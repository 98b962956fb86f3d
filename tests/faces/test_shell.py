"""The frame of every page: navigation, search, theme, keys, and one's own page with one's sessions."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

import config.navigation
from accesscontrol.models import ColumnRule, Preference
from catalog import registry
from config.templatetags import humane
from tests.faces.samples import made, url

BOOKS, AUTHORS, SCENES = map(registry.get, ("books", "authors", "scenes"))
JSON = {"headers": {"accept": "application/json"}}


def navigation(client: Client, page: str = "/admin/") -> str:
    """Return the navigation as it is on a page."""
    found = re.search(r'<nav id="nav-sidebar".*?</nav>', client.get(page).content.decode(), re.DOTALL)
    assert found is not None
    return found[0]


class TestNavigation:
    def test_shows_the_tables_by_subject_with_their_rows(self, browser: Any, admin: Any) -> None:
        made(BOOKS)

        found = navigation(browser(admin))

        assert found.index(">Manuscript<") < found.index(url(BOOKS, "")) < found.index(">World<")
        assert re.search(rf'{url(BOOKS, "")}".*?title="about [0-9,]+ rows?"', found)

    def test_shows_nobody_more_than_they_may_read(self, browser: Any, person: Any, nobody: Any) -> None:
        assert url(BOOKS, "") in (some := navigation(browser(person(read=["books"]))))
        assert url(AUTHORS, "") not in some
        assert "No table is open to you yet." not in some
        assert "/admin/diagram/" in some
        none = navigation(browser(nobody))
        assert url(BOOKS, "") not in none
        assert "/admin/diagram/" not in none
        assert "nav-rows" not in none  # how long the whole trail is
        assert "No table is open to you yet." in none

    def test_is_made_once_for_a_page(self, browser: Any, admin: Any, monkeypatch: Any) -> None:
        made_: list[object] = []
        make = config.navigation.groups
        monkeypatch.setattr("config.navigation.groups", lambda *of: made_.append(of) or make(*of))

        assert browser(admin).get("/admin/").status_code == 200

        assert len(made_) == 1

    def test_marks_where_one_is(self, browser: Any, admin: Any) -> None:
        found = navigation(browser(admin), url(BOOKS, ""))

        assert f'<li class="current"><a href="{url(BOOKS, "")}" aria-current="page">' in found
        assert found.count("aria-current") == 1

    def test_is_not_on_the_login(self, db: None) -> None:
        page = Client().get("/admin/login/").content.decode()

        assert "nav-sidebar" not in page
        assert "palette" not in page

    def test_stays_closed_where_it_was_closed(self, browser: Any, admin: Any) -> None:
        client = browser(admin)
        client.cookies["nav"] = "closed"

        assert "data-closed" in navigation(client)


class TestSearch:
    def test_finds_records_and_pages(self, browser: Any, admin: Any) -> None:
        book = made(BOOKS, title="Emma <b>")
        client = browser(admin)

        answer = client.get("/admin/search/?q=emma", **JSON).json()
        page = client.get("/admin/search/?q=emma").content.decode()

        item = {
            "name": "Emma <b>",
            "note": f"{book.author.name} · #{book.pk}",
            "url": url(BOOKS, "change", book),
        }
        assert {"name": "Books", "items": [item]} in answer["records"]
        assert "Emma &lt;b&gt;" in page
        assert "Emma <b>" not in page
        pages = client.get("/admin/search/?q=auth", **JSON).json()["pages"]
        assert {"name": "Authors", "note": "Manuscript", "url": url(AUTHORS, "")} in pages[0]["items"]
        assert {"name": "Add to Authors", "note": "Manuscript", "url": url(AUTHORS, "add")} not in pages[0][
            "items"
        ]

    def test_offers_nothing_that_one_may_not_open(self, browser: Any, person: Any) -> None:
        made(BOOKS, title="Emma")
        made(AUTHORS, name="Emma")
        client = browser(person(read=["books"]))

        answer = client.get("/admin/search/?q=emma", **JSON).json()

        assert [group["name"] for group in answer["records"]] == ["Books"]
        listed = str(client.get("/admin/search/", **JSON).json()["pages"])
        assert url(BOOKS, "") in listed
        assert url(AUTHORS, "") not in listed
        assert "Add to" not in str(client.get("/admin/search/?q=add", **JSON).json()["pages"])

    def test_leaves_hidden_names_out(self, browser: Any, person: Any) -> None:
        made(BOOKS, title="Emma")
        reader = person("Viewer")
        ColumnRule.objects.create(
            role=reader.groups.get(), table_id="books", column_name="title", access="hidden"
        )

        assert browser(reader).get("/admin/search/?q=emma", **JSON).json()["records"] == []

    @pytest.mark.parametrize("text", ["", "e", " ", "\0", "%00", "x" * 5000, "'); DROP", "👍"])
    def test_answers_anything(self, browser: Any, admin: Any, text: str) -> None:
        assert browser(admin).get("/admin/search/", {"q": text}).status_code == 200

    def test_is_read_on_the_record(self, browser: Any, admin: Any, news: Any) -> None:
        made(BOOKS, title="Emma")
        client = browser(admin)
        news()

        client.get("/admin/search/?q=emma", **JSON)

        assert [(row.operation, row.record_count, row.user_id) for row in news()] == [("QUERY", 1, "ada")]

    def test_lets_no_stranger_in(self, db: None) -> None:
        assert Client().get("/admin/search/?q=emma", **JSON).status_code == 302


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (1234, "1.2k"),
        (9950, "9k"),
        (34_567, "34k"),
        (1_234_567, "1.2M"),
    ],
)
def test_numbers_are_shown_short(number: int, shown: str) -> None:
    assert humane.short_number(number) == shown


@pytest.mark.parametrize(
    ("user_agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("curl/8.0", "curl"),
        ("", "-"),
    ],
)
def test_programs_are_named_as_people_know_them(user_agent: str, shown: str) -> None:
    assert humane.program(user_agent) == shown


class TestTheme:
    def test_is_in_the_page_itself_and_comes_back_with_the_person(self, browser: Any, admin: Any) -> None:
        client = browser(admin)
        assert 'data-theme="auto"' in client.get("/admin/").content.decode()

        answer = client.post("/admin/profile/theme/", {"theme": "dark", "next": "/admin/"})

        assert answer.url == "/admin/"
        assert 'data-theme="dark"' in client.get("/admin/").content.decode()
        assert 'data-theme="dark"' in browser(admin).get("/admin/").content.decode()

    def test_is_that_of_the_login_too(self, browser: Any, admin: Any) -> None:
        client = browser(admin)
        client.post("/admin/profile/theme/", {"theme": "dark"})
        client.post("/admin/logout/")

        assert 'data-theme="dark"' in client.get("/admin/login/").content.decode()
        client.cookies["theme"] = '"><script>'
        assert 'data-theme="auto"' in client.get("/admin/login/").content.decode()

    def test_answers_a_script_with_nothing(self, browser: Any, admin: Any) -> None:
        assert browser(admin).post("/admin/profile/theme/", {"theme": "dark"}, **JSON).status_code == 204

    def test_is_told_to_the_trail_when_it_changes(self, browser: Any, admin: Any, news: Any) -> None:
        client = browser(admin)
        for _ in range(2):
            client.post("/admin/profile/theme/", {"theme": "dark"})

        (entry,) = news(operation="USER_CHANGED")
        assert (entry.record_id, entry.changes) == ("user ada", {"theme": {"old": "auto", "new": "dark"}})

    @pytest.mark.parametrize("theme", ["", "pink", '"><script>', "\0"])
    def test_is_one_of_three(self, browser: Any, admin: Any, theme: str, news: Any) -> None:
        client = browser(admin)

        client.post("/admin/profile/theme/", {"theme": theme})

        assert not Preference.objects.exists()
        assert [row.error_code for row in news(operation="USER_CHANGED")] == ["VALIDATION_ERROR"]
        assert 'data-theme="auto"' in client.get("/admin/").content.decode()

    def test_leads_nowhere_else(self, browser: Any, admin: Any) -> None:
        for place in ("https://example.com/", "//example.com", "javascript:alert(1)"):
            answer = browser(admin).post("/admin/profile/theme/", {"theme": "dark", "next": place})
            assert answer.url == "/admin/profile/"

    def test_is_not_chosen_by_looking(self, browser: Any, admin: Any) -> None:
        assert browser(admin).get("/admin/profile/theme/?theme=dark").status_code == 405


def test_single_keys_can_be_turned_off(browser: Any, admin: Any) -> None:
    client = browser(admin)
    assert "data-no-shortcuts" not in client.get("/admin/").content.decode()

    client.post("/admin/profile/shortcuts/", {"shortcuts": "off"})

    assert "data-no-shortcuts" in client.get("/admin/").content.decode()


class TestSessions:
    def test_are_listed_without_their_keys(self, browser: Any, admin: Any) -> None:
        here, there = browser(admin), browser(admin)

        page = here.get("/admin/profile/").content.decode()

        assert page.count('class="deed"') == 2
        assert page.count("this one") == 1
        for client in (here, there):
            assert client.session.session_key not in page

    def test_are_ended_one_by_one_and_the_trail_tells(self, browser: Any, admin: Any, news: Any) -> None:
        here, there = browser(admin), browser(admin)
        form = re.search(r'name="session" value="(\w+)"', here.get("/admin/profile/").content.decode())
        assert form is not None
        news()

        here.post("/admin/profile/sessions/", {"session": form[1]})

        assert here.get("/admin/").status_code == 200
        assert there.get("/admin/").status_code == 302
        (entry,) = news(operation="LOGOUT")
        assert (entry.user_id, entry.record_id) == ("ada", "user ada")

    def test_are_ended_all_at_once_but_the_present_one(self, browser: Any, admin: Any, person: Any) -> None:
        here, there, elsewhere, other = browser(admin), browser(admin), browser(admin), browser(person())

        here.post("/admin/profile/sessions/")

        codes = [client.get("/admin/profile/").status_code for client in (here, there, elsewhere, other)]
        assert codes == [200, 302, 302, 200]

    def test_of_others_are_out_of_reach(self, browser: Any, admin: Any, person: Any, news: Any) -> None:
        victim = browser(admin)
        browser(admin)
        form = re.search(r'name="session" value="(\w+)"', victim.get("/admin/profile/").content.decode())
        assert form is not None

        answer = browser(person()).post("/admin/profile/sessions/", {"session": form[1]}, follow=True)

        assert "There is no such session" in answer.content.decode()
        assert [row.error_code for row in news(operation="LOGOUT")] == ["NOT_FOUND"]

    def test_outlive_a_change_of_the_password_only_where_it_was_made(self, browser: Any, admin: Any) -> None:
        here, there = browser(admin), browser(admin)
        new = "another long enough password"

        here.post(
            "/admin/password_change/",
            {"old_password": "correct horse", "new_password1": new, "new_password2": new},
        )

        assert here.get("/admin/profile/").status_code == 200
        assert there.get("/admin/profile/").status_code == 302
