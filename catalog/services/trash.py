"""The trash: records that were deleted softly, and can come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, InvalidInput
from accesscontrol.policy import Operation
from audit.operation import DEFAULT_TERMS, Terms, audited
from audit.trail import Entry
from catalog.services import columns, conditions, references, statements, writing
from catalog.services.integrity import translated
from catalog.services.rows import Record, Rows
from catalog.services.writing import Change, Written
from catalog.table import Table

_REFERENCE = ("column", "value", "references")


@audited("RESTORE_RECORDS", writes=Change)
def restore_records(
    entry: Entry, *, actor: Actor, table: Table, where: Mapping[str, Any], terms: Terms = DEFAULT_TERMS
) -> Change:
    """This function will take the trashed records matching `where` out of the trash; return them by key.

    :raises Forbidden: the actor may not update the table
    :raises InvalidInput: the table has no trash, or `where` is empty or bad
    :raises LimitExceeded: more than 1,000 records match, or more than the terms allow
    :raises Conflict: a record they refer to is in the trash itself
    :raises DuplicateKey: a live record has taken their unique values meanwhile
    """
    policy.require(actor, Operation.UPDATE, table)
    before = _lock_trashed(actor, table, where, terms)
    _require_parents(table, before)
    with translated(columns.shown(actor, table)):
        after = statements.trash(entry, table, before, is_deleted=False) if before else Rows()
    return writing.done(entry, [Written(table, before, after)])


@audited("PURGE", writes=Change)
def purge_records(
    entry: Entry, *, actor: Actor, table: Table, where: Mapping[str, Any], terms: Terms = DEFAULT_TERMS
) -> Change:
    """This function will delete the trashed records matching `where` for good; return what they were.

    :raises Forbidden: the actor may not purge the table
    :raises InvalidInput: the table has no trash, or `where` is empty or bad
    :raises LimitExceeded: more than 1,000 records match, or more than the terms allow
    :raises ForeignKeyViolation: other records, trashed ones too, refer to them; `details` lists those
    """
    policy.require(actor, Operation.PURGE, table)
    before = _lock_trashed(actor, table, where, terms)
    return writing.delete(entry, table, before, is_soft=False)


def _lock_trashed(actor: Actor, table: Table, where: Mapping[str, Any], terms: Terms) -> Rows:
    """The trashed records that `where` matches, locked."""
    if not table.soft_delete:
        raise InvalidInput(f"{table.name} has no trash: what was deleted there is gone.", table=table.name)
    wanted = conditions.parse_for_write(columns.shown(actor, table), where) & Q(deleted_at__isnull=False)
    return writing.lock(table, wanted, keeps_key=False, include_deleted=True, terms=terms)


def _require_parents(table: Table, found: Sequence[Record]) -> None:
    """Refuse records whose parent is in the trash and stays there, naming all of them."""
    restoring = {(table.name, record["id"]) for record in found}
    orphans = [
        {"key": table.format_key(found[index]), **{name: refusal.details[name] for name in _REFERENCE}}
        for index, refusal in references.trashed_parents(table, found)
        if (refusal.details["references"], refusal.details["value"]) not in restoring
    ]
    if orphans:
        first = orphans[0]
        raise Conflict(
            f"Record {first['key']} of {table.name} belongs to record {first['value']} of {first['references']},"
            " which is in the trash.",
            hint=f"Restore {first['references']} first.",
            table=table.name,
            records=orphans[:100],
        )
