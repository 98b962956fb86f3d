"""What records are called that others refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models.functions import Left

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from catalog import registry
from catalog.services import columns
from catalog.services.lookups import among
from catalog.services.texts import label
from catalog.table import Table

MAX_NAME_CHARS = 80

Names = Mapping[tuple[str, int], str]
"""What records are called, by the name of their table and their number."""


def names(actor: Actor, table: Table, records: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], str]:
    """This function will return the names of the records that some records refer to, as far as the actor may know them.

    It takes one query for each table that is referred to, however many records there are.
    """
    wanted: dict[Table, set[int]] = {}
    for record in records:
        for column, name in table.foreign_keys.items():
            if isinstance(record.get(column), int):
                wanted.setdefault(registry.get(name), set()).add(record[column])
    return {
        (parent.name, key): name
        for parent, keys in wanted.items()
        for key, name in by_key(actor, parent, keys).items()
    }


def by_key(actor: Actor, table: Table, keys: Iterable[int]) -> dict[int, str]:
    """This function will return what records of a table are called, by key, those in the trash too.

    What has no name is left out, and so is everything where the actor may not read the table, or not know its names.
    """
    column, wanted = label(columns.shown(actor, table)), sorted(set(keys))
    if not wanted or column is None or not policy.decide(actor, Operation.READ, table).allowed:
        return {}
    rows = table.model._default_manager.filter(among("id", wanted)).exclude(**{column: None})
    return dict(rows.values_list("id", Left(column, MAX_NAME_CHARS)))
