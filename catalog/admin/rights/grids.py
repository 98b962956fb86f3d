"""What the pages of rights show: roles, tables and operations as rows of boxes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from django.contrib.auth.models import Group
from django.db.models import Count
from django.http import QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol import giving, policy, roles
from accesscontrol.actor import Actor
from accesscontrol.admin.words import OPERATIONS, RIGHTS
from accesscontrol.grants import NOWHERE
from accesscontrol.policy import ColumnAccess, Operation, Right
from catalog import registry
from catalog.services import columns as seen_columns
from catalog.services import live
from catalog.services.column_rules import why_not_hidden
from catalog.services.rights import RoleOnTable
from catalog.table import Table

LETTERS: Final = dict(zip(OPERATIONS, "riudpembs", strict=True))
ACCESS: Final = {
    "": gettext_lazy("open"),
    str(ColumnAccess.READ_ONLY): gettext_lazy("read only"),
    str(ColumnAccess.HIDDEN): gettext_lazy("hidden"),
}


def overview() -> dict[str, Any]:
    """This function will return every table by every role, with the operations that are granted."""
    held = roles.held_by_all()
    members = dict(Group.objects.annotate(number=Count("user")).values_list("pk", "number"))
    subjects: dict[str, list[dict[str, Any]]] = {}
    for table in registry.all_tables():
        cells = [
            {
                "marks": "".join(
                    LETTERS[o] if (str(o), table.name) in gives.sources else "·" for o in Operation
                ),
                "words": _words(o for o in Operation if (str(o), table.name) in gives.sources),
                "rules": sum(
                    len(found) for (_access, name), found in gives.rules.items() if name == table.name
                ),
            }
            for gives in held.values()
        ]
        subjects.setdefault(table.subject, []).append(
            {"name": table.name, "label": label(table), "cells": cells, "is_read_only": table.read_only}
        )
    return {
        "roles": [{"id": role.pk, "name": role.name, "members": members[role.pk]} for role in held],
        "subjects": [(_(name), tables) for name, tables in subjects.items()],
        "legend": [(LETTERS[operation], word) for operation, word in OPERATIONS.items()],
        "whole": [
            (RIGHTS[right], [(str(right), NOWHERE) in gives.sources for gives in held.values()])
            for right in Right
        ],
        "span": len(held) + 1,
    }


def operations(
    actor: Actor, table: Table, known: list[RoleOnTable], form: QueryDict | None
) -> dict[str, Any]:
    """This function will return a row per role with a box per operation; `form` is what was ticked and refused."""
    ticked = set(form.getlist("grants")) if form else None
    return {
        "headings": [
            {"name": OPERATIONS[o], "is_closed": table.read_only and o in policy.WRITES} for o in Operation
        ],
        "rows": [
            {
                "role": one.role,
                "boxes": [_box(actor, table, one, operation, ticked) for operation in Operation],
            }
            for one in known
        ],
    }


def columns(
    actor: Actor, table: Table, known: list[RoleOnTable], form: QueryDict | None
) -> dict[str, Any] | None:
    """This function will return a row per column with a choice per role that has something to do with the table."""
    if table.append_only:
        return None
    concerned = [one for one in known if one.operations or one.rules]
    comments = {row["name"]: row["description"] for row in live.describe(table.name)["columns"]}
    return {
        "roles": [one.role for one in concerned],
        "rows": [
            {
                "name": name,
                "comment": comments.get(name) or "",
                "cells": [_choice(table, one, name, form) for one in concerned],
            }
            for name in seen_columns.shown(actor, table).columns
        ],
        "kept": sum(len(one.rules) for one in concerned),
    }


def label(table: Table) -> str:
    """This function will return a table's name for people."""
    return capfirst(str(table.model._meta.verbose_name_plural))


def _box(
    actor: Actor, table: Table, one: RoleOnTable, operation: Operation, ticked: Collection[str] | None
) -> dict[str, Any]:
    value = f"{one.role.pk}:{operation}"
    was_ticked = operation in one.operations
    missing = [] if was_ticked else giving.lacking(actor, one.role.name, one.held, (operation, table.name))
    return {
        "value": value,
        "was_ticked": was_ticked,
        "is_ticked": was_ticked if ticked is None else value in ticked,
        "is_closed": bool(missing),
        "label": _("%(role)s: %(operation)s") % {"role": one.role.name, "operation": OPERATIONS[operation]},
        "reason": _("You can't give what you do not hold: %(missing)s.") % {"missing": ", ".join(missing[:5])}
        if missing
        else "",
    }


def _choice(table: Table, one: RoleOnTable, column: str, form: QueryDict | None) -> dict[str, Any]:
    """One column for one role: open, read only, or hidden where that is possible."""
    field = f"rule:{one.role.pk}:{column}"
    before = one.rules.get(column, "")
    chosen = before if form is None else form.get(field, "")
    reason = why_not_hidden(table, column)
    return {
        "field": field,
        "label": _("%(column)s for %(role)s") % {"column": column, "role": one.role.name},
        "before": before,
        "options": [
            (value, words, value == chosen)
            for value, words in ACCESS.items()
            if value != ColumnAccess.HIDDEN or not reason or before == value
        ],
        "reason": _("It can't be hidden: %(reason)s.") % {"reason": reason} if reason else "",
    }


def _words(granted: Any) -> str:
    return ", ".join(str(OPERATIONS[operation]) for operation in granted) or _("nothing")
