"""All tables and how they refer to each other, as far as the caller may read, and the ways from one to another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from audit.operation import audited
from audit.trail import Entry
from catalog import registry
from catalog.services import columns, live
from catalog.table import Table


@dataclass(frozen=True)
class Edge:
    """A foreign key: a column of one table that refers to another."""

    table: str
    column: str
    references: str
    nullable: bool
    on_delete: str


@dataclass(frozen=True)
class Node:
    """A table as the actor may know it, with about as many rows as it has."""

    table: Table
    row_estimate: int


@dataclass(frozen=True)
class Diagram:
    """The tables in the order of the navigation, and the foreign keys between them."""

    nodes: list[Node]
    edges: list[Edge]


@audited("GET_RELATIONSHIPS")
def get_diagram(entry: Entry, *, actor: Actor) -> Diagram:
    """This function will return the tables that the actor may read, and the foreign keys among those.

    :raises AuthenticationRequired: nobody is logged in
    """
    policy.require_account(actor)
    readable = [t for t in registry.all_tables() if policy.decide(actor, Operation.READ, t).allowed]
    names = {table.name for table in readable}
    rows = live.row_estimates()
    nodes = [Node(columns.shown(actor, table), rows.get(table.name, 0)) for table in readable]
    edges = [_edge(key) for key in live.foreign_keys() if {key["table"], key["references_table"]} <= names]
    entry.record_count = len(nodes)
    return Diagram(nodes, edges)


def path(edges: Iterable[Edge], start: str, end: str) -> list[Edge] | None:
    """This function will return a shortest way from one table to another along foreign keys, followed either way.

    It is empty from a table to itself, and None where there is no way.
    """
    ways: dict[str, list[Edge]] = {start: []}
    waiting = deque([start])
    edges = list(edges)
    while waiting and end not in ways:
        here = waiting.popleft()
        for edge in edges:
            for there in (
                {edge.table, edge.references} - {here} if here in (edge.table, edge.references) else ()
            ):
                if there not in ways:
                    ways[there] = [*ways[here], edge]
                    waiting.append(there)
    return ways.get(end)


def _edge(key: dict[str, Any]) -> Edge:
    return Edge(key["table"], key["column"], key["references_table"], key["nullable"], key["on_delete"])
