"""The tables and the ways between them."""

from __future__ import annotations

from typing import Any

from catalog import registry
from catalog.services import diagram
from catalog.services.diagram import Edge


def edge(table: str, references: str) -> Edge:
    return Edge(table, f"{references}_id", references, nullable=False, on_delete="RESTRICT")


def test_tells_every_table_and_foreign_key_of_the_live_database(viewer: Any) -> None:
    found = diagram.get_diagram(actor=viewer)

    assert [node.table.name for node in found.nodes] == list(registry.names())
    keys = {
        (t.name, column, parent) for t in registry.all_tables() for column, parent in t.foreign_keys.items()
    }
    assert {(e.table, e.column, e.references) for e in found.edges} == keys


def test_the_way_is_a_shortest_one_and_follows_keys_both_ways() -> None:
    edges = [edge("b", "a"), edge("c", "b"), edge("d", "c"), edge("d", "a"), edge("e", "e")]

    assert diagram.path(edges, "a", "c") == [edges[0], edges[1]]
    assert diagram.path(edges, "c", "a") == [edges[1], edges[0]]
    assert diagram.path(edges, "a", "d") == [edges[3]]
    assert diagram.path(edges, "a", "a") == []
    assert diagram.path(edges, "a", "e") is None
