"""The pages of rights: all roles, the roles on one table, and why somebody may do something."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accesscontrol import roles
from accesscontrol.models import ColumnRule
from catalog import registry

RIGHTS, WHY, BOOKS = "/admin/rights/", "/admin/rights/why/", "/admin/rights/tables/books/"


@pytest.fixture
def client(browser: Any, admin: Any) -> Client:
    return browser(admin)


def role(name: str) -> Group:
    return Group.objects.get(name=name)


def rule(group: Group, column: str, access: str) -> None:
    ColumnRule.objects.create(role=group, table_id="books", column_name=column, access=access)


def sent(page: str) -> dict[str, Any]:
    """What a browser sends of a page's form that nobody touched."""
    form: dict[str, Any] = {"grants": [], "role": re.findall(r'name="role" value="(\d+)"', page)}
    form["state"] = re.findall(r'name="state" value="(\w+)"', page)[0]
    for box in re.findall(r'<input type="checkbox" name="grants"[^>]*>', page):
        if " checked" in box and " disabled" not in box:
            form["grants"].append(re.findall(r'value="([^"]+)"', box)[0])
    for name, options in re.findall(r'<select name="(rule:[^"]+)".*?>(.*?)</select>', page):
        form[name] = re.findall(r'value="(\w*)" selected', options)[0]
    return form


def boxes(page: str) -> dict[str, str]:
    """Each box of a page by its value."""
    found = re.findall(r'<input type="checkbox" name="grants"[^>]*>', page)
    return {re.findall(r'value="([^"]+)"', box)[0]: box for box in found}


class TestOverview:
    def test_has_every_table_and_every_role(self, client: Client) -> None:
        rule(role("Editor"), "word_count", "hidden")

        page = client.get(RIGHTS).content.decode()

        for table in registry.all_tables():
            assert f"/admin/rights/tables/{table.name}/" in page
        for group in Group.objects.all():
            assert f"/admin/auth/group/{group.pk}/change/" in page
        assert ">riud·e···<" in page  # the editor
        assert "+1" in page

    def test_costs_the_same_however_many_roles_there_are(self, client: Client) -> None:
        client.get(RIGHTS)
        counts = []
        for number in range(2):
            for name in "abc":
                group = Group.objects.create(name=f"{name}{number}")
                roles._add(group, {("read", "books")})
                rule(group, "status", "hidden")
            for address in (RIGHTS, BOOKS):
                with CaptureQueriesContext(connection) as queries:
                    assert client.get(address).status_code == 200
                counts.append(len(queries))

        assert counts[:2] == counts[2:]


