"""The record that a foreign key points to, as a member of the record that points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Cast, JSONObject

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from accesscontrol.policy import Operation
from catalog import registry
from catalog.services import columns
from catalog.services.names import listed
from catalog.table import AnyField, Table

_JSON = models.JSONField()


@dataclass(frozen=True)
class Expansion:
    """One member: its name in the record, its alias in the query, and the expression that makes it."""

    name: str
    alias: str
    expression: Any


def build(actor: Actor, table: Table, names: Sequence[str], *, include_deleted: bool) -> list[Expansion]:
    """This function will return the expansions of the foreign keys named (`author_id` or `author`).

    Of a parent in the trash, unless trashed records are asked for, a record shows the key and `deleted: true`
    alone; without a parent the member is null.

    :raises InvalidInput: not a foreign key of the table
    :raises Forbidden: the actor may not read the table it points to
    """
    wanted = dict.fromkeys(_column(table, name) for name in listed(names, "expand", table.foreign_keys))
    return [
        _expansion(actor, table, column, f"expanded_{index}", include_deleted=include_deleted)
        for index, column in enumerate(wanted)
    ]


def _column(table: Table, name: str) -> str:
    for column in table.foreign_keys:
        if name in (column, column.removesuffix("_id")):
            return column
    raise InvalidInput(
        f"{table.name} has no foreign key {quoted(name)!r} to expand.{did_you_mean(name, table.foreign_keys)}",
        table=table.name,
        allowed=list(table.foreign_keys),
    )


def _expansion(actor: Actor, table: Table, column: str, alias: str, *, include_deleted: bool) -> Expansion:
    parent = registry.get(table.foreign_keys[column])
    policy.require(actor, Operation.READ, parent)
    parent = columns.shown(actor, parent)
    path = table.columns[column].name
    members = {name: _member(path, field) for name, field in parent.columns.items()}
    branches = [When(Q(**{f"{path}__isnull": True}), then=Value(None, _JSON))]
    if parent.soft_delete:
        is_deleted = Q(**{f"{path}__deleted_at__isnull": False})
        trashed = members if include_deleted else {name: members[name] for name in parent.key}
        branches.append(When(is_deleted, then=JSONObject(**trashed, deleted=Value(True))))
        members["deleted"] = Value(False)
    expression = Case(*branches, default=JSONObject(**members), output_field=_JSON)
    return Expansion(column.removesuffix("_id"), alias, expression)


def _member(path: str, field: AnyField) -> Any:
    value = F(f"{path}__{field.attname}")
    return Cast(value, models.TextField()) if isinstance(field, models.DecimalField) else value
