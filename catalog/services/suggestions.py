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


def of(actor: Actor, table: Table) -> Words:
    """This function will return the words proposed for columns of a table, as far as the actor may read them.

    They are in their order. Columns that hold only the words of a fixed list are left out.
    """
    lookups = registry.get("lookup_values")
    types = {f"{table.name}.{n}": n for n, f in table.columns.items() if is_short(f) and not f.flatchoices}
    if not types or not policy.decide(actor, Operation.READ, lookups).allowed:
        return {}
    rows = masking.rows(actor, lookups).filter(lookup_type__in=types, is_active=True)
    found: Words = {}
    for row in rows.order_by("lookup_type", "display_order", "value"):
        found.setdefault(types[row.lookup_type], []).append((row.value, row.label or ""))  # type: ignore[attr-defined]
    return found
