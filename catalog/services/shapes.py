"""What is answered about tables, in the words of every face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field


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


@dataclass(frozen=True)
class ColumnSummary:
    name: str
    type: str


@dataclass(frozen=True)
class ColumnList:
    table: str
    columns: list[Column | ColumnSummary]
    total: int
