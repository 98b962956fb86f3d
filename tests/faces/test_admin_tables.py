"""Every table in the admin, derived from the registry: who may do what, and that it is done through the services."""

from __future__ import annotations

from html import escape
from typing import Any

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import models

from catalog import registry
from catalog.table import Table
from tests.faces.samples import READ_ONLY, WITH_ID, WRITABLE, form_of, made, posted, url, values

pytestmark = pytest.mark.usefixtures("no_navigation")

every_table = pytest.mark.parametrize("table", WITH_ID, ids=str)
# Those who are refused meet every table in test_matrix; here is what they are told, of one table of each kind.
one_of_a_kind = pytest.mark.parametrize(
    "table", [registry.get(name) for name in ("books", "authors", "genres")], ids=str
)
every_writable = pytest.mark.parametrize("table", WRITABLE, ids=str)
MARKUP = "<script>alert('x')</script>"


def stored(table: Table, key: int) -> models.Model:
    return table.model._default_manager.get(pk=key)


class TestAdministrator:
    @every_table
    def test_reads_list_and_record_and_the_trail_tells(
        self, browser: Any, admin: Any, news: Any, table: Table
    ) -> None:
        record, client = made(table), browser(admin)
        news()

        listed = client.get(url(table, ""))
        (read_list,) = news()
        shown = client.get(url(table, "change", record))
        (read_record,) = news(table_name=table.name)

        assert listed.status_code == shown.status_code == 200
        assert escape(str(record)[:40]) in listed.content.decode()
        assert (read_list.operation, read_list.table_name, read_list.success) == ("QUERY", table.name, True)
        assert read_list.record_count == min(50, table.model._default_manager.count())
        assert (read_record.operation, read_record.record_id) == ("QUERY", str(record.pk))
        assert (read_record.channel, read_record.user_id) == ("admin", "ada")

    @every_writable
    def test_adds_a_record_with_every_column_as_typed(
        self, browser: Any, admin: Any, news: Any, table: Table
    ) -> None:
        wanted, client = values(table), browser(admin)
        before = set(table.model._default_manager.values_list("pk", flat=True))
        assert client.get(url(table, "add")).status_code == 200

        answer = client.post(url(table, "add"), posted(wanted))

        assert answer.status_code == 302, answer.context["adminform"].form.errors
        (key,) = set(table.model._default_manager.values_list("pk", flat=True)) - before
        record = stored(table, key)
        assert {name: getattr(record, name) for name in wanted} == wanted
        (entry,) = news(operation="INSERT")
        assert (entry.table_name, entry.record_id, entry.channel) == (table.name, str(key), "admin")

    @every_writable
    def test_changes_only_the_column_that_was_changed(
        self, browser: Any, admin: Any, news: Any, table: Table
    ) -> None:
        record, client = made(table), browser(admin)
        record.refresh_from_db()
        column, value = _another(table, record)
        form = {**form_of(table, record), column: value}
        news()

        answer = client.post(url(table, "change", record), form)

        assert answer.status_code == 302, answer.context["adminform"].form.errors
        (entry,) = news(operation="UPDATE")
        assert list(entry.changes) == [table.model._meta.get_field(column).column]

    @every_writable
    def test_says_what_a_deletion_does_and_deletes(
        self, browser: Any, admin: Any, news: Any, table: Table
    ) -> None:
        record, client = made(table), browser(admin)

        asked = client.get(url(table, "delete", record)).content.decode()
        answer = client.post(url(table, "delete", record), {"post": "yes"})

        assert ("Move to the trash?" if table.soft_delete else "Delete for good?") in asked
        assert answer.status_code == 302
        left = table.model._default_manager.filter(pk=record.pk).first()
        assert left is None if not table.soft_delete else left.deleted_at
        (entry,) = news(operation="DELETE")
        assert (entry.table_name, entry.record_id, entry.success) == (table.name, str(record.pk), True)

    @pytest.mark.parametrize("table", READ_ONLY, ids=str)
    def test_writes_no_read_only_table(self, browser: Any, admin: Any, news: Any, table: Table) -> None:
        record, client = made(table), browser(admin)

        answers = [
            client.post(url(table, "add"), {"name": "Mine"}),
            client.post(url(table, "change", record), {"name": "Mine"}),
            client.post(url(table, "delete", record), {"post": "yes"}),
        ]

        assert [answer.status_code for answer in answers] == [403, 403, 403]
        assert [row.error_code for row in news(success=False)] == ["READ_ONLY_TABLE"] * 3


class TestViewer:
    @one_of_a_kind
    def test_reads_and_writes_nothing(self, browser: Any, viewer: Any, news: Any, table: Table) -> None:
        record, client = made(table), browser(viewer)
        before = table.model._default_manager.filter(pk=record.pk).values()[0]
        rows = table.model._default_manager.count()
        page = client.get(url(table, "change", record))
        assert page.status_code == client.get(url(table, "")).status_code == 200
        assert 'name="_save"' not in page.content.decode()
        news()

        form = {**form_of(table, record), **dict([_another(table, record)])}
        answers = [
            client.get(url(table, "add")),
            client.post(url(table, "add"), form),
            client.post(url(table, "change", record), form),
            client.post(url(table, "delete", record), {"post": "yes"}),
            client.post(url(table, ""), {"action": "delete_chosen", "_selected_action": record.pk, "post": "1"}),
        ]  # fmt: skip

        assert [answer.status_code for answer in answers][:4] == [403] * 4
        assert table.model._default_manager.filter(pk=record.pk).values()[0] == before
        assert table.model._default_manager.count() == rows
        refused = news(success=False)
        assert [row.operation for row in refused] == ["INSERT", "INSERT", "UPDATE", "DELETE", "DELETE"]
        assert {row.error_code for row in refused} <= {"PERMISSION_DENIED", "READ_ONLY_TABLE"}


