"""Names from outside become tables here, and nowhere else."""

from __future__ import annotations

import re
from functools import cache
from graphlib import TopologicalSorter

from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from catalog.table import Table
from catalog.tables import TABLES

IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")
MAX_IDENTIFIER_BYTES = 63  # PostgreSQL cuts longer ones

_BY_NAME = {table.name: table for table in TABLES}


def get(name: str) -> Table:
    """This function will return the table of that name.

    :raises InvalidInput: the name is no identifier, or no table of the catalog
    """
    if not is_identifier(name):
        raise InvalidInput(
            "A table's name has small letters, digits and underscores only, at most 63.",
            table=quoted(name),
        )
    table = _BY_NAME.get(name)
    if table is None:
        raise InvalidInput(
            f"There is no table {name!r}.{did_you_mean(name, _BY_NAME)}", table=name, allowed=list(_BY_NAME)
        )
    return table


def is_identifier(name: object) -> bool:
    """This function will say whether a name may be an identifier at all, before anything looks it up."""
    return isinstance(name, str) and len(name) <= MAX_IDENTIFIER_BYTES and bool(IDENTIFIER.fullmatch(name))


def all_tables() -> tuple[Table, ...]:
    """This function will return every table, in the order of the navigation."""
    return TABLES


def names() -> tuple[str, ...]:
    """This function will return the name of every table, in the order of the navigation."""
    return tuple(_BY_NAME)


@cache
def load_order() -> tuple[Table, ...]:
    """This function will return the tables so that each comes after those that it refers to.

    A table that refers to itself is no cycle: its rows can be ordered, or its keys checked at the end.
    """
    graph = {table.name: set(table.foreign_keys.values()) - {table.name} for table in TABLES}
    return tuple(_BY_NAME[name] for name in TopologicalSorter(graph).static_order())
