"""Writing many records at once: all of them or none, and an error that names every one at fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.db import DataError, IntegrityError, transaction
from django.db.models import Model, Q, QuerySet

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
Fault = tuple[int, Refused]  # the index of a part, and what is wrong with it


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

    cleaned, faults = _each(records, clean)
    faults += _in_the_trash(table, cleaned)
    if chosen := [record["id"] for record in cleaned.values() if "id" in record]:
        statements.move_sequence(table, max(chosen))
    after = _written(
        seen,
        _without_faults(cleaned, faults),
        lambda rows: _by_shape(rows, lambda same: statements.insert(table, same)),
        faults=faults,
        total=len(records),
    )
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

    parts, faults = _each(updates, clean)
    wheres = {index: where for index, (where, _) in parts.items()}
    find = _finder(table, queries.visible(actor, table), wheres, keeps_key=True, terms=terms)
    found, too_much = _each_of(parts, find)
    before, owner, shared = _merged(table, found, terms)
    new = {index: references.new_values(parts[index][1], rows) for index, rows in found.items()}
    faults += [*too_much, *shared, *_in_the_trash(table, new)]
    data = _without_faults({index: data for index, (_, data) in parts.items()}, faults)
    changed = [
        (index, {**statements.key_values(table, record), **data[index]})
        for record in before
        if (index := owner[table.format_key(record)]) in data
    ]
    after = _written(
        seen,
        changed,
        lambda rows: _by_shape(rows, lambda same: statements.update(table, same)),
        faults=faults,
        total=len(updates),
    )
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
    wheres, faults = _each(conditions_, lambda where: conditions.parse_for_write(seen, where))
    _refuse(faults, len(conditions_))
    counts: list[int] = []
    texts: dict[tuple[int, ...], str] = {}
    taken: set[tuple[int, ...]] = set()
    find = _finder(table, queries.visible(actor, table), wheres, keeps_key=False, terms=terms)
    for rows in map(find, wheres):
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


def _each(parts: Sequence[Any], clean: Callable[[Any], Part]) -> tuple[dict[int, Part], list[Fault]]:
    """Every part cleaned, by index, and the refusals of the others."""
    return _each_of(range(len(parts)), lambda index: clean(parts[index]))


def _each_of(indexes: Iterable[int], work: Callable[[int], Part]) -> tuple[dict[int, Part], list[Fault]]:
    """What the work on each index gives, and the refusals of the others."""
    done: dict[int, Part] = {}
    faults: list[Fault] = []
    for index in indexes:
        try:
            done[index] = work(index)
        except Refused as refusal:
            faults.append((index, refusal))
    return done, faults


def _finder(
    table: Table, rows: QuerySet[Model], wheres: Mapping[int, Q], *, keeps_key: bool, terms: Terms
) -> Callable[[int], Rows]:
    """What locks and returns the rows of one of the conditions, by its index.

    Those of conditions that name one key are locked here, with one statement for all.
    """
    keys = {index: key for index, where in wheres.items() if (key := _key_named(table, where)) is not None}
    wanted = set(keys.values())
    texts: dict[int, str] = {}
    if is_together := 1 < len(wanted) <= writing.maximum_of(terms):
        found = writing.lock(table, rows.filter(pk__in=wanted), keeps_key=keeps_key, terms=terms)
        texts = {record["id"]: text for record, text in zip(found, found.texts, strict=True)}

    def find(index: int) -> Rows:
        if is_together and index in keys:
            text = texts.get(keys[index])
            return Rows() if text is None else Rows([text])
        return writing.lock(table, rows.filter(wheres[index]), keeps_key=keeps_key, terms=terms)

    return find


def _key_named(table: Table, where: Q) -> int | None:
    """The key that a condition names, if that is all it says."""
    match where.children:
        case [("id", int() as key)] if not where.negated and table.key == ("id",):
            return key
        case _:
            return None


def _in_the_trash(table: Table, records: Mapping[int, Values]) -> list[Fault]:
    """The refusals of records, by index, that refer to one in the trash."""
    indexes = list(records)
    found = references.trashed_parents(table, list(records.values()))
    return [(indexes[position], refusal) for position, refusal in found]


def _without_faults(records: Mapping[int, Values], faults: Iterable[Fault]) -> dict[int, Values]:
    at_fault = {index for index, _ in faults}
    return {index: record for index, record in records.items() if index not in at_fault}


def _merged(
    table: Table, found: Mapping[int, Rows], terms: Terms
) -> tuple[Rows, dict[str, int], list[Fault]]:
    """All records found, by key, which update each belongs to, and the updates that share one with another."""
    owner: dict[str, int] = {}
    texts = {}
    faults: dict[int, Refused] = {}
    for index, rows in found.items():
        for record, text in zip(rows, rows.texts, strict=True):
            key = table.format_key(record)
            if key in owner:
                faults.setdefault(index, _is_shared(table, owner[key], index, key))
            else:
                owner[key] = index
                texts[tuple(record[name] for name in table.key)] = text
        writing.require_within(table, len(owner), terms.max_affected)
    return Rows(texts[key] for key in sorted(texts)), owner, list(faults.items())


def _is_shared(table: Table, first: int, second: int, key: str) -> Conflict:
    return Conflict(
        f"Updates {first} and {second} both match record {key} of {table.name}.",
        hint="Let each record be changed by one update of a batch.",
        table=table.name,
        indexes=[first, second],
        key=key,
    )


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
    rows: Mapping[int, Values] | Sequence[tuple[int, Values]],
    write: Callable[[Sequence[Values]], Rows],
    *,
    faults: list[Fault],
    total: int,
) -> Rows:
    """The rows as written, each given with the index of its part; else a refusal that names every part at fault.

    `faults` are those known before; with some, what the database refuses of the others is still looked for.
    """
    indexed = list(rows.items() if isinstance(rows, Mapping) else rows)
    if not faults:
        try:
            with transaction.atomic():
                return write([row for _, row in indexed])
        except (IntegrityError, DataError):
            pass
    one_by_one = _one_by_one(table, indexed, write, faults)
    _refuse(faults, total)
    return one_by_one  # in another order than this they were in each other's way


def _one_by_one(
    table: Table,
    rows: Iterable[tuple[int, Values]],
    write: Callable[[Sequence[Values]], Rows],
    faults: list[Fault],
) -> Rows:
    """The rows, written one after the other; what the database refuses of each part is added to `faults`."""
    at_fault = {index for index, _ in faults}
    texts: list[str] = []
    for index, row in rows:
        if index in at_fault:
            continue
        try:
            with transaction.atomic(), translated(table, row):
                texts += write([row]).texts
        except Refused as refusal:
            faults.append((index, refusal))
            at_fault.add(index)
            if len(at_fault) >= MAX_ERRORS:
                break
    return Rows(texts)


def _refuse(faults: Iterable[Fault], total: int) -> None:
    """Raise what is wrong with the first part at fault, with a list of all."""
    faults = sorted(faults, key=lambda fault: fault[0])
    if not faults:
        return
    index, first = faults[0]
    errors = [
        {"index": at, "code": refusal.code, "message": refusal.message, **refusal.details}
        for at, refusal in faults[:MAX_ERRORS]
    ]
    count = len({at for at, _ in faults})
    raise type(first)(
        f"{count}{' or more' if count >= MAX_ERRORS else ''} of {total} are at fault, and nothing was written."
        f" Number {index}: {first.message}",
        hint=first.hint,
        **{**first.details, "index": index, "errors": errors},
    )
