"""Writing many records at once: all of them or none, and an error that names every one at fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, InvalidInput, LimitExceeded
from accesscontrol.policy import Operation
from audit.operation import DEFAULT_TERMS, Terms, audited
from audit.trail import Entry
from catalog.services import columns, conditions, references, statements, values, writing
from catalog.services.batch_faults import Faults
from catalog.services.batch_matches import Matches, Shared, finder
from catalog.services.batch_writing import Values, write_all
from catalog.services.records import is_soft_delete
from catalog.services.writing import Change, Written
from catalog.table import Table

MAX_RECORDS = 1_000
MAX_PARTS = 100


@audited("BATCH_INSERT", writes=Change)
def insert_records(
    entry: Entry,
    *,
    actor: Actor,
    table: Table,
    records: Sequence[Mapping[str, Any]],
    terms: Terms = DEFAULT_TERMS,
) -> Change:
    """This function will insert 1 to 1,000 records ({column: value}) and return them in the order given.

    :raises Refused: as `insert_record` does, for the first record at fault; `details.errors` has every one
        that could be found, by index
    """
    policy.require(actor, Operation.INSERT, table)
    _require_list("records", records, MAX_RECORDS)
    writing.require_within(table, len(records), writing.maximum_of(terms))
    seen = columns.shown(actor, table)

    def clean(record: Mapping[str, Any]) -> dict[str, Any]:
        cleaned = values.clean_record(seen, record, inserting=True)
        columns.require_writable(actor, Operation.INSERT, table, cleaned)
        return values.with_defaults(table, cleaned)

    faults = Faults(len(records))
    cleaned = faults.each(enumerate(records), clean)
    _add_trashed(faults, table, cleaned)
    if chosen := [record["id"] for record in cleaned.values() if "id" in record]:
        statements.move_sequence(table, max(chosen))
    rows = list(faults.others(cleaned).items())
    after = write_all(seen, rows, partial(statements.insert, entry, table), faults)
    return writing.done(entry, [Written(table, None, after)])


@audited("BATCH_UPDATE", writes=Change)
def update_records(
    entry: Entry,
    *,
    actor: Actor,
    table: Table,
    updates: Sequence[Mapping[str, Any]],
    terms: Terms = DEFAULT_TERMS,
) -> Change:
    """This function will apply 1 to 100 updates ({"where", "data"}); `counts` says how many records each changed.

    Every `where` is looked at before anything is written; a record that two of them match is refused.

    :raises Conflict: two updates match the same record; `details` names them
    :raises Refused: as `update_records` does, for the first update at fault; `details.errors` has every one
        that could be found, by index
    """
    policy.require(actor, Operation.UPDATE, table)
    _require_list("updates", updates, MAX_PARTS)
    seen = columns.shown(actor, table)

    def clean(update: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        if not isinstance(update, Mapping) or set(update) != {"where", "data"}:
            raise InvalidInput('Each update is an object of {"where", "data"}.')
        cleaned = values.clean_record(seen, update["data"], inserting=False)
        columns.require_writable(actor, Operation.UPDATE, table, cleaned)
        return conditions.parse_for_write(seen, update["where"]), cleaned

    faults = Faults(len(updates))
    parts = faults.each(enumerate(updates), clean)
    wheres = {index: where for index, (where, _) in parts.items()}
    matches = Matches(table, terms)
    find = finder(table, wheres.values(), keeps_key=True, terms=terms)
    found = faults.each(wheres.items(), find)
    for index, rows in found.items():
        matches.add(index, rows)
    for index, shared in matches.shared.items():
        faults.add(index, _is_shared(table, index, shared))
    _add_trashed(
        faults, table, {index: references.new_values(parts[index][1], rows) for index, rows in found.items()}
    )
    data = faults.others({index: data for index, (_, data) in parts.items()})
    before = matches.rows
    changed = [
        (index, {**statements.key_values(table, record), **data[index]})
        for record in before
        if (index := matches.owner(record)) in data
    ]
    after = write_all(seen, changed, partial(statements.update, entry, table), faults)
    return writing.done(
        entry, [Written(table, before, after)], counts=[len(rows) for _, rows in sorted(found.items())]
    )


@audited("BATCH_DELETE", writes=Change)
def delete_records(
    entry: Entry,
    *,
    actor: Actor,
    table: Table,
    conditions_: Sequence[Mapping[str, Any]],
    soft_delete: bool | None = None,
    terms: Terms = DEFAULT_TERMS,
) -> Change:
    """This function will delete what 1 to 100 conditions match; `counts` says how many records each did.

    A record that several conditions match counts for the first.

    :raises Refused: as `delete_records` does, for the first condition at fault; `details.errors` has every one
    """
    policy.require(actor, Operation.DELETE, table)
    is_soft = is_soft_delete(table, soft_delete)
    _require_list("conditions", conditions_, MAX_PARTS)
    seen = columns.shown(actor, table)
    faults = Faults(len(conditions_))
    wheres = faults.each(enumerate(conditions_), lambda where: conditions.parse_for_write(seen, where))
    faults.refuse()
    matches = Matches(table, terms)
    find = finder(table, wheres.values(), keeps_key=False, terms=terms)
    counts = [matches.add(index, find(where)) for index, where in wheres.items()]
    return writing.delete(entry, table, matches.rows, is_soft=is_soft, counts=counts)


def _require_list(name: str, parts: object, maximum: int) -> None:
    if not isinstance(parts, list | tuple) or not parts:
        raise InvalidInput(f"{name} must be a list of 1 to {maximum} objects.", argument=name)
    if len(parts) > maximum:
        raise LimitExceeded(f"{name} has more than {maximum} objects.", argument=name, maximum=maximum)


def _add_trashed(faults: Faults, table: Table, records: Mapping[int, Values]) -> None:
    """Note the records, by index, that refer to one in the trash."""
    indexes = list(records)
    for position, refusal in references.trashed_parents(table, list(records.values())):
        faults.add(indexes[position], refusal)


def _is_shared(table: Table, index: int, shared: Shared) -> Conflict:
    return Conflict(
        f"Updates {shared.first} and {index} both match record {shared.key} of {table.name}.",
        hint="Let each record be changed by one update of a batch.",
        table=table.name,
        indexes=[shared.first, index],
        key=shared.key,
    )