class TestTable:
    def test_of_every_table_is_shown_and_saved_as_it_was(self, client: Client, news: Any) -> None:
        rule(role("Editor"), "status", "read_only")
        for table in registry.all_tables():
            address = f"/admin/rights/tables/{table.name}/"
            page = client.get(address).content.decode()
            news()

            answer = client.post(address, sent(page))

            assert answer.status_code == 302
            assert news(operation="GRANT") == news(operation="REVOKE") == []

    def test_is_changed_by_ticking_and_choosing(self, client: Client, news: Any) -> None:
        viewer, writer = role("Viewer"), role("Writer")
        form = sent(client.get(BOOKS).content.decode())
        form["grants"] = [box for box in form["grants"] if box != f"{writer.pk}:insert"]
        form["grants"].append(f"{viewer.pk}:export")
        form[f"rule:{viewer.pk}:word_count"] = "hidden"
        news()

        answer = client.post(BOOKS, form, follow=True)

        assert "2 roles were changed." in answer.content.decode()
        assert ("export", "books") in roles.grants_of(viewer)
        assert ("read", "chapters") in roles.grants_of(viewer)
        assert ("insert", "books") not in roles.grants_of(writer)
        assert ColumnRule.objects.get(role=viewer).access == "hidden"
        told = [(row.operation, row.record_id) for row in news() if row.operation != "QUERY"]
        assert told == [("REVOKE", "role Viewer"), ("GRANT", "role Viewer"), ("REVOKE", "role Writer")]

    def test_keeps_what_was_chosen_when_it_is_refused(self, browser: Any, manager: User, news: Any) -> None:
        client, viewer = browser(manager), role("Viewer")
        form = sent(client.get(BOOKS).content.decode())
        form["grants"].append(f"{viewer.pk}:purge")
        form[f"rule:{viewer.pk}:word_count"] = "hidden"
        news()

        answer = client.post(BOOKS, form)

        page = answer.content.decode()
        assert answer.status_code == 403
        assert "rights that you do not hold: purge on books" in page
        assert " checked" in boxes(page)[f"{viewer.pk}:purge"]
        assert not ColumnRule.objects.exists()
        assert ("purge", "books") not in roles.grants_of(viewer)
        assert [(row.operation, row.error_code) for row in news(success=False)] == [
            ("GRANT", "PERMISSION_DENIED")
        ]

    def test_does_not_overwrite_what_another_changed(self, client: Client, news: Any) -> None:
        viewer = role("Viewer")
        form = sent(client.get(BOOKS).content.decode())
        client.post(BOOKS, {**form, f"rule:{viewer.pk}:word_count": "hidden"})

        answer = client.post(BOOKS, {**form, "grants": [*form["grants"], f"{viewer.pk}:export"]})

        assert answer.status_code == 409
        assert "Somebody has changed the rights on books" in answer.content.decode()
        assert ("export", "books") not in roles.grants_of(viewer)
        assert ColumnRule.objects.get(role=viewer).access == "hidden"

    def test_closes_what_the_person_does_not_hold(self, browser: Any, manager: User) -> None:
        desk, viewer, editor = role("Front desk"), role("Viewer"), role("Editor")

        found = boxes(browser(manager).get(BOOKS).content.decode())

        assert " disabled" not in found[f"{viewer.pk}:read"]  # it is there, and may be taken
        assert " disabled" not in found[f"{editor.pk}:update"]
        assert " disabled" in found[f"{desk.pk}:update"]
        assert " disabled" in found[f"{viewer.pk}:delete"]

    def test_closes_nothing_to_a_superuser(self, client: Client) -> None:
        assert not any(" disabled" in box for box in boxes(client.get(BOOKS).content.decode()).values())

    def test_names_no_column_that_is_hidden_from_the_person(self, browser: Any, manager: User) -> None:
        rule(role("Front desk"), "word_count", "hidden")
        rule(role("Viewer"), "word_count", "hidden")
        client = browser(manager)

        page = client.get(BOOKS).content.decode()
        saved = client.post(BOOKS, sent(page))
        forged = client.post(BOOKS, {**sent(page), f"rule:{role('Viewer').pk}:word_count": ""})

        assert "word_count" not in page
        assert "status" in page
        assert saved.status_code == 302
        assert forged.status_code == 400
        assert ColumnRule.objects.filter(column_name="word_count", access="hidden").count() == 2

    @pytest.mark.parametrize(
        "forged",
        [
            {"role": "x"},
            {"role": "99999999999999999999"},
            {"grants": "999999:read"},
            {"grants": "read"},
            {"grants": "{viewer}:fly"},
            {"rule:{viewer}:nope": "hidden"},
            {"rule:{viewer}:id": "hidden"},
            {"rule:{viewer}:status": "secret"},
            {"rule:{viewer}": "hidden"},
            {"rule:99999:status": "hidden"},
        ],
    )
    def test_refuses_what_it_did_not_offer(self, client: Client, news: Any, forged: dict[str, str]) -> None:
        viewer = role("Viewer").pk
        before = roles.grants_of_all()
        form = sent(client.get(BOOKS).content.decode())
        news()
        for name, value in forged.items():
            name, value = name.format(viewer=viewer), value.format(viewer=viewer)  # noqa: PLW2901
            form[name] = [*form[name], value] if name in form and isinstance(form[name], list) else value

        answer = client.post(BOOKS, form)

        assert answer.status_code == 400
        assert roles.grants_of_all() == before
        assert not ColumnRule.objects.exists()
        assert [row.error_code for row in news(success=False)] == ["VALIDATION_ERROR"]

    def test_that_there_is_not_is_not_found(self, client: Client) -> None:
        for name in ("nope", "auth_user", "Books"):
            assert client.get(f"/admin/rights/tables/{name}/").status_code == 404


