"""The columns of a record in groups, as people look for them: derived from what the columns are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from catalog.admin.forms import is_long
from catalog.services.texts import label
from catalog.table import AnyField, Table

MAIN, PARENTS, TEXTS, LISTS = "group-main", "group-parents", "group-texts", "group-lists"


@dataclass(frozen=True)
class Group:
    """Columns that stand together, under a heading; `kind` names how they are laid out."""

    kind: str
    heading: str
    columns: list[str]


def of(table: Table, shown: Collection[str]) -> list[Group]:
    """This function will return the groups that have columns, each column in one, the record's name first."""
    headings = {
        MAIN: capfirst(str(table.model._meta.verbose_name)),
        PARENTS: _("Belongs to"),
        TEXTS: _("Texts"),
        LISTS: _("Lists and attributes"),
    }
    name = label(table)
    names = [n for n in shown if n == name] + [n for n in shown if n != name]
    found: dict[str, list[str]] = {kind: [] for kind in headings}
    for column in names:
        found[MAIN if column == name else _kind(table.columns[column])].append(column)
    return [Group(kind, headings[kind], columns) for kind, columns in found.items() if columns]


def _kind(field: AnyField) -> str:
    match field:
        case models.ForeignKey():
            return PARENTS
        case ArrayField() | models.JSONField():
            return LISTS
        case _:
            return TEXTS if is_long(field) else MAIN
