"""Writing records: insert, update, delete. All or nothing, with the audit row in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.policy import Operation
from audit import changes
from audit.operation import audited
from audit.trail import Entry
from catalog.services import conditions, queries, references, statements, values, writing
from catalog.services.integrity import translated
from catalog.services.rows import Rows
from catalog.services.writing import Change
from catalog.table import Table


@audited("INSERT", writes=True)
def insert_record(entry: Entry, *, actor: Actor, table: Table, data: Mapping[str, Any]) -> Change:
    """This function will insert one record ({column: value}) and return it with what the database added.

    An `id` may be given: the table's sequence is moved past it.

    :raises Forbidden: the actor may not insert, or the table is read only
    :raises InvalidInput: an unknown column, one that the database keeps, or a bad value
    :raises NotNullViolation: a required column is missing
    :raises ForeignKeyViolation: it refers to a record that is missing or in the trash
    :raises DuplicateKey: a record with this key, or these unique values, exists
    :raises CheckViolation: a rule of the table is broken
    """
    policy.require(actor, Operation.INSERT, table)
    cleaned = values.clean_record(table, data, inserting=True)
    references.require_live_parents(table, cleaned)
    if "id" in cleaned:  # first, so that nobody else is given this number meanwhile
        statements.move_sequence(table, cleaned["id"])
    with translated(table, cleaned):
        records = statements.insert(table, cleaned)
    return writing.done(
        entry, table, records, lambda record: changes.diff(None, record, besides=table.managed_columns)
    )


@audited("UPDATE", writes=True)
def update_records(
    entry: Entry,
    *,
    actor: Actor,
    table: Table,
    data: Mapping[str, Any],
    where: Mapping[str, Any],
    expect_one: bool = False,
) -> Change:
    """This function will set `data` ({column: value}) on the records matching `where`; return them by key.

    At most 1,000 records; none is fine, unless the caller expects one.

    :raises Forbidden: the actor may not update, or the table is read only
    :raises InvalidInput: an empty or bad `where`, an unknown column, a key or one that the database keeps
    :raises LimitExceeded: more than 1,000 records match
    :raises NotFound: one was expected, none matches
    :raises ForeignKeyViolation, DuplicateKey, CheckViolation, NotNullViolation: as on insert
    """
    policy.require(actor, Operation.UPDATE, table)
    cleaned = values.clean_record(table, data, inserting=False)
    wanted = queries.visible(actor, table).filter(conditions.parse_for_write(table, where))
    before = writing.lock(table, wanted, keeps_key=True, expect_one=expect_one)
    references.require_live_parents(table, cleaned)
    with translated(table, cleaned):
        records = statements.update(table, before, cleaned) if before else Rows()
    earlier = {table.format_key(record): record for record in before}
    return writing.done(
        entry,
        table,
        records,
        lambda record: changes.diff(earlier[table.format_key(record)], record, besides=["updated_at"]),
    )


@audited("DELETE", writes=True)
def delete_records(
    entry: Entry,
    *,
    actor: Actor,
    table: Table,
    where: Mapping[str, Any],
    soft_delete: bool | None = None,
    expect_one: bool = False,
) -> Change:
    """This function will delete the records matching `where`: into the trash where the table has one, or for good.

    `soft_delete` decides; by default it is soft where that can be. At most 1,000 records.

    :raises Forbidden: the actor may not delete, or the table is read only
    :raises InvalidInput: an empty or bad `where`, or soft on a table without a trash
    :raises LimitExceeded: more than 1,000 records match
    :raises NotFound: one was expected, none matches
    :raises ForeignKeyViolation: for good, while other records refer to them; `details` lists those
    """
    policy.require(actor, Operation.DELETE, table)
    is_soft = table.soft_delete if soft_delete is None else soft_delete
    if is_soft and not table.soft_delete:
        raise InvalidInput(
            f"{table.name} has no trash: deleting there is for good.",
            hint="Leave soft_delete out.",
            table=table.name,
        )
    wanted = queries.visible(actor, table).filter(conditions.parse_for_write(table, where))
    before = writing.lock(table, wanted, keeps_key=False, expect_one=expect_one)
    records = Rows()
    cascaded: dict[str, int] = {}
    if before and is_soft:
        records = statements.trash(table, before, is_deleted=True)
    elif before:
        references.require_no_dependents(actor, table, before)
        cascaded = references.cascade_counts(table, before)
        with translated(table):
            records = statements.delete(table, before)
    change = writing.done(
        entry,
        table,
        records,
        lambda record: (
            {"deleted_at": {"old": None, "new": record["deleted_at"]}}
            if is_soft
            else changes.diff(record, None, besides=table.managed_columns)
        ),
        type_="soft" if is_soft else "hard",
    )
    if cascaded:
        entry.changes = {**(entry.changes or {}), "cascaded": cascaded}
    return change
