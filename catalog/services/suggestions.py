"""Words that a column may hold beside any other: what the lookup table proposes."""

from __future__ import annotations

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from catalog import registry
from catalog.services import masking
from catalog.services.texts import is_short
from catalog.table import Table

Words = dict[str, list[tuple[str, str]]]
"""(word, label) of what is proposed, by column."""


def of(actor: Actor, *tables: Table) -> dict[str, Words]:
    """This function will return the words proposed for columns of tables, by table, as far as the actor may read them.

    They are in their order. Columns that hold only the words of a fixed list are left out. It takes one query.
    """
    lookups = registry.get("lookup_values")
    types = {
        f"{table.name}.{name}": (table.name, name)
        for table in tables
        for name, field in table.columns.items()
        if is_short(field) and not field.flatchoices
    }
    found: dict[str, Words] = {table.name: {} for table in tables}
    if not types or not policy.decide(actor, Operation.READ, lookups).allowed:
        return found
    rows = masking.rows(actor, lookups).filter(lookup_type__in=types, is_active=True)
    for row in rows.order_by("lookup_type", "display_order", "value"):
        table, column = types[row.lookup_type]  # type: ignore[attr-defined] # a word's
        found[table].setdefault(column, []).append((row.value, row.label or ""))  # type: ignore[attr-defined]
    return found
