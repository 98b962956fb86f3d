"""Tools that tell what tables there are, and what they look like."""

from __future__ import annotations

from pydantic import Field

from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from catalog.services import describe
from catalog.services.shapes import ColumnList, Relationships, TableList, TableSchema
from mcp_bridge.arguments import Arguments, TableArguments
from mcp_bridge.tool import READS, tool


class ListTables(Arguments):
    include_system_tables: bool = Field(
        False, description="Show system tables as well: exports and the audit trail."
    )
    pattern: str | None = Field(
        None, description="Only names LIKE this: % is any text, _ one character, e.g. character%."
    )


@tool(title="List tables", operation="LIST_TABLES", effect=READS, right=Operation.READ)
def db_list_tables(actor: Actor, arguments: ListTables) -> TableList:
    """List the tables that you may read, with what each is for, how many rows it has and what you may do there.

    Start here. Then db_get_schema shows one table in full. Example: {"pattern": "character%"}
    """
    return TableList(**describe.list_tables(actor=actor, **dict(arguments)))


class GetSchema(TableArguments):
    refresh_cache: bool = Field(False, description="Has no effect: the database is read anew at every call.")


@tool(title="Get a table's schema", operation="GET_SCHEMA", effect=READS, right=Operation.READ)
def db_get_schema(actor: Actor, arguments: GetSchema) -> TableSchema:
    """Show everything about one table: columns with types, defaults and allowed values, keys, indexes and rules.

    Call this before writing to a table for the first time. Relations to tables that you may not read are left out.
    Example: {"table": "books"}
    """
    return TableSchema(**describe.get_schema(actor=actor, table=arguments.table))


class GetRelationships(TableArguments):
    depth: int = Field(1, ge=1, le=3, description="How many foreign keys away `paths` goes.")


@tool(title="Get relationships", operation="GET_RELATIONSHIPS", effect=READS, right=Operation.READ)
def db_get_relationships(actor: Actor, arguments: GetRelationships) -> Relationships:
    """Show how a table is connected: what it refers to, what refers to it, and the way to tables further off.

    Use it to find out by which tables and columns two things belong together, e.g. characters and chapters.
    Example: {"table": "characters", "depth": 2}
    """
    return Relationships(**describe.get_relationships(actor=actor, **dict(arguments)))


class ListTableColumns(TableArguments):
    include_metadata: bool = Field(
        False, description="Everything that db_get_schema says of columns, not just name and type."
    )


@tool(title="List a table's columns", operation="LIST_TABLE_COLUMNS", effect=READS, right=Operation.READ)
def db_list_table_columns(actor: Actor, arguments: ListTableColumns) -> ColumnList:
    """List the columns of one table by name and type: the short form of db_get_schema.

    Example: {"table": "books"}
    """
    return ColumnList(**describe.list_table_columns(actor=actor, **dict(arguments)))


TOOLS = (db_list_tables, db_get_schema, db_list_table_columns, db_get_relationships)
