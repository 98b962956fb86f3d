"""Forms with fields injected that no page offered: of every table, what is not the form's is refused, and told."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Max
from django.template.response import TemplateResponse
from django.test import Client
from django.urls import reverse

from accesscontrol.models import ColumnRule
from audit.models import AuditLog
from catalog import registry
from catalog.services.column_rules import why_not_hidden
from catalog.table import Table
from config.site import AdminSite
from tests.faces.samples import WRITABLE, form_of, made, posted, url, values

pytestmark = pytest.mark.usefixtures("unrendered")
JUNCTIONS = [table for table in registry.all_tables() if table.junction]
every_table = pytest.mark.parametrize("table", WRITABLE, ids=str)


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make no HTML of answers: it takes longer than all the rest, and what counts here is what was not done."""
    monkeypatch.setattr(TemplateResponse, "rendered_content", "")
    monkeypatch.setattr(AdminSite, "each_context", lambda _self, _request: {})


def stored(table: Table) -> list[dict[str, Any]]:
    return list(table.model._default_manager.order_by("pk").values())


def refused(client: Client, address: str, form: dict[str, Any]) -> set[str]:
    """Send a form, and return what can't be set of it, as the trail's one row of that has it."""
    last = AuditLog.objects.aggregate(last=Max("id"))["last"] or 0
    answer = client.post(address, form)
    assert answer.status_code in (200, 400, 403), (address, answer.status_code)
    (row,) = AuditLog.objects.filter(id__gt=last, success=False)
    names, is_told, _ = row.error_message.partition(" can't be set here.")
    return set(names.split(", ")) if is_told else set()


def forms_of(table: Table, record: models.Model) -> list[tuple[str, dict[str, str]]]:
    """Return the address and what a browser sends of the two pages that take forms."""
    return [
        (url(table, "change", record), form_of(table, record)),
        (url(table, "add"), posted(values(table))),
    ]


@every_table
def test_columns_that_a_page_does_not_offer_can_not_be_set(browser: Any, admin: Any, table: Table) -> None:
    record, client = made(table), browser(admin)
    forms = forms_of(table, record)
    before = stored(table)
    injected = {*table.key, *table.managed_columns, *table.foreign_keys} - {
        field.name for field in table.columns.values() if not field.is_relation and field.editable
    } | {*table.key}

    found = [refused(client, address, form | dict.fromkeys(injected, "1")) for address, form in forms]

    assert found == [injected, injected]
    assert stored(table) == before


@every_table
def test_columns_that_are_hidden_or_read_only_can_not_be_set(
    browser: Any, person: Any, table: Table, is_whole: bool
) -> None:
    """Of a table they are one or the other, in turns; of books, and with --whole, both."""
    both = ("hidden", "read_only")
    for access in both if is_whole or table.name == "books" else [both[WRITABLE.index(table) % 2]]:
        can_not_be_set(browser, person, table, access)


def can_not_be_set(browser: Any, person: Any, table: Table, access: str) -> None:
    """Send forms with all columns of a table that are so."""
    ColumnRule.objects.all().delete()
    record, role = made(table), Group.objects.get(name="Administrator")
    client = browser(person("Administrator"))
    (change, form), (add, new) = forms_of(table, record)
    columns = {
        n for n, f in table.columns.items() if n not in {*table.key, *table.managed_columns} and f.editable
    } - {c for c in table.columns if access == "hidden" and why_not_hidden(table, c)}
    ColumnRule.objects.bulk_create(
        ColumnRule(role=role, table_id=table.name, column_name=column, access=access) for column in columns
    )
    names = {table.columns[column].name for column in columns}
    injected = {name: new.get(name) or "1" for name in names}
    before = stored(table)

    found = [refused(client, change, form | injected), refused(client, add, new | injected)]

    assert found == [names, names]
    assert stored(table) == before


@pytest.mark.parametrize("table", JUNCTIONS, ids=str)
def test_a_junction_takes_neither_another_key_nor_what_the_role_may_not_set(
    browser: Any, person: Any, table: Table
) -> None:
    record, role = made(table), Group.objects.get(name="Administrator")
    client, before = browser(person("Administrator")), stored(table)
    key = table.format_key({column: getattr(record, column) for column in table.key})
    address = reverse(f"admin:catalog_{table.model._meta.model_name}_change", args=[key])
    extra = [n for n in table.columns if n not in {*table.key, *table.managed_columns}]
    for column in extra:
        ColumnRule.objects.create(role=role, table_id=table.name, column_name=column, access="read_only")

    for column in (*table.key, *table.managed_columns, *extra):
        answer = client.post(address, {**form_of(table, record), column: "1", f"{column}_id": "1"})
        assert answer.status_code in (200, 302, 400, 403), column

    assert stored(table) == before


@pytest.mark.parametrize("field", ["user_permissions", "date_joined", "last_login", "password", "id"])
def test_an_account_takes_no_field_that_the_page_does_not_offer(
    browser: Any, admin: Any, person: Any, field: str
) -> None:
    user = person("Viewer", name="vic")
    form = {"username": "vic", "is_active": "on", "is_staff": "on", "groups": [], field: "1"}
    before = type(user).objects.filter(pk=user.pk).values().get()

    browser(admin).post(f"/admin/auth/user/{user.pk}/change/", form)

    after = type(user).objects.filter(pk=user.pk).values().get()
    assert {**after, "last_login": None} == {**before, "last_login": None}
    assert not user.user_permissions.exists()


def test_every_table_is_covered() -> None:
    assert {table.name for table in WRITABLE} == {
        table.name for table in registry.all_tables() if not (table.read_only or table.junction)
    }
