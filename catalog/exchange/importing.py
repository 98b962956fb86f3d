"""Importing: rows of a file into a table, all of them or none, with every fault told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import DataError, IntegrityError, transaction

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from audit import bulk_history, changes, plans
from audit.trail import Entry
from audit.work import Work
from catalog.exchange import checking, merging
from catalog.exchange.checking import Faults
from catalog.exchange.formats import Format
from catalog.exchange.frame import long_transaction
from catalog.exchange.headers import Mapping_
from catalog.exchange.order import OnConflict, Order
from catalog.exchange.reading import Content, Source
from catalog.exchange.staging import Staged
from catalog.services.integrity import translated
from catalog.services.wording import counted
from catalog.table import Table
from jobs.progress import SILENT, Progress

CHECK, WRITE = "Check", "Write"  # parts that are one statement each, and can't tell how far they are
SAMPLE: Final = 5  # changes that a plan shows
_LISTED: Final = 500  # changes that are looked at for the audit row, which has room for fewer


@dataclass(frozen=True)
class Imported:
    """What an import did, or in a dry run would do; `errors` has the first of all that is wrong."""

    table: str
    imported: int
    updated: int
    skipped: int
    change_id: UUID
    errors: list[dict[str, Any]] = field(default_factory=list)
    error_count: int = 0

    def told(self) -> dict[str, Any]:
        """This function will return what others may see of it, as JSON: numbers, and how to undo it."""
        return {"table": self.table, **counts(self), "change_id": str(self.change_id)}


def import_records(
    *,
    actor: Actor,
    table: Table,
    format: Format,  # noqa: A002 - what callers call it
    source: Source,
    on_conflict: OnConflict = "error",
    has_headers: bool = True,
    delimiter: str = ",",
    mapping: Mapping_ | None = None,
    match: Sequence[str] | None = None,
    dry_run: bool = False,
    plan_token: str | None = None,
    progress: Progress = SILENT,
) -> Imported:
    """This function will insert the records of a file, and with `on_conflict` skip or update those that exist already.

    A record exists where it has the key, or another value that no two may share, of one. It is updated where it has
    the key of one, or in a file without keys that other value, or what `match` names; columns that the file does not
    name stay as they are. With update_only a record that does not exist is at fault. `mapping` says which column each
    field of the file goes into. `created_at`, `updated_at` and `deleted_at` may be given. Where anything is wrong,
    nothing is imported. A dry run answers with what is wrong; otherwise that is refused.

    :raises Forbidden: the actor may not import or insert (or update), or not set a column that the file names
    :raises InvalidInput: the file can't be read, or a record is at fault; `details.errors` lists what is wrong
    :raises LimitExceeded: the file is larger than IMPORT_MAX_MB
    :raises ConfirmationRequired: the actor has not agreed to the plan; its details say what would be done
    :raises Cancelled: `progress` says that nobody wants it any more
    """
    order = Order(actor, table, format, on_conflict, has_headers, delimiter, mapping, match)
    order.require_allowed()
    work = Work(order.operation, actor, table.name)
    work.entry.change_id = uuid4()
    work.entry.dry_run = dry_run
    content = Content(source, progress)
    progress.begin(f"Import {table.name}", content.expected)
    with long_transaction(progress):
        savepoint = transaction.savepoint()
        done = _merge(work.entry, order, order.stage(content), progress)
        if dry_run:
            transaction.savepoint_rollback(savepoint)
        elif done.errors:
            raise _at_fault(done)
        else:
            plan = _plan(done, order.seen)
            plans.require(actor, order.operation, order.arguments(content), counts(done), plan, plan_token)
            progress.keep(done.told())
        work.finish()
    return done


def _merge(entry: Entry, order: Order, staged: Staged, progress: Progress) -> Imported:
    """Write the rows if nothing is wrong; what the table refuses is looked for in all of them."""
    if entry.change_id is None:
        raise TypeError("an import is a change")
    relation = order.relation(staged)
    progress.begin(CHECK)
    is_readable = not checking.looks_unreadable(relation)
    known = replace(relation, is_readable=is_readable)
    refers_to_trash = merging.lock(known)
    if refers_to_trash or not is_readable or checking.lacks_a_record(known):
        faults = checking.find(relation, order.seen, skips=order.skips)
        if faults.total:
            return _faulty(entry.change_id, order.table, faults)
    progress.begin(WRITE)
    try:
        with transaction.atomic():
            updated = merging.update(entry, known)
            imported = merging.insert(entry, known, skips=order.skips)
    except (IntegrityError, DataError):
        faults = checking.find(relation, order.seen, skips=order.skips)
        if faults.total:
            return _faulty(entry.change_id, order.table, faults)
        with translated(order.seen, sets_many=True):  # somebody else got in between
            raise
    skipped = staged.rows - imported - updated
    entry.record_count = imported + updated
    entry.changes = _changes(entry.change_id, order.table, entry.record_count)
    return Imported(order.table.name, imported, updated, skipped, entry.change_id)


def _faulty(change_id: UUID, table: Table, faults: Faults) -> Imported:
    return Imported(table.name, 0, 0, 0, change_id, faults.listed, faults.total)


def counts(done: Imported) -> dict[str, int]:
    """This function will return what a plan to import counts."""
    return {"imported": done.imported, "updated": done.updated, "skipped": done.skipped}


def _plan(done: Imported, seen: Table) -> dict[str, Any]:
    """What somebody is shown who must agree first: how much it is, and a sample of it as they may see it."""
    sample = [
        {"key": key, "changes": {name: pair for name, pair in pairs.items() if name in seen.columns}}
        for key, pairs in bulk_history.first_of_change(done.change_id, SAMPLE)
    ]
    return {"table": done.table, **counts(done), "sample": sample}


def _changes(change_id: UUID, table: Table, count: int) -> dict[str, Any] | None:
    """What the audit row tells of the change, as that of any write."""
    kept = bulk_history.first_of_change(change_id, _LISTED)

    def differences() -> Iterator[tuple[str, dict[str, Any]]]:
        for key, pairs in kept:
            old, new = ({name: pair[place] for name, pair in pairs.items()} for place in (0, 1))
            yield key, changes.diff(old, new, besides=table.managed_columns)

    return changes.listing(differences(), count)


def _at_fault(done: Imported) -> InvalidInput:
    first = done.errors[0]
    return InvalidInput(
        f"{counted(done.error_count, 'fault', 'faults')} in the file, and nothing was imported."
        f" Row {first['row']}: {first['message']}",
        hint="Mend what details.errors lists, and import the whole file again; dry_run shows the same.",
        table=done.table,
        errors=done.errors,
        error_count=done.error_count,
    )
