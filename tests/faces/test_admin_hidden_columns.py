"""A column that is hidden from somebody is nowhere on their pages, and no address asks about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models as fields
from django.db.models import NOT_PROVIDED
from django.urls import NoReverseMatch, reverse

from accesscontrol.models import ColumnRule
from audit.models import AuditLog
from catalog import models, registry
from catalog.services import records
from catalog.table import AnyField, Table
from tests.catalog.services import builders
from tests.faces.addresses import of_tables
from tests.faces.samples import WRITABLE, form_of, made, url

pytestmark = pytest.mark.usefixtures("no_navigation")

AUTHORS = registry.get("authors")
BOOKS = registry.get("books")
CHAPTERS = registry.get("chapters")

WORD = "zyzzyva"
NUMBER = 8_675_309
MOMENT = datetime(2173, 8, 9, 17, 43, 21, tzinfo=UTC)
SECRETS = (WORD, str(NUMBER), "8,675,309", "2173-08-09", "secrecy")


def hide(table: Table, *names: str) -> None:
    """Hide columns from editors."""
    role = Group.objects.get(name="Editor")
    for name in names:
        ColumnRule.objects.create(role=role, table_id=table.name, column_name=name, access="hidden")


def hideable(table: Table) -> Iterator[tuple[str, AnyField]]:
    """Yield the columns that a rule may hide."""
    for name, field in table.columns.items():
        is_needed = not field.null and field.db_default is NOT_PROVIDED
        if name not in {*table.key, *table.foreign_keys, "deleted_at"} and not is_needed:
            yield name, field


def secret(field: AnyField) -> Any:
    """Return a value that would be known again wherever it is shown; None where a column can have none."""
    if field.flatchoices or field.name == "sha256":
        return None
    match field:
        case ArrayField():
            return [WORD, "secrecy"]
        case fields.JSONField():
            return {WORD: "secrecy"}
        case fields.DateTimeField():
            return MOMENT.replace(minute=44) if field.name == "ended_at" else MOMENT
        case fields.DateField():
            return MOMENT.date()
        case fields.IntegerField() if field.name not in {"start_year", "age"}:
            return NUMBER
        case fields.TextField():
            return f"{WORD} secrecy"
    return None


def secretive(table: Table) -> fields.Model:
    """Make a record whose columns that can be hidden hold secrets, and hide them from editors."""
    names = dict(hideable(table))
    told = {f.name: value for n, f in names.items() if (value := secret(f)) is not None}
    record = made(table, is_bare=table.name != "world_element_usage", **told)
    hide(table, *names)
    return record


def pages(table: Table, record: fields.Model) -> Iterator[str]:
    """Yield the address of every page of a table, and of a record in it, that can be opened."""
    for other, page, name in of_tables():
        if other is table and page not in {"version", "restore"}:
            try:
                yield reverse(f"admin:{name}")
            except NoReverseMatch:
                yield reverse(f"admin:{name}", args=[record.pk])


def told(client: Any, table: Table, address: str) -> list[str]:
    """Return what of the hidden columns, and of their names, a page tells."""
    page = client.get(address)
    text = page.content.decode()
    assert page.status_code in {200, 400, 403, 404, 405}, address
    names = {field.name for _, field in hideable(table)}
    form = page.context.get("adminform") if page.context else None
    shown = {_name(field) for fieldset in form or () for line in fieldset for field in line}
    return [word for word in SECRETS if word in text] + sorted(names & shown)


def _name(field: Any) -> str:
    return field.field["name"] if field.is_readonly else field.field.name  # type: ignore[no-any-return]


@pytest.mark.parametrize("table", WRITABLE, ids=str)
def test_list_record_and_history_tell_nothing_of_any_that_can_be_hidden(
    browser: Any, editor: Any, admin: Any, table: Table
) -> None:
    record, client = secretive(table), browser(editor)
    data = _a_change(table)
    records.update_records(actor=admin, table=table, data=data, where={"id": record.pk})

    for address in (url(table, ""), url(table, "change", record), url(table, "history", record)):
        assert told(client, table, address) == [], address


@pytest.mark.parametrize("table", [BOOKS, registry.get("characters")], ids=str)
class TestTable:
    def test_tells_nothing_of_them_on_any_page(
        self, browser: Any, editor: Any, admin: Any, table: Table
    ) -> None:
        record, client = secretive(table), browser(editor)
        data = _a_change(table)
        records.update_records(actor=admin, table=table, data=data, where={"id": record.pk})

        for address in pages(table, record):
            assert told(client, table, address) == [], address

    def test_tells_nothing_of_them_in_what_a_list_does(self, browser: Any, editor: Any, table: Table) -> None:
        record, client = secretive(table), browser(editor)

        for action in ("edit_chosen", "delete_chosen"):
            page = client.post(url(table, ""), {"action": action, "_selected_action": record.pk})
            text = page.content.decode()
            assert page.status_code == 200
            assert [word for word in SECRETS if word in text] == []
            assert [f.name for _, f in hideable(table) if f'name="new-{f.name}"' in text] == []

    def test_can_not_be_asked_about_them(self, browser: Any, editor: Any, table: Table) -> None:
        record, client = secretive(table), browser(editor)

        found = client.get(f"{url(table, '')}?q={WORD}").content.decode()
        assert f"/{record.pk}/change/" not in found
        for name, _field in hideable(table):
            for question in (name, f"{name}__isnull", f"{name}__gte"):
                assert client.get(f"{url(table, '')}?{question}=1").status_code == 400, question
            for question in (f"o={name}", f"_columns={name}"):
                assert told(client, table, f"{url(table, '')}?{question}") == []

    def test_takes_no_value_for_them(self, browser: Any, editor: Any, news: Any, table: Table) -> None:
        record, client = secretive(table), browser(editor)
        before = table.model._default_manager.filter(pk=record.pk).values()[0]
        hidden = {f.name for _, f in hideable(table)}
        form = {name: value for name, value in form_of(table, record).items() if name not in hidden}
        news()

        for name in sorted(hidden):
            page = client.post(url(table, "change", record), {**form, name: "1"})
            assert page.status_code == 200
            assert WORD not in page.content.decode()

        assert table.model._default_manager.filter(pk=record.pk).values()[0] == before
        assert [row.error_code for row in news(success=False)] == ["VALIDATION_ERROR"] * len(hidden)

    def test_keeps_them_as_they_are_when_others_are_saved(
        self, browser: Any, editor: Any, table: Table
    ) -> None:
        record, client = secretive(table), browser(editor)
        hidden = {f.name for _, f in hideable(table)}
        before = table.model._default_manager.filter(pk=record.pk).values(*hidden)[0]
        page = client.get(url(table, "change", record))
        form = {n: v for n, v in form_of(table, record).items() if n not in hidden}
        name = table.title_column or ""

        answer = client.post(
            url(table, "change", record), {**form, "_stamp": page.context["stamp"], name: "Another"}
        )

        assert answer.status_code == 302, answer.context["adminform"].form.errors
        after = table.model._default_manager.filter(pk=record.pk).values(*hidden)[0]
        assert {**after, "updated_at": None} == {**before, "updated_at": None}
        assert getattr(table.model._default_manager.get(pk=record.pk), name) == "Another"


class TestOtherTables:
    def test_name_a_record_by_what_may_be_known_of_it(self, browser: Any, editor: Any) -> None:
        chapter = made(CHAPTERS, title=f"{WORD} secrecy", chapter_num=7)
        scene = made(registry.get("scenes"), chapter=chapter)
        usage = made(registry.get("world_element_usage"), chapter=chapter)
        hide(CHAPTERS, "title")
        client = browser(editor)

        for table, record in ((registry.get("scenes"), scene), (registry.get("world_element_usage"), usage)):
            listed = client.get(url(table, "")).content.decode()
            shown = client.get(url(table, "change", record)).content.decode()
            assert WORD not in listed + shown
            assert "Chapter 7" in shown

    def test_a_reference_is_not_found_by_what_is_hidden(self, browser: Any, editor: Any) -> None:
        made(AUTHORS, name="Known", email=f"{WORD}@example.org")
        hide(AUTHORS, "email")
        query = {"app_label": "catalog", "model_name": "book", "field_name": "author", "term": WORD}

        found = browser(editor).get("/admin/autocomplete/", query)

        assert found.json()["results"] == []

    def test_the_search_of_all_tables_does_not_look_into_them(self, browser: Any, editor: Any) -> None:
        record, client = secretive(CHAPTERS), browser(editor)

        for words in (WORD, str(record.pk)):
            assert "secrecy" not in client.get("/admin/search/", {"q": words}).content.decode()

    def test_a_record_is_named_where_all_of_its_name_may_be_known(self, browser: Any, editor: Any) -> None:
        chapter = made(CHAPTERS, book=made(BOOKS, title="A known title"))
        hide(BOOKS, "word_count")

        assert "A known title" in browser(editor).get(url(CHAPTERS, "change", chapter)).content.decode()


class TestConflict:
    def test_shows_no_hidden_column_and_keeps_what_others_made_of_it(
        self, browser: Any, editor: Any, admin: Any
    ) -> None:
        book = made(BOOKS, title="Old", word_count=1)
        hide(BOOKS, "word_count")
        client = browser(editor)
        page = client.get(url(BOOKS, "change", book))
        stamp = page.context["stamp"]
        assert "word_count" not in json.loads(stamp)
        changed = {"title": "Theirs", "word_count": NUMBER}
        records.update_records(actor=admin, table=BOOKS, data=changed, where={"id": book.pk})
        form = {n: v for n, v in form_of(BOOKS, book).items() if n != "word_count"}

        page = client.post(url(BOOKS, "change", book), form | {"title": "Mine", "_stamp": stamp})

        assert [each.column for each in page.context["conflicts"]] == ["title"]
        assert str(NUMBER) not in page.content.decode()
        assert models.Book.objects.get(pk=book.pk).word_count == NUMBER


class TestTrail:
    @pytest.fixture
    def told(self, admin: Any, editor: Any) -> AuditLog:
        """An entry of the trail about a column that is hidden from editors."""
        book = builders.book(title="Told", word_count=4711)
        records.update_records(actor=admin, table=BOOKS, data={"word_count": NUMBER}, where={"id": book.pk})
        hide(BOOKS, "word_count")
        return AuditLog.objects.filter(operation="UPDATE").latest("id")

    def test_is_masked(self, browser: Any, editor: Any, admin: Any, told: AuditLog) -> None:
        address = f"/admin/audit/auditlog/{told.pk}/change/"

        assert str(NUMBER) in browser(admin).get(address).content.decode()
        page = browser(editor).get(address).content.decode()

        assert str(NUMBER) not in page
        assert "word_count" not in page

    @pytest.mark.parametrize(
        "question",
        [f"changes__contains={NUMBER}", "error_message=x", f"changes__word_count__new={NUMBER}"],
    )
    def test_no_address_asks_for_what_is_masked(
        self, browser: Any, editor: Any, told: AuditLog, question: str
    ) -> None:
        answer = browser(editor).get(f"/admin/audit/auditlog/?{question}")

        assert answer.status_code == 400
        assert not answer.context["entries"]


def _a_change(table: Table) -> dict[str, Any]:
    """Return a change, of a hidden text where there is one, so that there are a version and an entry to tell of it."""
    texts = (n for n, f in hideable(table) if isinstance(secret(f), str) and n not in table.managed_columns)
    name = next(texts, None)
    if name:
        return {name: f"{WORD} secrecy again"}
    return {"target": 7} if table.name == "writing_goals" else {"description": "Another"}
