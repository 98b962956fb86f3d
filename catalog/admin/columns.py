"""What a list shows of a table: derived from its columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.text import Truncator, capfirst

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from catalog import registry
from catalog.services import search
from catalog.services.texts import is_short, label
from catalog.table import AnyField, Table

MAX_COLUMNS = 6  # beside the record's name and number
MAX_CELL_CHARS = 80

Cell = Callable[[Any], Any]


def cells(table: Table, actor: Actor) -> list[Cell | str]:
    """This function will return the columns of a list: the record's name, its number, and a few more."""
    shown: list[Cell | str] = [_name(table), "id"]
    return shown + [_cell(field, actor) for field in _chosen(table)]


def readable_references(table: Table, actor: Actor) -> list[str]:
    """This function will return the names of the foreign keys in the list whose records the actor may read."""
    return [f.name for f in _chosen(table) if isinstance(f, models.ForeignKey) and may_read(actor, f)]


def unneeded(table: Table, actor: Actor) -> list[str]:
    """This function will return the long columns that a list does not show, to be left in the database."""
    parents = {
        name: registry.get(table.foreign_keys[f"{name}_id"]) for name in readable_references(table, actor)
    }
    return _long(table) + [
        f"{name}__{column}" for name, parent in parents.items() for column in _long(parent)
    ]


def _long(table: Table) -> list[str]:
    """The columns that hold much, without the one that names a record."""
    return [
        field.name
        for field in table.columns.values()
        if isinstance(field, models.TextField | models.JSONField | ArrayField)
        and not (is_short(field) or field.flatchoices or field.name == label(table))
    ]


def searched(table: Table) -> list[str]:
    """This function will return what the search box looks into: names, short texts, the number."""
    return [*search.searched(table), "=id"]


def filtered(table: Table) -> list[str]:
    """This function will return the columns with few values, by which a list is narrowed."""
    return [f.name for f in table.columns.values() if f.flatchoices or isinstance(f, models.BooleanField)]


def may_read(actor: Actor, field: models.ForeignKey[Any, Any]) -> bool:
    """This function will say whether the actor may read the table that a foreign key points to."""
    parent = registry.get(field.related_model._meta.db_table)
    may = policy.decide(actor, Operation.READ, parent).allowed
    return may and not policy.hidden_columns(actor, parent.name)  # one might name the record


def _chosen(table: Table) -> list[AnyField]:
    """The columns worth a place in the list: what the record belongs to, its states and numbers, its last change."""
    fields = [
        f for n, f in table.columns.items() if n not in {*table.key, *table.managed_columns, label(table)}
    ]
    parents = [f for f in fields if isinstance(f, models.ForeignKey)]
    states = [f for f in fields if f.flatchoices or isinstance(f, models.BooleanField)]
    short = [f for f in fields if is_short(f) and f not in states]
    others = [
        f for f in fields if isinstance(f, models.IntegerField | models.DecimalField | models.DateField)
    ]
    chosen = [*parents[:2], *short[:1], *states[:2], *others[:2]][: MAX_COLUMNS - 1]
    changed = table.columns.get("updated_at") or table.columns.get("created_at")
    return [*sorted(chosen, key=fields.index), *([changed] if changed else [])]


def _name(table: Table) -> Cell:
    def name(row: models.Model) -> str:
        return Truncator(str(row)).chars(MAX_CELL_CHARS)

    return _described(name, capfirst(str(table.model._meta.verbose_name)), label(table) or "id")


def _cell(field: AnyField, actor: Actor) -> Cell | str:
    """How one column is shown; Django knows how to show numbers, choices and dates."""
    if isinstance(field, models.ForeignKey):
        return _parent(field) if may_read(actor, field) else field.attname
    if isinstance(field, models.DateTimeField):

        def moment(row: models.Model) -> str | None:
            value: datetime | None = getattr(row, field.attname)
            return None if value is None else value.isoformat(" ", "minutes").removesuffix("+00:00")

        return _described(moment, capfirst(str(field.verbose_name)), field.name)
    if isinstance(field, models.TextField) and not field.flatchoices:

        def text(row: models.Model) -> str | None:
            value: str | None = getattr(row, field.attname)
            return value and Truncator(value).chars(MAX_CELL_CHARS)

        return _described(text, capfirst(str(field.verbose_name)), field.name)
    return field.name


def _parent(field: models.ForeignKey[Any, Any]) -> Cell:
    parent = registry.get(field.related_model._meta.db_table)
    order = label(parent)

    def name(row: models.Model) -> str | None:
        found = getattr(row, field.name)
        if found is None:
            return None
        trashed = " (in the trash)" if getattr(found, "deleted_at", None) else ""
        return f"{Truncator(str(found)).chars(MAX_CELL_CHARS)}{trashed}"

    return _described(
        name, capfirst(str(field.verbose_name)), f"{field.name}__{order}" if order else field.name
    )


def _described(cell: Cell, heading: str, order: str) -> Cell:
    cell.short_description = heading  # type: ignore[attr-defined] # how Django's lists are told
    cell.admin_order_field = order  # type: ignore[attr-defined]
    return cell