class TestNobody:
    @one_of_a_kind
    def test_sees_nothing(self, browser: Any, nobody: Any, news: Any, table: Table) -> None:
        record, client = made(table), browser(nobody)
        news()

        answers = [client.get(url(table, "")), client.get(url(table, "change", record))]

        assert [answer.status_code for answer in answers] == [403, 403]
        assert escape(str(record)) not in "".join(answer.content.decode() for answer in answers)
        assert [(row.error_code, row.table_name) for row in news(success=False)] == [
            ("PERMISSION_DENIED", table.name)
        ] * 2

    def test_who_is_not_staff_is_sent_to_the_login(self, browser: Any, person: Any) -> None:
        client = browser(person("Viewer", is_staff=False))

        assert "/admin/login/" in client.get(url(WITH_ID[0], "")).url


class TestMarkup:
    """The pages of every table are in test_stored_markup; here are those that its links do not lead to."""

    @pytest.mark.parametrize("table", [registry.get(name) for name in ("books", "authors")], ids=str)
    def test_is_text_wherever_it_is_shown(self, browser: Any, admin: Any, table: Table) -> None:
        texts = {
            field.name: [MARKUP] if isinstance(field, ArrayField) else MARKUP
            for field in table.columns.values()
            if isinstance(field, models.TextField | ArrayField)
            and not field.flatchoices
            and field.name != "sha256"
        }
        record, client = made(table, **texts), browser(admin)
        pages = [
            client.get(url(table, "change", record)),
            client.post(url(table, ""), {"action": "delete_chosen", "_selected_action": record.pk}),
            client.post(url(table, "delete", record), {"post": "yes"}, follow=True),
        ]

        for page in pages:
            assert page.status_code == 200
            assert MARKUP not in page.content.decode()
        if texts:
            assert escape(MARKUP) in pages[0].content.decode()


class TestForeignTables:
    """What other tables hold is shown as far as their own rights go."""

    def test_a_parent_shows_only_its_number_to_who_may_not_read_it(self, browser: Any, person: Any) -> None:
        author = made(registry.get("authors"), name="Hidden Name")
        book = made(registry.get("books"), author=author)
        reader = browser(person(read=["books"]))
        changer = browser(person(read=["books"], update=["books"]))

        pages = [
            reader.get(url(registry.get("books"), "")),
            reader.get(url(registry.get("books"), "change", book)),
            changer.get(url(registry.get("books"), "change", book)),
        ]

        for page in pages:
            assert page.status_code == 200
            assert "Hidden Name" not in page.content.decode()
            assert str(author.pk) in page.content.decode()

    def test_suggestions_are_searched_audited_and_refused_by_the_rights_on_the_other_table(
        self, browser: Any, person: Any, admin: Any, news: Any
    ) -> None:
        made(registry.get("authors"), name="Ursula K. Le Guin")
        query = {"app_label": "catalog", "model_name": "book", "field_name": "author", "term": "ursula"}
        client = browser(admin)
        news()

        found = client.get("/admin/autocomplete/", query)
        refused = browser(person(read=["books"], insert=["books"])).get("/admin/autocomplete/", query)

        assert [result["text"].split(" (#")[0] for result in found.json()["results"]] == ["Ursula K. Le Guin"]
        assert [(row.table_name, row.record_count) for row in news(operation="QUERY")] == [("authors", 1)]
        assert refused.status_code == 403

    def test_suggestions_are_the_first_few_and_say_that_there_are_more(
        self, browser: Any, admin: Any
    ) -> None:
        made(registry.get("books"))
        for number in range(22):
            made(registry.get("authors"), name=f"Suggested {number:02}")
        query = {"app_label": "catalog", "model_name": "book", "field_name": "author", "term": "suggested"}

        found = browser(admin).get("/admin/autocomplete/", query).json()

        assert [result["text"].split(" (#")[0] for result in found["results"]] == [
            f"Suggested {number:02}" for number in range(20)
        ]
        assert found["pagination"] == {"more": True}

    def test_an_address_can_not_ask_about_another_tables_columns(self, browser: Any, person: Any) -> None:
        made(registry.get("books"))
        client = browser(person(read=["books"]))

        for lookup in ("author__name__startswith=T", "author__name=T", "title__regex=(", "title__exact=%00"):
            assert client.get(f"{url(registry.get('books'), '')}?{lookup}").status_code == 400


def _another(table: Table, record: models.Model) -> tuple[str, str]:
    """Return (field, another value for it, as a browser sends it)."""
    for field in table.columns.values():
        if isinstance(field, models.TextField) and not field.flatchoices and field.name != "sha256":
            return field.name, "Another text"
    return "target", str(record.target + 1)  # type: ignore[attr-defined] # writing_goals