class TestWhy:
    def ask(self, client: Client, **question: str) -> str:
        answer = client.get(WHY, question)
        assert answer.status_code == 200
        return str(answer.content.decode())

    def test_says_yes_and_what_gives_it(self, client: Client, writer: Any) -> None:
        page = self.ask(client, user="wendy", operation="update", table="books")

        assert "Yes: wendy may update in books" in page
        assert "The role Writer grants it." in page

    def test_says_no_and_which_roles_would_give_it(self, client: Client, writer: Any) -> None:
        page = self.ask(client, user="wendy", operation="delete", table="books")

        assert "No: wendy may not delete in books" in page
        assert "The role Writer does not grant it." in page
        assert "Administrator, Data manager, Editor" in page

    def test_names_the_columns_that_are_kept(self, client: Client, writer: Any) -> None:
        rule(role("Writer"), "word_count", "hidden")

        page = self.ask(client, user="wendy", operation="read", table="books")

        assert "<code>word_count</code>" in page

    def test_knows_rights_on_the_whole_and_read_only_tables(self, client: Client, auditor: Any) -> None:
        assert "Yes: otto may see what others did" in self.ask(client, user="otto", operation="view_audit")
        page = self.ask(client, user="ada", operation="update", table="genres")
        assert "No: ada may not update in genres" in page
        assert "nobody writes it, superusers included" in page

    def test_shows_everything_that_somebody_may_do(self, client: Client, viewer: Any) -> None:
        page = self.ask(client, user="victor")

        assert page.count('class="yes"') == len(registry.all_tables())
        assert "Everything that victor may do" in page

    @pytest.mark.parametrize("question", [{"user": "nobody there"}, {"user": "\0"}, {"user": "x" * 5_000}])
    def test_knows_of_no_such_user(self, client: Client, question: dict[str, str]) -> None:
        assert "There is no user" in self.ask(client, **question)

    @pytest.mark.parametrize(
        "question",
        [
            {"operation": "fly"},
            {"operation": "read"},
            {"operation": "read", "table": "nope"},
            {"table": "\0"},
        ],
    )
    def test_without_a_whole_question_gives_no_verdict(
        self, client: Client, question: dict[str, str]
    ) -> None:
        page = self.ask(client, **question)

        assert "Yes:" not in page.split("Everything that")[0]
        assert "No:" not in page.split("Everything that")[0]

    def test_tells_everybody_of_themselves_alone(self, browser: Any, writer: Any, editor: Any) -> None:
        client = browser(writer)

        own = client.get(WHY, {"operation": "update", "table": "books"})
        other = client.get(WHY, {"user": "edith", "operation": "update", "table": "books"})
        unknown = client.get(WHY, {"user": "nobody there"})

        assert "Yes: wendy may update in books" in own.content.decode()
        assert other.status_code == unknown.status_code == 403
        assert "Editor" not in other.content.decode()
        assert "Front desk" not in own.content.decode()


class TestWhoComesIn:
    @pytest.mark.parametrize("address", [RIGHTS, BOOKS])
    def test_manages_access(self, browser: Any, editor: Any, news: Any, address: str) -> None:
        client, before = browser(editor), roles.grants_of_all()
        form = {"state": "x", "role": str(role("Viewer").pk), "grants": f"{role('Editor').pk}:purge"}
        news()

        assert client.get(address).status_code == 403
        assert client.post(address, form).status_code in {403, 405}
        assert roles.grants_of_all() == before
        assert {row.error_code for row in news(success=False)} == {"PERMISSION_DENIED"}

    def test_logs_in_first(self, db: None) -> None:
        for address in (RIGHTS, BOOKS, WHY):
            assert "/admin/login/" in Client().get(address).url
