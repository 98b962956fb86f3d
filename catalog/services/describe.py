"""What the tables are: columns, keys, rules and relations, as far as the caller may read."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from typing import Any

from django.core.validators import MaxLengthValidator

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.policy import Operation
from audit.operation import audited
from audit.trail import Entry
from catalog import registry
from catalog.services import columns as visible_columns
from catalog.services import live, operators, values
from catalog.table import AnyField, Table

MAX_DEPTH = 3
_WORDS = re.compile(r"\w+")


@audited("GET_SCHEMA")
def get_schema(entry: Entry, *, actor: Actor, table: Table) -> dict[str, Any]:
    """This function will return all that the database knows of a table.

    {table, description, columns, primary_key, foreign_keys, referenced_by, indexes, constraints, flags};
    relations to tables that the actor may not read are left out.

    :raises Forbidden: the actor may not read the table
    """
    policy.require(actor, Operation.READ, table)
    found = live.describe(table.name)
    outgoing, incoming = _relations(_readable_edges(actor, found["foreign_keys"]), table)
    seen = visible_columns.shown(actor, table)
    columns = _columns(found["columns"], seen, outgoing)
    entry.record_count = len(columns)
    return {
        "table": table.name,
        "description": found["description"],
        "columns": columns,
        "primary_key": list(table.key),
        "foreign_keys": outgoing,
        "referenced_by": incoming,
        "indexes": _rules(seen, found["indexes"]),
        "constraints": _rules(seen, found["constraints"]),
        "flags": flags(table),
    }


@audited("LIST_TABLES")
def list_tables(
    entry: Entry, *, actor: Actor, include_system_tables: bool = False, pattern: str | None = None
) -> dict[str, Any]:
    """This function will return {tables, total}: the tables that the actor may read, and what they may do there.

    `pattern` is LIKE's: % is any text, _ one character. System tables show on request.

    :raises AuthenticationRequired: nobody is logged in
    :raises InvalidInput: a bad pattern
    """
    policy.require_account(actor)
    like = "%" if pattern is None else operators.pattern(pattern, "pattern")
    known = {table.name: table for table in _readable(actor)}
    listed = [
        {
            **row,
            "type": "junction" if table.junction else "table",
            "category": table.category,
            **flags(table),
            "your_operations": [str(o) for o in Operation if policy.decide(actor, o, table).allowed],
        }
        for row in live.tables(like)
        if (table := known.get(row["name"])) and (include_system_tables or table.category != "system")
    ]
    entry.record_count = len(listed)
    return {"tables": listed, "total": len(listed)}


@audited("GET_RELATIONSHIPS")
def get_relationships(entry: Entry, *, actor: Actor, table: Table, depth: int = 1) -> dict[str, Any]:
    """This function will return {table, depth, outgoing, incoming, paths}.

    `paths` has the shortest way to each table within `depth` (1 to 3) foreign keys, followed either
    way: {to, length, steps: [{table, column, references_table, references_column}]}.

    :raises Forbidden: the actor may not read the table
    :raises InvalidInput: a depth outside 1 to 3
    """
    policy.require(actor, Operation.READ, table)
    if not values.is_integer(depth) or not 1 <= depth <= MAX_DEPTH:
        raise InvalidInput(f"depth must lie between 1 and {MAX_DEPTH}.", argument="depth", maximum=MAX_DEPTH)
    edges = _readable_edges(actor, live.foreign_keys())
    outgoing, incoming = _relations(edges, table)
    paths = _paths(table.name, edges, depth)
    entry.record_count = len(paths)
    return {"table": table.name, "depth": depth, "outgoing": outgoing, "incoming": incoming, "paths": paths}


@audited("LIST_TABLE_COLUMNS")
def list_table_columns(
    entry: Entry, *, actor: Actor, table: Table, include_metadata: bool = False
) -> dict[str, Any]:
    """This function will return {table, columns, total}: names and types, or all about them with `include_metadata`.

    :raises Forbidden: the actor may not read the table
    """
    policy.require(actor, Operation.READ, table)
    found = live.describe(table.name)
    outgoing, _ = _relations(_readable_edges(actor, found["foreign_keys"]), table)
    columns = _columns(found["columns"], visible_columns.shown(actor, table), outgoing)
    if not include_metadata:
        columns = [{"name": column["name"], "type": column["type"]} for column in columns]
    entry.record_count = len(columns)
    return {"table": table.name, "columns": columns, "total": len(columns)}


def flags(table: Table) -> dict[str, bool]:
    """This function will return what a caller should know before writing: {soft_delete, read_only}."""
    return {"soft_delete": table.soft_delete, "read_only": table.read_only}


def _columns(
    found: list[dict[str, Any]], table: Table, outgoing: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The columns as pg_catalog has them, with what the model knows beside it."""
    references = {key["column"]: f"{key['references_table']}.{key['references_column']}" for key in outgoing}
    return [
        {
            **column,
            "max_length": _max_length(table.columns[column["name"]]),
            "is_primary_key": column["name"] in table.key,
            "references": references.get(column["name"]),
            "allowed_values": [value for value, _ in table.columns[column["name"]].flatchoices] or None,
        }
        for column in found
        if column["name"] in table.columns
    ]


def _rules(table: Table, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The indexes or constraints that are about no column which this view of the table does not have."""
    hidden = registry.get(table.name).columns.keys() - table.columns.keys()
    return [
        rule for rule in rules if not hidden.intersection(_WORDS.findall(" ".join(map(str, rule.values()))))
    ]


def _max_length(field: AnyField) -> int | None:
    """The greatest number of characters that a text column takes, None without a limit."""
    limits = [v.limit_value for v in field.validators if isinstance(v, MaxLengthValidator)]
    return min(limits, default=None)


def _readable(actor: Actor) -> list[Table]:
    return [t for t in registry.all_tables() if policy.decide(actor, Operation.READ, t).allowed]


def _readable_edges(actor: Actor, foreign_keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The foreign keys between tables that the actor may read."""
    names = {table.name for table in _readable(actor)}
    return [key for key in foreign_keys if {key["table"], key["references_table"]} <= names]


def _relations(
    edges: list[dict[str, Any]], table: Table
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The foreign keys from and to a table."""
    outgoing = [key for key in edges if key["table"] == table.name]
    incoming = [key for key in edges if key["references_table"] == table.name]
    return outgoing, incoming


def _paths(start: str, edges: list[dict[str, Any]], depth: int) -> list[dict[str, Any]]:
    """The shortest way from `start` to each table within `depth` edges, nearest first."""
    ways: dict[str, list[dict[str, Any]]] = {start: []}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if len(ways[here]) == depth:
            continue
        for edge in edges:
            ends = {edge["table"], edge["references_table"]}
            for there in ends - {here} if here in ends else ():
                if there not in ways:
                    ways[there] = [*ways[here], _step(edge)]
                    waiting.append(there)
    return [{"to": table, "length": len(steps), "steps": steps} for table, steps in ways.items() if steps]


def _step(edge: dict[str, Any]) -> dict[str, Any]:
    return {name: edge[name] for name in ("table", "column", "references_table", "references_column")}
