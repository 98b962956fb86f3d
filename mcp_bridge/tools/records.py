"""Tools that read and write records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field

from accesscontrol.actor import Actor
from accesscontrol.answers import Json, Record, Records
from accesscontrol.policy import Operation
from catalog.services import queries, records, trash
from mcp_bridge.arguments import Arguments, Limit, Offset, TableArguments, WriteTerms, word
from mcp_bridge.tool import ADDS, CHANGES, READS, REVIVES, tool

WHERE = (
    'Which records: {"column": value} or {"column": {"operator": value}}; all keys must hold. Operators: $eq $ne $gt'
    " $gte $lt $lte $in $nin $like $ilike (% any text, _ one character) $null $between $contains. Nest with"
    ' {"$or": [{…}, {…}]}, {"$and": […]}, {"$not": {…}}. null means IS NULL.'
)
DATA = 'Values by column: {"title": "…", "author_id": 3}. Dates are ISO 8601 text, decimals a number or text.'
Where = Annotated[dict[str, Any], Field(description=WHERE)]
WhereForWrite = Annotated[
    dict[str, Any],
    Field(description=f"{WHERE} Must not be empty.", json_schema_extra={"minProperties": 1}),
]
Data = Annotated[dict[str, Any], Field(description=DATA)]
ChangeId = Annotated[UUID, Field(description="Names this change in the audit trail.")]


class OrderTerm(Arguments):
    column: str
    direction: Annotated[Literal["asc", "desc"], BeforeValidator(word)] = "asc"


class Aggregate(Arguments):
    fn: Annotated[Literal["count", "sum", "avg", "min", "max", "count_distinct"], BeforeValidator(word)]
    column: str | None = Field(None, description="Needed by all but count, which counts records without it.")


class QueryRecords(TableArguments):
    columns: list[str] | None = Field(None, min_length=1, description="Columns to return. Default: all.")
    where: Where | None = None
    order_by: list[OrderTerm] | None = Field(
        None, description="Default: by key; of groups, by group_by. May name aggregates."
    )
    limit: Limit = 100
    offset: Offset = 0
    cursor: str | None = Field(
        None,
        description="`next_cursor` of the page before: goes on there, at any depth as fast as at the start.",
    )
    include_deleted: bool = Field(False, description="Show records in the trash as well.")
    count: Annotated[Literal["exact", "capped", "none"], BeforeValidator(word)] = Field(
        "capped", description="How to find `total`: capped is exact up to 10,000 and above that an estimate."
    )
    group_by: list[str] | None = Field(
        None, min_length=1, description="One record per group of these columns, with the aggregates."
    )
    aggregate: dict[str, Aggregate] | None = Field(
        None,
        min_length=1,
        description='{"chapters": {"fn": "count"}, "words": {"fn": "sum", "column": "word_count"}}',
    )
    expand: list[str] | None = Field(
        None, description="Foreign keys whose record to add: author_id adds `author`, an object."
    )


@dataclass(frozen=True)
class Page:
    total: Annotated[int | None, Field(description="Records that match in all; null where not counted.")]
    total_is_estimate: bool
    count: Annotated[int, Field(description="Records on this page.")]
    limit: int
    offset: int
    next_cursor: Annotated[str | None, Field(description="Give it as `cursor` to read on; null at the end.")]
    records: Records


@tool(title="Query records", operation="QUERY", effect=READS, right=Operation.READ)
def db_query_records(actor: Actor, arguments: QueryRecords) -> Page:
    """Find records of one table: filter, choose columns, sort, page, count, group and follow foreign keys.

    At most 1,000 records a call; `total` says how many match in all, and `next_cursor`, given as `cursor`, reads on.
    To count or sum, use `group_by` and `aggregate` rather than reading every record. Examples:
    {"table": "books", "where": {"status": "published", "title": {"$ilike": "%anna%"}}, "expand": ["author_id"]}
    {"table": "chapters", "group_by": ["book_id"], "aggregate": {"chapters": {"fn": "count"}},
    "order_by": [{"column": "chapters", "direction": "desc"}]}
    Records in the trash are left out unless include_deleted is true. An error names the argument or column at fault and
    what is allowed: mend it and call again.
    """
    nested = {
        "order_by": [term.model_dump() for term in arguments.order_by or ()],
        "aggregate": {name: spec.model_dump() for name, spec in (arguments.aggregate or {}).items()},
    }
    page = queries.query_records(actor=actor, **{**dict(arguments), **nested})
    return Page(
        total=page.total,
        total_is_estimate=page.total_is_estimate,
        count=page.count,
        limit=page.limit,
        offset=page.offset,
        next_cursor=page.next_cursor,
        records=Json(page.records.json()),
    )


class InsertRecord(WriteTerms, TableArguments):
    data: Data


@dataclass(frozen=True)
class Inserted:
    record: Record
    change_id: ChangeId


@tool(title="Insert a record", operation="INSERT", effect=ADDS, right=Operation.INSERT)
def db_insert_record(actor: Actor, arguments: InsertRecord) -> Inserted:
    """Add one record to a table, and return it with its new id, defaults and timestamps.

    Example: {"table": "chapters", "data": {"book_id": 4, "chapter_num": 1, "title": "The Pool of Tears"}}
    Leave `id` out, unless the record must have a certain one. created_at, updated_at and deleted_at can't be given.
    FOREIGN_KEY_VIOLATION: what it refers to is missing or in the trash. DUPLICATE_KEY: there is such a record already,
    perhaps from an earlier try. NOT_NULL_VIOLATION: `details.columns` must be given too.
    """
    change = records.insert_record(
        actor=actor, table=arguments.table, data=arguments.data, terms=arguments.terms
    )
    return Inserted(record=Json(change.records.texts[0]), change_id=change.change_id)


class UpdateRecords(WriteTerms, TableArguments):
    data: Data
    where: WhereForWrite


@dataclass(frozen=True)
class Updated:
    updated: Annotated[int, Field(description="How many records were changed; 0 where none matched.")]
    records: Records
    change_id: ChangeId


@tool(title="Update records", operation="UPDATE", effect=CHANGES, right=Operation.UPDATE)
def db_update_records(actor: Actor, arguments: UpdateRecords) -> Updated:
    """Set the same values on every record that matches `where`, and return the records as they are now.

    All or nothing, at most 1,000 records a call (LIMIT_EXCEEDED: narrow `where`, go on in parts). To be sure which
    records change, query with the same `where` first. Records in the trash are not touched, and keys never change.
    Example: {"table": "books", "data": {"status": "published"}, "where": {"id": 4}}
    """
    change = records.update_records(
        actor=actor, table=arguments.table, data=arguments.data, where=arguments.where, terms=arguments.terms
    )
    return Updated(updated=change.count, records=Json(change.records.json()), change_id=change.change_id)


class DeleteRecords(WriteTerms, TableArguments):
    where: WhereForWrite
    soft_delete: bool | None = Field(
        None,
        description="true: into the trash. false: for good. Default: into the trash where the table has one.",
    )


@dataclass(frozen=True)
class Deleted:
    deleted: Annotated[int, Field(description="How many records were deleted; 0 where none matched.")]
    type: Annotated[
        Literal["soft", "hard"] | None, Field(description="soft: into the trash. hard: for good.")
    ]
    records: Records
    change_id: ChangeId


@tool(title="Delete records", operation="DELETE", effect=CHANGES, right=Operation.DELETE)
def db_delete_records(actor: Actor, arguments: DeleteRecords) -> Deleted:
    """Delete every record that matches `where`, and return what was deleted.

    Into the trash where the table has one (`soft_delete` in db_list_tables): db_restore_records takes it out again.
    With soft_delete false, or in a table without a trash, it is for good. All or nothing, at most 1,000 records.
    Example: {"table": "scenes", "where": {"id": {"$in": [7, 8]}}}
    FOREIGN_KEY_VIOLATION: other records refer to these; `details.dependents` lists them by table.
    """
    change = records.delete_records(
        actor=actor,
        table=arguments.table,
        where=arguments.where,
        soft_delete=arguments.soft_delete,
        terms=arguments.terms,
    )
    return Deleted(
        deleted=change.count,
        type=change.type,
        records=Json(change.records.json()),
        change_id=change.change_id,
    )


class RestoreRecords(WriteTerms, TableArguments):
    where: WhereForWrite


@dataclass(frozen=True)
class Restored:
    restored: Annotated[int, Field(description="How many records were restored; 0 where none matched.")]
    records: Records
    change_id: ChangeId


@tool(
    title="Restore records from the trash",
    operation="RESTORE_RECORDS",
    effect=REVIVES,
    right=Operation.UPDATE,
    suits=lambda table: table.soft_delete,
)
def db_restore_records(actor: Actor, arguments: RestoreRecords) -> Restored:
    """Take every record that matches `where` out of the trash, and return it.

    All or nothing, at most 1,000 records a call. To see what is in the trash, query with include_deleted true and
    {"deleted_at": {"$null": false}}. Example: {"table": "scenes", "where": {"id": 7}}
    CONFLICT: a record that it belongs to is in the trash itself; restore that first.
    """
    change = trash.restore_records(
        actor=actor, table=arguments.table, where=arguments.where, terms=arguments.terms
    )
    return Restored(restored=change.count, records=Json(change.records.json()), change_id=change.change_id)


class PurgeRecords(WriteTerms, TableArguments):
    where: WhereForWrite


@dataclass(frozen=True)
class Purged:
    purged: Annotated[int, Field(description="How many records were removed; 0 where none matched.")]
    change_id: ChangeId


@tool(
    title="Purge records from the trash",
    operation="PURGE",
    effect=CHANGES,
    right=Operation.PURGE,
    suits=lambda table: table.soft_delete,
)
def db_purge_records(actor: Actor, arguments: PurgeRecords) -> Purged:
    """Remove every record in the trash that matches `where` for good.

    Only what is in the trash: to delete a live record use db_delete_records. All or nothing, at most 1,000 records.
    Example: {"table": "scenes", "where": {"deleted_at": {"$lt": "2026-01-01"}}}
    FOREIGN_KEY_VIOLATION: other records, trashed ones too, refer to these; `details.dependents` lists them by table.
    """
    change = trash.purge_records(
        actor=actor, table=arguments.table, where=arguments.where, terms=arguments.terms
    )
    return Purged(purged=change.count, change_id=change.change_id)


TOOLS = (
    db_query_records,
    db_insert_record,
    db_update_records,
    db_delete_records,
    db_restore_records,
    db_purge_records,
)
