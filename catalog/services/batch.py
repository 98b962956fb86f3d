"""Writing many records at once: all of them or none, and an error that names every one at fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.db import DataError, IntegrityError, transaction

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, InvalidInput, LimitExceeded, Refused
from accesscontrol.policy import Operation
from audit.operation import DEFAULT_TERMS, Terms, audited
from audit.trail import Entry
from catalog.services import columns, conditions, queries, references, statements, values, writing
from catalog.services.integrity import translated
from catalog.services.records import is_soft_delete
from catalog.services.rows import Rows
from catalog.services.writing import Change, Written
from catalog.table import Table

MAX_RECORDS = 1_000
MAX_PARTS = 100
MAX_ERRORS = 100

Part = TypeVar("Part")
Values = Mapping[str, Any]


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
    writing.require_within(table, len(records), terms.max_affected)
    seen = columns.shown(actor, table)

    def clean(record: Mapping[str, Any]) -> dict[str, Any]:
        cleaned = values.clean_record(seen, record, inserting=True)
        columns.require_writable(actor, Operation.INSERT, table, cleaned)
        return values.with_defaults(table, cleaned)

    cleaned = _each(records, clean)
    _refuse(references.trashed_parents(table, cleaned), len(cleaned))
    if chosen := [record["id"] for record in cleaned if "id" in record and not table.junction]:
        statements.move_sequence(table, max(chosen))
    after = _written(seen, cleaned, lambda rows: _by_shape(rows, lambda same: statements.insert(table, same)))
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

    parts = _each(updates, clean)
    found = [
        writing.lock(table, queries.visible(actor, table).filter(where), keeps_key=True, terms=terms)
        for where, _ in parts
    ]
    before, owner = _merged(table, found, terms)
    _refuse(references.trashed_parents(table, [data for _, data in parts]), len(parts))
    changed = [
        {**statements.key_values(table, record), **parts[owner[table.format_key(record)]][1]}
        for record in before
    ]
    after = _written(
        seen, changed, lambda rows: _by_shape(rows, lambda same: statements.update(table, same)),
        index_of=lambda row: owner[table.format_key(row)], total=len(parts),
    )  # fmt: skip
    return writing.done(entry, [Written(table, before, after)], counts=[len(rows) for rows in found])


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
    wheres = _each(conditions_, lambda where: conditions.parse_for_write(seen, where))
    counts: list[int] = []
    texts: dict[tuple[int, ...], str] = {}
    taken: set[tuple[int, ...]] = set()
    for where in wheres:
        rows = writing.lock(table, queries.visible(actor, table).filter(where), keeps_key=False, terms=terms)
        new = {
            tuple(record[name] for name in table.key): text
            for record, text in zip(rows, rows.texts, strict=True)
        }
        counts.append(len(new.keys() - taken))
        taken |= new.keys()
        texts.update(new)
        writing.require_within(table, len(texts), terms.max_affected)
    before = Rows(texts[key] for key in sorted(texts))
    return writing.delete(entry, table, before, is_soft=is_soft, counts=counts)


def _require_list(name: str, parts: object, maximum: int) -> None:
    if not isinstance(parts, list | tuple) or not parts:
        raise InvalidInput(f"{name} must be a list of 1 to {maximum} objects.", argument=name)
    if len(parts) > maximum:
        raise LimitExceeded(f"{name} has more than {maximum} objects.", argument=name, maximum=maximum)


def _each(parts: Sequence[Any], clean: Callable[[Any], Part]) -> list[Part]:
    """Every part cleaned, or one refusal that names all at fault."""
    cleaned, faults = [], []
    for index, part in enumerate(parts):
        try:
            cleaned.append(clean(part))
        except Refused as refusal:
            faults.append((index, refusal))
    _refuse(faults, len(parts))
    return cleaned


def _merged(table: Table, found: Sequence[Rows], terms: Terms) -> tuple[Rows, dict[str, int]]:
    """All records found, by key, and which update each belongs to."""
    owner: dict[str, int] = {}
    texts = {}
    for index, rows in enumerate(found):
        for record, text in zip(rows, rows.texts, strict=True):
            key = table.format_key(record)
            if key in owner:
                raise Conflict(
                    f"Updates {owner[key]} and {index} both match record {key} of {table.name}.",
                    hint="Let each record be changed by one update of a batch.",
                    table=table.name,
                    indexes=[owner[key], index],
                    key=key,
                )
            owner[key] = index
            texts[tuple(record[name] for name in table.key)] = text
        writing.require_within(table, len(owner), terms.max_affected)
    return Rows(texts[key] for key in sorted(texts)), owner


def _by_shape(rows: Sequence[Values], write: Callable[[Sequence[Values]], Rows]) -> Rows:
    """Rows written with one statement for all that have the same columns, returned in the order given."""
    shapes: dict[tuple[str, ...], list[int]] = {}
    for index, row in enumerate(rows):
        shapes.setdefault(tuple(row), []).append(index)
    texts = [""] * len(rows)
    for indexes in shapes.values():
        for index, text in zip(indexes, write([rows[index] for index in indexes]).texts, strict=True):
            texts[index] = text
    return Rows(texts)


def _written(
    table: Table,
    rows: Sequence[Values],
    write: Callable[[Sequence[Values]], Rows],
    *,
    index_of: Callable[[Values], int] | None = None,
    total: int | None = None,
) -> Rows:
    """The rows as written; where a rule of the database refuses one, a refusal that names all it refuses."""
    if not rows:
        return Rows()
    try:
        with transaction.atomic():
            return write(rows)
    except (IntegrityError, DataError):
        _refuse(_faults(table, rows, write, index_of), total or len(rows))
        raise  # each alone is no fault: another transaction has changed what they met


def _faults(
    table: Table,
    rows: Sequence[Values],
    write: Callable[[Sequence[Values]], Rows],
    index_of: Callable[[Values], int] | None,
) -> list[tuple[int, Refused]]:
    """What the database says of each row, written one by one; all is taken back."""
    faults: list[tuple[int, Refused]] = []
    savepoint = transaction.savepoint()
    for position, row in enumerate(rows):
        try:
            with transaction.atomic(), translated(table, row):
                write([row])
        except Refused as refusal:
            faults.append((index_of(row) if index_of else position, refusal))
            if len(faults) == MAX_ERRORS:
                break
    transaction.savepoint_rollback(savepoint)
    return faults


def _refuse(faults: Iterable[tuple[int, Refused]], total: int) -> None:
    """Raise what is wrong with the first part at fault, with a list of all."""
    faults = list(faults)
    if not faults:
        return
    index, first = faults[0]
    errors = [
        {"index": at, "code": refusal.code, "message": refusal.message, **refusal.details}
        for at, refusal in faults[:MAX_ERRORS]
    ]
    raise type(first)(
        f"{len(faults)} of {total} are at fault, and nothing was written. Number {index}: {first.message}",
        hint=first.hint,
        **{**first.details, "index": index, "errors": errors},
    )
