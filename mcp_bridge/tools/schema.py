"""Tools that tell what tables there are, and what they look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from accesscontrol.actor import Actor
from accesscontrol.policy import Operation
from catalog.services import describe
from mcp_bridge.arguments import Arguments, TableArguments
from mcp_bridge.tool import READS, tool


class ListTables(Arguments):
    include_system_tables: bool = Field(
        False, description="Show system tables as well: exports and the audit trail."
    )
    pattern: str | None = Field(
        None, description="Only names LIKE this: % is any text, _ one character, e.g. character%."
    )


@dataclass(frozen=True)
class TableSummary:
    name: str
    type: Literal["table", "junction"]
    category: Literal["core", "metadata", "junction", "system", "story"]
    row_estimate: int
    size_bytes: int
    size: str
    description: str
    soft_delete: Annotated[bool, Field(description="Whether deleted records go into a trash.")]
    read_only: bool
    your_operations: Annotated[list[str], Field(description="What you may do there.")]


@dataclass(frozen=True)
class TableList:
    tables: list[TableSummary]
    total: int


@tool(title="List tables", operation="LIST_TABLES", effect=READS, right=Operation.READ)
def db_list_tables(actor: Actor, arguments: ListTables) -> TableList:
    """List the tables that you may read, with what each is for, how many rows it has and what you may do there.

    Start here. Then db_get_schema shows one table in full. Example: {"pattern": "character%"}
    """
    return TableList(**describe.list_tables(actor=actor, **dict(arguments)))


class GetSchema(TableArguments):
    refresh_cache: bool = Field(False, description="Has no effect: the database is read anew at every call.")


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    nullable: bool
    default: str | None
    description: str
    max_length: int | None
    is_primary_key: bool
    references: Annotated[str | None, Field(description="table.column that it points to.")]
    allowed_values: list[Any] | None


@dataclass(frozen=True)
class ForeignKey:
    name: str
    table: str
    column: str
    references_table: str
    references_column: str
    nullable: bool
    on_delete: Literal["cascade", "set null", "restrict", "no action"]


@dataclass(frozen=True)
class Index:
    name: str
    unique: bool
    primary: bool
    columns: list[str]
    predicate: str | None


@dataclass(frozen=True)
class Constraint:
    name: str
    type: Literal["primary key", "unique", "check"]
    columns: list[str] | None
    definition: str


@dataclass(frozen=True)
class Flags:
    soft_delete: bool
    read_only: bool


@dataclass(frozen=True)
class TableSchema:
    table: str
    description: str
    columns: list[Column]
    primary_key: list[str]
    foreign_keys: Annotated[list[ForeignKey], Field(description="What this table refers to.")]
    referenced_by: Annotated[list[ForeignKey], Field(description="What refers to this table.")]
    indexes: list[Index]
    constraints: list[Constraint]
    flags: Flags


@tool(title="Get a table's schema", operation="GET_SCHEMA", effect=READS, right=Operation.READ)
def db_get_schema(actor: Actor, arguments: GetSchema) -> TableSchema:
    """Show everything about one table: columns with types, defaults and allowed values, keys, indexes and rules.

    Call this before writing to a table for the first time. Relations to tables that you may not read are left out.
    Example: {"table": "books"}
    """
    return TableSchema(**describe.get_schema(actor=actor, table=arguments.table))


class GetRelationships(TableArguments):
    depth: int = Field(1, ge=1, le=3, description="How many foreign keys away `paths` goes.")


@dataclass(frozen=True)
class Step:
    table: str
    column: str
    references_table: str
    references_column: str


@dataclass(frozen=True)
class Path:
    to: str
    length: int
    steps: list[Step]


@dataclass(frozen=True)
class Relationships:
    table: str
    depth: int
    outgoing: Annotated[list[ForeignKey], Field(description="What this table refers to.")]
    incoming: Annotated[list[ForeignKey], Field(description="What refers to this table.")]
    paths: Annotated[
        list[Path], Field(description="The shortest way to each table, either way along foreign keys.")
    ]


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


@dataclass(frozen=True)
class ColumnSummary:
    name: str
    type: str


@dataclass(frozen=True)
class ColumnList:
    table: str
    columns: list[Column | ColumnSummary]
    total: int


@tool(title="List a table's columns", operation="LIST_TABLE_COLUMNS", effect=READS, right=Operation.READ)
def db_list_table_columns(actor: Actor, arguments: ListTableColumns) -> ColumnList:
    """List the columns of one table by name and type: the short form of db_get_schema.

    Example: {"table": "books"}
    """
    return ColumnList(**describe.list_table_columns(actor=actor, **dict(arguments)))


TOOLS = (db_list_tables, db_get_schema, db_list_table_columns, db_get_relationships)
