"""A record of any table, with something in every column, as Python has it and as a browser sends it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models

from catalog import registry
from catalog.table import AnyField, Table

WITH_ID = [table for table in registry.all_tables() if not table.junction and not table.append_only]
WRITABLE = [table for table in WITH_ID if not table.read_only]
READ_ONLY = [table for table in WITH_ID if table.read_only]

_number = count(1)


def values(table: Table, *, is_bare: bool = False) -> dict[str, Any]:
    """Return {field name: value} for a new record, its parents made; a bare one has only those it needs.

    The key of a junction is made of its parents'.
    """
    given = () if table.junction else table.key
    return {
        field.name: None if is_bare and field.null and field.is_relation else _value(field)
        for name, field in table.columns.items()
        if name not in {*given, *table.managed_columns}
    }


def made(table: Table, *, is_bare: bool = False, **chosen: Any) -> models.Model:
    """Make a record, past the services; of a read-only table take one that migrations made."""
    if table.read_only:
        return table.model._default_manager.order_by("id")[0]
    return table.model._default_manager.create(**{**values(table, is_bare=is_bare), **chosen})


def posted(found: Mapping[str, Any]) -> dict[str, str]:
    """Return values as the fields of a form: what is not there is not sent, as with a box not ticked."""
    return {name: _posted(value) for name, value in found.items() if value is not False}


def form_of(table: Table, record: models.Model) -> dict[str, str]:
    """Return what a browser sends back for a record whose form nobody touched."""
    names = [f.name for n, f in table.columns.items() if n not in {*table.key, *table.managed_columns}]
    return posted({name: getattr(record, name) for name in names})


def url(table: Table, page: str, record: models.Model | None = None) -> str:
    """Return the address of a page: "" (the list), "add", "change", "delete", "restore"."""
    meta = table.model._meta
    key = f"{record.pk}/" if record else ""
    return f"/admin/{meta.app_label}/{meta.model_name}/{key}{f'{page}/' if page else ''}"


def _value(field: AnyField) -> Any:
    number = next(_number)
    if isinstance(field, models.ForeignKey):
        return made(registry.get(field.related_model._meta.db_table), is_bare=True)
    if field.flatchoices:
        return field.flatchoices[0][0]
    match field:
        case ArrayField():
            return [f"item {number}", "two, with a comma"]
        case models.JSONField():
            return {"number": number, "list": [1, "two", None]}
        case models.BooleanField():
            return True
        case models.DateTimeField():
            return datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=number, microseconds=number)
        case models.DateField():
            return date(2020, 1, 1) + timedelta(days=number)
        case models.DecimalField():
            return Decimal(number) + Decimal("0.125")
        case models.IntegerField():
            limits = [v.limit_value for v in field.validators if isinstance(v, MaxValueValidator)]
            return number % min([9_000, *limits]) + 1
        case _:
            return "a" * 64 if field.name == "sha256" else f"Text {number}"


def _posted(value: Any) -> str:
    match value:
        case None:
            return ""
        case True:
            return "on"
        case models.Model():
            return str(value.pk)
        case datetime():
            return value.replace(tzinfo=None).isoformat()
        case list():
            return "\n".join(value)
        case dict():
            return json.dumps(value)
        case str():
            return value.replace("\n", "\r\n")  # as browsers do
        case _:
            return str(value)
