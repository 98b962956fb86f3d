"""The scopes that a person may give a key, as boxes: rights on everything, and on single tables."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation, Right
from accesscontrol.scopes import Scope
from catalog import registry
from catalog.table import Table

EXPLAINED: Final[dict[Operation | Right, Promise]] = {
    Operation.READ: gettext_lazy("Read records, and what tables there are"),
    Operation.INSERT: gettext_lazy("Add records"),
    Operation.UPDATE: gettext_lazy("Change records, and take them out of the trash"),
    Operation.DELETE: gettext_lazy("Delete records"),
    Operation.PURGE: gettext_lazy("Remove records for good"),
    Operation.EXPORT: gettext_lazy("Export records to a file"),
    Operation.IMPORT: gettext_lazy("Import records from a file"),
    Operation.BACKUP: gettext_lazy("Back tables up"),
    Operation.RESTORE: gettext_lazy("Restore tables from a backup"),
    Right.VIEW_AUDIT: gettext_lazy("See what others did"),
    Right.MANAGE_BACKUPS: gettext_lazy("List, check, fetch and delete backups"),
    Right.APPROVE: gettext_lazy("Approve the plans of others"),
    Right.MANAGE_ACCESS: gettext_lazy("Manage users, roles, keys and rules"),
}


@dataclass(frozen=True)
class Box:
    """One scope to tick; without a value there is none."""

    value: str
    label: str
    is_ticked: bool = False


@dataclass(frozen=True)
class Line:
    """A table, and a box for each operation."""

    name: str
    label: str
    boxes: list[Box]


@dataclass(frozen=True)
class Choice:
    """All scopes that can be ticked."""

    everywhere: list[Box]
    operations: list[str]
    tables: list[Line]
    some_tables: bool  # whether one on a single table is ticked


def offered(actor: Actor, ticked: Collection[str], within: Scope | None = None) -> Choice:
    """This function will return the scopes that the actor may give a new key, or leave a key that has `within`."""

    def is_offered(right: str, table: str = "") -> bool:
        return within.includes(right, table) if within else policy.has(actor, right, table)

    everywhere = [
        Box(str(right), str(EXPLAINED[right]), right in ticked)
        for right in (*Operation, *Right)
        if is_offered(right) or (within is None and right in set(Operation) and actor.grants.tables(right))
    ]
    lines = []
    for table in registry.all_tables():
        boxes = [_box(table, operation, ticked, is_offered(operation, table.name)) for operation in Operation]
        if any(box.value for box in boxes):
            lines.append(Line(table.name, _name(table), boxes))
    some = any(box.is_ticked for line in lines for box in line.boxes)
    return Choice(everywhere, [str(operation) for operation in Operation], lines, some)


def _box(table: Table, operation: Operation, ticked: Collection[str], is_offered: bool) -> Box:
    if not is_offered or (table.read_only and operation in policy.WRITES):
        return Box("", "")
    value = f"{operation}:{table.name}"
    label = _("%(operation)s in %(table)s") % {"operation": operation, "table": table.name}
    return Box(value, label, value in ticked)


def _name(table: Table) -> str:
    return capfirst(str(table.model._meta.verbose_name_plural))
