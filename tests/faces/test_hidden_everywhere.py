"""Every column that can be hidden, hidden: no page tells of what is in it, not those of other tables either.

Of each table every second page is opened, with the next table the others; of books, and with --whole, all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accesscontrol.models import ColumnRule
from audit.models import AuditLog
from catalog import registry
from catalog.services import records
from catalog.services.column_rules import why_not_hidden
from catalog.table import Table
from tests.faces.samples import made

SECRET, PART, BEFORE = "Zanzibar", "Zanzi", "Tanganyika"
TABLES = [table for table in registry.all_tables() if not table.read_only]
OWN = ("changelist", "change", "add", "delete", "history", "export", "import")


def secret_columns(table: Table) -> Iterator[str]:
    """Yield the columns that can be hidden and hold texts."""
    for name, field in table.columns.items():
        is_text = (
            isinstance(field, models.TextField | ArrayField | models.JSONField) and not field.flatchoices
        )
        if (
            is_text
            and name != "sha256"
            and name not in table.managed_columns
            and not why_not_hidden(table, name)
        ):
            yield name


def kept(table: Table, text: str) -> dict[str, Any]:
    """Return a value with the text in it for each of these columns."""

    def value(field: Any) -> Any:
        match field:
            case ArrayField():
                return [text]
            case models.JSONField():
                return {text: text}
        return text

    return {name: value(table.columns[name]) for name in secret_columns(table)}


def pages(table: Table, record: models.Model) -> Iterator[str]:
    """Yield the addresses where something of a record might be told."""
    meta = table.model._meta
    base = f"admin:{meta.app_label}_{meta.model_name}"
    key = table.format_key({column: getattr(record, column) for column in table.key})
    for page in OWN:
        try:
            yield reverse(f"{base}_{page}", args=[key] if page in ("change", "delete", "history") else [])
        except NoReverseMatch:
            continue
    yield f"{reverse(f'{base}_changelist')}?q={PART}"
    yield f"{reverse('admin:search')}?q={PART}"
    for entry in AuditLog.objects.filter(table_name=table.name, operation="UPDATE"):
        yield reverse("admin:audit_auditlog_change", args=[entry.pk])
        yield reverse("admin:undo_change", args=[entry.change_id])
    yield f"{reverse('admin:audit_auditlog_changelist')}?table_name__exact={table.name}"


def of_others(table: Table, record: models.Model) -> Iterator[str]:
    """Yield the addresses of records that refer to it, and of those that it refers to."""
    for other in TABLES:
        for column, parent in other.foreign_keys.items():
            if parent == table.name and not other.junction:
                child = made(other, **{other.columns[column].name: record})
                yield _change(other, child)
                yield reverse(f"admin:catalog_{other.model._meta.model_name}_changelist")
    for column, parent in table.foreign_keys.items():
        if getattr(record, column) is not None:
            yield _change(registry.get(parent), getattr(record, table.columns[column].name))


def names(column: str, page: str) -> bool:
    """Say whether a page offers a column: as a field, to be chosen, or to be sorted or filtered by."""
    return any(
        told in page for told in (f'id="id_{column}"', f'value="{column}"', f"o={column}", f"&amp;{column}__")
    )


def _change(table: Table, record: models.Model) -> str:
    return reverse(f"admin:catalog_{table.model._meta.model_name}_change", args=[record.pk])


@pytest.fixture
def client(browser: Any, person: Any) -> Client:
    made_for: Client = browser(person("Administrator"))
    made_for.raise_request_exception = False
    return made_for


@pytest.mark.usefixtures("no_navigation")
@pytest.mark.parametrize("table", [t for t in TABLES if any(secret_columns(t))], ids=str)
def test_no_page_tells_of_them(client: Client, admin: Any, table: Table, is_whole: bool) -> None:
    record = made(table, **kept(table, BEFORE))
    where = {column: getattr(record, column) for column in table.key}
    records.update_records(actor=admin, table=table, data=kept(table, SECRET), where=where)
    role = Group.objects.get(name="Administrator")
    for column in secret_columns(table):
        ColumnRule.objects.create(role=role, table_id=table.name, column_name=column, access="hidden")

    wrong = []
    shown = reverse(f"admin:catalog_{table.model._meta.model_name}_change", args=[table.format_key(where)])
    addresses = [*dict.fromkeys([*pages(table, record), *of_others(table, record)])]
    for address in (
        addresses if is_whole or table.name == "books" else addresses[TABLES.index(table) % 2 :: 2]
    ):
        answer = client.get(address)
        page = answer.content.decode()
        told = [text for text in (SECRET, BEFORE) if text in page]
        if f"/{table.model._meta.model_name}/" in address:
            told += [name for name in secret_columns(table) if names(name, page)]
        if PART in address and shown in page:
            told.append("found by what is hidden")
        if answer.status_code >= 500 or told:
            wrong.append(f"{address}: {answer.status_code} {told}")

    assert wrong == [], "\n".join(wrong)
