"""Writing records: insert, update, delete. All or nothing, with versions and the audit row in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.policy import Operation
from audit.operation import DEFAULT_TERMS, Terms, audited
from audit.trail import Entry
from catalog.services import (
    columns,
    conditions,
    references,
    revisions,
    stamps,
    statements,
    values,
    writing,
)
from catalog.services.integrity import translated
from catalog.services.rows import Rows
from catalog.services.stamps import Stamp
from catalog.services.writing import Change, Written
from catalog.table import Table


@audited("INSERT", writes=Change)
def insert_record(
    entry: Entry, *, actor: Actor, table: Table, data: Mapping[str, Any], terms: Terms = DEFAULT_TERMS
) -> Change:
    """This function will insert one record ({column: value}) and return it with what the database added.

    An `id` may be given: the table's sequence is moved past it.

    :raises Forbidden: the actor may not insert, or not set a column, or the table is read only
    :raises InvalidInput: an unknown column, one that the database keeps, or a bad value
    :raises NotNullViolation: a required column is missing
    :raises ForeignKeyViolation: it refers to a record that is missing or in the trash
    :raises DuplicateKey: a record with this key, or these unique values, exists
    :raises CheckViolation: a rule of the table is broken
    """
    policy.require(actor, Operation.INSERT, table)
    writing.maximum_of(terms)
    seen = columns.shown(actor, table)
    cleaned = values.clean_record(seen, data, inserting=True)
    columns.require_writable(actor, Operation.INSERT, table, cleaned)
    if "id" in cleaned:  # first, so that nobody else is given this number meanwhile
        statements.move_sequence(table, cleaned["id"])
    with translated(seen, cleaned):
        while not (records := statements.insert_live(entry, table, cleaned)):
            references.require_live_parents(
                table, [cleaned]
            )  # says what is in the trash; keeps what left it out
    return writing.done(entry, [Written(table, None, records)])


@audited("UPDATE", writes=Change)
def update_records(
    entry: Entry,
    *,
    actor: Actor,
    table: Table,
    data: Mapping[str, Any],
    where: Mapping[str, Any],
    expect_one: bool = False,
    stamp: Stamp | None = None,
    revision: Collection[str] | None = None,
    terms: Terms = DEFAULT_TERMS,
) -> Change:
    """This function will set `data` ({column: value}) on the records matching `where`; return them by key.

    At most 1,000 records; none is fine, unless the caller expects one. With a `stamp` of what the caller
    saw, nothing that somebody else changed since is overwritten; with a `revision` (one of several), nothing at all
    is written where they changed anything.

    :raises Forbidden: the actor may not update, or not set a column, or the table is read only
    :raises InvalidInput: an empty or bad `where`, an unknown column, a key or one that the database keeps
    :raises LimitExceeded: more than 1,000 records match, or more than the terms allow
    :raises NotFound: one was expected, none matches
    :raises Conflict: a column is no longer as the stamp says
    :raises PreconditionFailed: a record is of another revision
    :raises ForeignKeyViolation, DuplicateKey, CheckViolation, NotNullViolation: as on insert
    """
    policy.require(actor, Operation.UPDATE, table)
    seen = columns.shown(actor, table)
    cleaned = values.clean_record(seen, data, inserting=False)
    columns.require_writable(actor, Operation.UPDATE, table, cleaned)
    wanted = conditions.parse_for_write(seen, where)
    before = writing.lock(table, wanted, keeps_key=True, terms=terms, expect_one=expect_one)
    revisions.require_one_of(actor, table, before, revision)
    stamps.require_unchanged(table, before, cleaned, stamp)
    references.require_live_parents(table, [cleaned], before)
    changed = [{**statements.key_values(table, record), **cleaned} for record in before]
    with translated(seen, cleaned):
        after = statements.update(entry, table, changed) if changed else Rows()
    return writing.done(entry, [Written(table, before, after)])


@audited("DELETE", writes=Change)
def delete_records(
    entry: Entry,
    *,
    actor: Actor,
    table: Table,
    where: Mapping[str, Any],
    soft_delete: bool | None = None,
    expect_one: bool = False,
    revision: Collection[str] | None = None,
    terms: Terms = DEFAULT_TERMS,
) -> Change:
    """This function will delete the records matching `where`: into the trash where the table has one, or for good.

    `soft_delete` decides; by default it is soft where that can be. At most 1,000 records.

    :raises Forbidden: the actor may not delete, or the table is read only
    :raises InvalidInput: an empty or bad `where`, or soft on a table without a trash
    :raises LimitExceeded: more than 1,000 records match, or more than the terms allow
    :raises NotFound: one was expected, none matches
    :raises PreconditionFailed: a record is of another revision than those given
    :raises ForeignKeyViolation: for good, while other records refer to them; `details` lists those
    """
    policy.require(actor, Operation.DELETE, table)
    is_soft = is_soft_delete(table, soft_delete)
    seen = columns.shown(actor, table)
    wanted = conditions.parse_for_write(seen, where)
    before = writing.lock(table, wanted, keeps_key=False, terms=terms, expect_one=expect_one)
    revisions.require_one_of(actor, table, before, revision)
    return writing.delete(entry, table, before, is_soft=is_soft)


def is_soft_delete(table: Table, soft_delete: bool | None) -> bool:
    """This function will say whether a deletion goes to the trash: by default where the table has one.

    :raises InvalidInput: the caller wants it to, and it has none
    """
    if soft_delete and not table.soft_delete:
        raise InvalidInput(
            f"{table.name} has no trash: deleting there is for good.",
            hint="Leave soft_delete out.",
            table=table.name,
        )
    return table.soft_delete if soft_delete is None else soft_delete
