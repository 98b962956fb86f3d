"""Tools that write many records at once, and the one that takes a change back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from accesscontrol.actor import Actor
from accesscontrol.answers import Json, Records
from accesscontrol.policy import Operation
from audit.operation import MAX_AFFECTED
from catalog.services import batch, undo
from catalog.services.writing import Change
from mcp_bridge.arguments import Arguments, TableArguments, WriteTerms
from mcp_bridge.tool import ADDS, CHANGES, tool
from mcp_bridge.tools.records import ChangeId, Data, WhereForWrite

AT_FAULT = "An error names every one at fault that could be found, by index, in `details.errors`."


class BatchInsert(WriteTerms, TableArguments):
    records: list[dict[str, Any]] = Field(
        min_length=1, max_length=1_000, description=f"Records to add, each {{column: value}}. {AT_FAULT}"
    )
    return_records: bool = Field(False, description="Answer the whole records, not their ids alone.")


@dataclass(frozen=True)
class BatchInserted:
    inserted: int
    ids: Annotated[
        list[Any], Field(description="Keys in the order given: ids, or `a:b` where a key has two columns.")
    ]
    records: Records | None
    change_id: ChangeId


@tool(title="Insert records", operation="BATCH_INSERT", effect=ADDS, right=Operation.INSERT)
def db_batch_insert(actor: Actor, arguments: BatchInsert) -> BatchInserted:
    """Add up to 1,000 records to a table: all of them, or none.

    Much faster than one by one. Example: {"table": "chapters", "records": [{"book_id": 4, "chapter_num": 1},
    {"book_id": 4, "chapter_num": 2}]}
    Records may name different columns. Mend what `details.errors` lists and send the whole batch again.
    """
    table = arguments.table
    change = batch.insert_records(actor=actor, table=table, records=arguments.records, terms=arguments.terms)
    ids = [table.format_key(record) if table.junction else record["id"] for record in change.records]
    return BatchInserted(len(ids), ids, _asked(change, arguments.return_records), change.change_id)


class Update(Arguments):
    where: WhereForWrite
    data: Data


class BatchUpdate(WriteTerms, TableArguments):
    updates: list[Update] = Field(
        min_length=1, max_length=100, description=f"Each with its own `where` and `data`. {AT_FAULT}"
    )
    return_records: bool = Field(False, description="Answer the records as they are then.")


@dataclass(frozen=True)
class Result:
    updated: int


@dataclass(frozen=True)
class BatchUpdated:
    total_updated: int
    results: Annotated[list[Result], Field(description="For each update, in the order given.")]
    records: Records | None
    change_id: ChangeId


@tool(title="Update records in a batch", operation="BATCH_UPDATE", effect=CHANGES, right=Operation.UPDATE)
def db_batch_update(actor: Actor, arguments: BatchUpdate) -> BatchUpdated:
    """Apply up to 100 updates, each with its own `where` and `data`: all of them, or none.

    Example: {"table": "chapters", "updates": [{"where": {"id": 1}, "data": {"title": "Down the Rabbit-Hole"}},
    {"where": {"id": 2}, "data": {"title": "The Pool of Tears"}}]}
    Every `where` is looked at before anything is written; a record that two of them match is refused (CONFLICT).
    """
    updates = [update.model_dump() for update in arguments.updates]
    change = batch.update_records(actor=actor, table=arguments.table, updates=updates, terms=arguments.terms)
    results = [Result(count) for count in change.counts]
    return BatchUpdated(change.count, results, _asked(change, arguments.return_records), change.change_id)


class BatchDelete(WriteTerms, TableArguments):
    conditions: list[WhereForWrite] = Field(
        min_length=1,
        max_length=100,
        description=f"Conditions, each as `where` of db_delete_records. {AT_FAULT}",
    )
    soft_delete: bool | None = Field(
        None, description="true: into the trash. false: for good. Default: into the trash where there is one."
    )


@dataclass(frozen=True)
class ResultOfDelete:
    deleted: int


@dataclass(frozen=True)
class BatchDeleted:
    total_deleted: int
    type: Literal["soft", "hard"] | None
    results: Annotated[list[ResultOfDelete], Field(description="For each condition, in the order given.")]
    change_id: ChangeId


@tool(title="Delete records in a batch", operation="BATCH_DELETE", effect=CHANGES, right=Operation.DELETE)
def db_batch_delete(actor: Actor, arguments: BatchDelete) -> BatchDeleted:
    """Delete what up to 100 conditions match: all of it, or nothing. A record that several match counts for the first.

    Example: {"table": "scenes", "conditions": [{"id": 7}, {"chapter_id": 3, "word_count": 0}]}
    """
    change = batch.delete_records(
        actor=actor,
        table=arguments.table,
        conditions_=arguments.conditions,
        soft_delete=arguments.soft_delete,
        terms=arguments.terms,
    )
    results = [ResultOfDelete(count) for count in change.counts]
    return BatchDeleted(change.count, change.type, results, change.change_id)


class UndoChange(WriteTerms):
    change_id: str = Field(description="As the write has answered it, or as the audit trail has it.")
    max_affected: int = Field(
        MAX_AFFECTED,
        ge=1,
        le=MAX_AFFECTED,
        description="Refuse to undo more records than this; left out, a change of any size.",
    )
    return_records: bool = Field(True, description="Answer the records as they are then.")


@dataclass(frozen=True)
class Undone:
    undone: Annotated[int, Field(description="How many records are again what they were.")]
    records: Records | None
    change_id: ChangeId


@tool(title="Undo a change", operation="UNDO", effect=CHANGES, right=Operation.UPDATE)
def db_undo_change(actor: Actor, arguments: UndoChange) -> Undone:
    """Take one change back, of whatever size: records become what they were, inserted ones go, deleted ones come.

    Example: {"change_id": "4b4e1a4e-6f0e-4a53-9d5c-0f4d7c6d1e11"}
    Needs the rights of the opposite: to undo an insert, delete. All or nothing. Its own change_id undoes the undo.
    CONFLICT: records were changed since; `details.records` lists them with the reason. NOT_FOUND: no such change.
    """
    change = undo.undo_change(actor=actor, change_id=arguments.change_id, terms=arguments.terms)
    return Undone(sum(change.counts), _asked(change, arguments.return_records), change.change_id)


def _asked(change: Change, wanted: bool) -> Records | None:
    """The records of a change, where the caller wants them."""
    return Json(change.records.json()) if wanted else None


TOOLS = (db_batch_insert, db_batch_update, db_batch_delete, db_undo_change)
