"""The answer to “why may this user do that?”, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from accesscontrol import explaining, policy, service_users
from accesscontrol.actor import Actor
from accesscontrol.admin.words import OPERATIONS, RIGHTS
from accesscontrol.explaining import Explanation
from accesscontrol.policy import Operation, Right
from catalog import registry
from catalog.admin.rights.grids import label
from catalog.table import Table

MAX_NAMES = 500  # offered while somebody types; others can be typed all the same


def answer(actor: Actor, user: User | None, wanted: str, query: Mapping[str, str]) -> dict[str, Any]:
    """This function will return what the page shows of `user`, or that there is none of the name `wanted`."""
    table, operation = query.get("table", ""), query.get("operation", "")
    found: dict[str, Any] = {
        "wanted": wanted,
        "names": _names(actor),
        "tables": [(table.name, label(table)) for table in registry.all_tables()],
        "operations": [*OPERATIONS.items(), *RIGHTS.items()],
        "table": table,
        "operation": operation,
    }
    if user is None:
        return {**found, "is_unknown": True}
    verdict = _verdict(actor, user, operation, table)
    return {**found, "subject": user, "verdict": verdict, "grid": _grid(actor, user)}


def _verdict(actor: Actor, user: User, operation: str, table_name: str) -> dict[str, Any] | None:
    """One decision and its reasons, where the question is whole."""
    table = next((table for table in registry.all_tables() if table.name == table_name), None)
    if operation in set(Right):
        explained = explaining.explain(asker=actor, user=user, right=Right(operation))
        deed = str(RIGHTS[Right(operation)])
    elif operation in set(Operation) and table is not None:
        explained = explaining.explain(asker=actor, user=user, right=Operation(operation), table=table)
        deed = _("%(operation)s in %(table)s") % {
            "operation": OPERATIONS[Operation(operation)],
            "table": table.name,
        }
    else:
        return None
    return {
        "allowed": explained.decision.allowed,
        "deed": deed,
        "reason": explained.decision.reason,
        "steps": _steps(explained, user),
        "other_roles": [name.removeprefix("role ") for name in explained.other_roles],
        "hidden": explained.hidden,
        "read_only": explained.read_only,
        "table": table,
    }


def _steps(explained: Explanation, user: User) -> list[tuple[bool | None, str]]:
    """Everything that is looked at, in order, with what it says: yes, no, or nothing."""
    steps: list[tuple[bool | None, str]] = []
    if explained.is_closed:
        steps.append((False, _("The table is read only: nobody writes it, superusers included.")))
    if not user.is_active:
        steps.append((False, _("The account is disabled, so nothing is allowed.")))
    else:
        steps.append((None, _("The account is active.")))
    if explained.is_superuser:
        steps.append((True, _("The account is a superuser's, who needs no role.")))
    for source in explained.granted_by:
        told = (
            _("The role %(role)s grants it.") % {"role": source.removeprefix("role ")}
            if source.startswith("role ")
            else _("It was granted to the account itself.")
        )
        steps.append((True, told))
    steps += [
        (None, _("The role %(role)s does not grant it.") % {"role": source.removeprefix("role ")})
        for source in explained.silent_roles
    ]
    if not (explained.granted_by or explained.is_superuser or explained.is_closed):
        steps.append((False, _("Nothing grants it, and what is not granted is denied.")))
    return steps


def _grid(actor: Actor, user: User) -> dict[str, Any]:
    """Everything that the account may do; one may see only one's own tables where one manages nothing."""
    on_tables, on_whole = explaining.verdicts(asker=actor, user=user, tables=registry.all_tables())
    subjects: dict[str, list[dict[str, Any]]] = {}
    for table in registry.all_tables():
        subjects.setdefault(table.subject, []).append(_row(table, on_tables[table.name]))
    return {
        "headings": OPERATIONS.values(),
        "subjects": [(_(name), rows) for name, rows in subjects.items()],
        "whole": [(right, RIGHTS[right], on_whole[right]) for right in Right],
        "span": len(OPERATIONS) + 1,
        "is_program": service_users.is_service_user(user),
    }


def _row(table: Table, decisions: Mapping[str, policy.Decision]) -> dict[str, Any]:
    cells = [
        {"operation": str(operation), "words": words, "decision": decisions[operation]}
        for operation, words in OPERATIONS.items()
    ]
    return {"name": table.name, "label": label(table), "cells": cells}


def _names(actor: Actor) -> list[str]:
    """The accounts to choose from, for who manages them."""
    if not policy.holds(actor, Right.MANAGE_ACCESS).allowed:
        return []
    return list(User.objects.order_by("username").values_list("username", flat=True)[:MAX_NAMES])
