"""Importing: rows of a file into a table, all of them or none, with every fault told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args
from uuid import UUID, uuid4

from django.db import DataError, IntegrityError, transaction

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, quoted
from accesscontrol.policy import Operation
from audit import bulk_history, changes, plans
from audit.trail import Entry
from audit.work import Work
from catalog.exchange import checking, merging, rules, staging
from catalog.exchange.checking import Faults
from catalog.exchange.formats import Format, require_delimiter, require_format
from catalog.exchange.frame import long_transaction
from catalog.exchange.reading import Content, Source
from catalog.exchange.relation import Relation
from catalog.exchange.rules import Rules, Unique
from catalog.exchange.staging import Staged
from catalog.services import columns as visible_columns
from catalog.services.integrity import translated
from catalog.services.wording import counted
from catalog.table import Table
from jobs.progress import SILENT, Progress

OnConflict = Literal["error", "skip", "update"]

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


def import_records(
    *,
    actor: Actor,
    table: Table,
    format: Format,  # noqa: A002 - what callers call it
    source: Source,
    on_conflict: OnConflict = "error",
    has_headers: bool = True,
    delimiter: str = ",",
    dry_run: bool = False,
    plan_token: str | None = None,
    progress: Progress = SILENT,
) -> Imported:
    """This function will insert the records of a file, and with `on_conflict` skip or update those that exist already.

    A record exists where it has the key, or another value that no two may share, of one. It is updated where it has
    the key of one, or in a file without keys that other value; columns that the file does not name stay as they are.
    `created_at`, `updated_at` and `deleted_at` may be given. Where anything is wrong, nothing is imported. A dry run
    answers with what is wrong; otherwise that is refused.

    :raises Forbidden: the actor may not import or insert (or update), or not set a column that the file names
    :raises InvalidInput: the file can't be read, or a record is at fault; `details.errors` lists what is wrong
    :raises LimitExceeded: the file is larger than IMPORT_MAX_MB
    :raises ConfirmationRequired: the actor has not agreed to the plan; its details say what would be done
    :raises Cancelled: `progress` says that nobody wants it any more
    """
    _require_rights(actor, table, on_conflict)
    require_format(format)
    require_delimiter(delimiter)
    seen = visible_columns.shown(actor, table)
    work = Work(f"IMPORT_{format.upper()}", actor, table.name)
    work.entry.change_id = uuid4()
    work.entry.dry_run = dry_run
    content = Content(source, progress)
    progress.begin(f"Import {table.name}")

    def require(names: Iterable[str]) -> None:
        for operation in _operations(on_conflict):
            visible_columns.require_writable(actor, operation, table, names)

    def stage() -> Staged:
        if format == "json":
            return staging.stage_json(seen, content, require)
        return staging.stage_csv(seen, content, require, has_headers=has_headers, delimiter=delimiter)

    with long_transaction(progress):
        savepoint = transaction.savepoint()
        done = _merge(work.entry, seen, _Plan(table, stage(), on_conflict), progress)
        if dry_run:
            transaction.savepoint_rollback(savepoint)
        elif done.errors:
            raise _at_fault(done)
        else:
            arguments = {
                "table": table.name,
                "sha256": content.digest.hexdigest(),
                "on_conflict": on_conflict,
                "csv": [has_headers, delimiter],
            }
            plans.require(
                actor, work.entry.operation, arguments, _counts(done), _plan(done, seen), plan_token
            )
        work.finish()
    return done


@dataclass(frozen=True)
class _Plan:
    """What is to be merged into what."""

    table: Table
    staged: Staged
    on_conflict: OnConflict

    @property
    def skips(self) -> bool:
        """Whether a row that exists is left out."""
        return self.on_conflict == "skip"

    def relation(self) -> Relation:
        """The rows of the file beside the table."""
        found = rules.of_table(self.table)
        match = self._match(found) if self.on_conflict == "update" else None
        return Relation(self.table, self.staged, found, match)

    def _match(self, found: Rules) -> Unique:
        """The rule by which a row finds its record: the key, or the first that the file has all columns of."""
        for unique in found.uniques:
            if set(unique.columns) <= set(self.staged.columns):
                return unique
        ways = [" and ".join(unique.columns) for unique in found.uniques]
        raise InvalidInput(
            f"on_conflict update needs {', or '.join(ways)} in the file, to know which records of"
            f" {self.table.name} it means.",
            argument="on_conflict",
            table=self.table.name,
        )


def _merge(entry: Entry, seen: Table, plan: _Plan, progress: Progress) -> Imported:
    """Write the rows if nothing is wrong; what the table refuses is looked for in all of them."""
    if entry.change_id is None:
        raise TypeError("an import is a change")
    relation = plan.relation()
    progress.begin("Check", plan.staged.rows, "rows")
    refers_to_trash = merging.lock(relation)
    if refers_to_trash or checking.looks_faulty(relation):
        faults = checking.find(relation, seen, skips=plan.skips)
        if faults.total:
            return _faulty(entry.change_id, plan.table, faults)
    progress.begin("Write", plan.staged.rows, "rows")
    try:
        with transaction.atomic():
            updated = merging.update(entry, relation)
            imported = merging.insert(entry, relation, skips=plan.skips)
    except (IntegrityError, DataError):
        faults = checking.find(relation, seen, skips=plan.skips)
        if faults.total:
            return _faulty(entry.change_id, plan.table, faults)
        with translated(seen, sets_many=True):  # somebody else got in between
            raise
    skipped = plan.staged.rows - imported - updated
    entry.record_count = imported + updated
    entry.changes = _changes(entry.change_id, plan.table, entry.record_count)
    return Imported(plan.table.name, imported, updated, skipped, entry.change_id)


def _faulty(change_id: UUID, table: Table, faults: Faults) -> Imported:
    return Imported(table.name, 0, 0, 0, change_id, faults.listed, faults.total)


def _counts(done: Imported) -> dict[str, int]:
    return {"imported": done.imported, "updated": done.updated, "skipped": done.skipped}


def _plan(done: Imported, seen: Table) -> dict[str, Any]:
    """What somebody is shown who must agree first: how much it is, and a sample of it as they may see it."""
    sample = [
        {"key": key, "changes": {name: pair for name, pair in pairs.items() if name in seen.columns}}
        for key, pairs in bulk_history.first_of_change(done.change_id, SAMPLE)
    ]
    return {"table": done.table, **_counts(done), "sample": sample}


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


def _operations(on_conflict: OnConflict) -> list[Operation]:
    operations = [Operation.IMPORT, Operation.INSERT]
    return [*operations, Operation.UPDATE] if on_conflict == "update" else operations


def _require_rights(actor: Actor, table: Table, on_conflict: OnConflict) -> None:
    if on_conflict not in get_args(OnConflict):
        raise InvalidInput(
            f"on_conflict can't be {quoted(on_conflict)!r}.",
            argument="on_conflict",
            allowed=list(get_args(OnConflict)),
        )
    for operation in _operations(on_conflict):
        policy.require(actor, operation, table)
