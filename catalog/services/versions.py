"""The versions of a record: reading them, comparing one with what is there now, and going back to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from django.db.models import Q

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, InvalidInput, NotFound
from accesscontrol.policy import Operation
from audit import epochs, record_versions
from audit.operation import DEFAULT_TERMS, Terms, audited
from audit.record_versions import Kept
from audit.rows import read_exactly
from audit.trail import Entry
from catalog.services import columns, references, statements, writing
from catalog.services.integrity import translated
from catalog.services.rows import Record, Rows, members
from catalog.services.selects import Select
from catalog.services.writing import Change, Written
from catalog.table import Table

Side = Literal["before", "after"]


@dataclass(frozen=True)
class Comparison:
    """A record as a version has it and as it is now (None: it is gone), with the columns the actor may see."""

    at: datetime
    then: Record
    now: Record | None
    state: str  # what it is now, as a digest: a revert names it
    differing: list[str]  # the columns that a revert may set
    kept: frozenset[str]  # those of them that the actor may not set


@audited("QUERY")
def list_versions(
    entry: Entry,
    *,
    actor: Actor,
    table: Table,
    key: str,
    before: int | None = None,
    change_id: Any = None,
    limit: int = 20,
) -> list[Kept]:
    """This function will return versions of a record, the newest first, with the columns that the actor may see.

    Those older than the number `before`, or those that one change made.

    :raises Forbidden: the actor may not read the table
    :raises InvalidInput: that is no key of the table
    """
    policy.require(actor, Operation.READ, table)
    text = table.format_key(table.parse_key(key))
    seen = columns.shown(actor, table).columns
    found = record_versions.of_record(table.model, text, before=before, change_id=change_id, limit=limit)
    entry.record_id, entry.record_count = text, len(found)
    return [
        replace(kept, changes={name: kept.changes[name] for name in seen if name in kept.changes})
        for kept in found
    ]


@audited("QUERY")
def compare_version(
    entry: Entry, *, actor: Actor, table: Table, key: str, number: int, side: Side
) -> Comparison:
    """This function will return a record before or after the change that made a version, and as it is now.

    :raises Forbidden: the actor may not read the table
    :raises NotFound: no such version is kept, or the record was not there then
    """
    policy.require(actor, Operation.READ, table)
    at, text = _then(table, key, number, side)
    seen = columns.shown(actor, table)
    found = Select(table, members(table), include_deleted=True).fetch_one(table.parse_key(key))
    found = found.only(seen.columns)
    now = read_exactly(found.texts[0]) if found else None
    then = {name: value for name, value in read_exactly(text).items() if name in seen.columns}
    then = {name: then[name] for name in seen.columns if name in then}
    entry.record_id, entry.record_count = key, 1
    differing = _differing(seen, then, now) if now is not None else []
    read_only = policy.read_only_columns(actor, Operation.UPDATE, table.name)
    return Comparison(at, then, now, _digest(found), differing, read_only.intersection(differing))


@audited("UPDATE", writes=Change)
def revert_record(
    entry: Entry,
    *,
    actor: Actor,
    table: Table,
    key: str,
    number: int,
    side: Side,
    names: Sequence[str],
    state: str,
    terms: Terms = DEFAULT_TERMS,
) -> Change:
    """This function will set columns of a record to what they were before or after the change that made a version.

    Each by itself or all together; `state` is what `compare_version` said of the record: if it is no longer so,
    nothing is changed. Keys, and what the database keeps, stay as they are.

    :raises Forbidden: the actor may not update the table, or not set one of the columns
    :raises InvalidInput: a column that is unknown, the same then and now, or kept by the database; or none at all
    :raises NotFound: no such version is kept, or there is no such record
    :raises Conflict: the record was changed since, is in the trash, or the catalog was restored
    :raises ForeignKeyViolation, DuplicateKey, CheckViolation: as on update
    """
    policy.require(actor, Operation.UPDATE, table)
    at, text = _then(table, key, number, side)
    epochs.require_same(at, "The version")
    seen = columns.shown(actor, table)
    this = Q(**table.parse_key(key))
    before = writing.lock(table, this, keeps_key=True, include_deleted=True, terms=terms, expect_one=True)
    _require_revertible(table, before[0])
    now = before.only(seen.columns)
    if _digest(now) != state:
        raise Conflict(
            f"Record {key} of {table.name} was changed since you looked at it.",
            hint="Look at what is there now, and choose again.",
            table=table.name,
        )
    possible = _differing(seen, read_exactly(text), read_exactly(now.texts[0]))
    chosen = _chosen(seen, names, possible)
    columns.require_writable(actor, Operation.UPDATE, table, chosen)
    values = Rows([text]).only([*table.key, *chosen])
    references.require_live_parents(table, [{name: values[0][name] for name in chosen}], before)
    with translated(seen, values[0]):
        after = statements.update(entry, table, values)
    entry.client_info = {"reverted_to": f"{side} version {number}"}
    return writing.done(entry, [Written(table, before, after)])


def _then(table: Table, key: str, number: int, side: Side) -> tuple[datetime, str]:
    """When a version was made, and the record before or after as JSON."""
    kept = record_versions.state(table.model, table.format_key(table.parse_key(key)), number)
    text = None if kept is None else kept.before if side == "before" else kept.after
    if kept is None or text is None:
        raise NotFound("No such version of this record is kept.", table=table.name, key=key)
    return kept.at, text


def _require_revertible(table: Table, record: Record) -> None:
    if record.get("deleted_at"):
        raise Conflict(
            f"This record of {table.name} is in the trash.", hint="Restore it first.", table=table.name
        )


def _differing(seen: Table, then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The columns in which a record differs, but for those that nobody sets."""
    fixed = {*seen.key, *seen.managed_columns}
    return [n for n in seen.columns if n in then and n not in fixed and _text(then[n]) != _text(now[n])]


def _text(value: Any) -> str:
    """A value as it is compared: true is not 1, 1 is not 1.0, and members have no order."""
    return json.dumps(value, sort_keys=True, default=repr)


def _chosen(seen: Table, names: Iterable[str], possible: Sequence[str]) -> list[str]:
    """The columns that the caller chose, in the order of the table."""
    wanted = set(names)
    for name in wanted:
        seen.column(name)
    if unfit := sorted(wanted.difference(possible)):
        raise InvalidInput(
            f"{', '.join(unfit)} can't be set back: the same then and now, or kept by the database.",
            table=seen.name,
            columns=unfit,
        )
    if not wanted:
        raise InvalidInput("Choose at least one column to set back.", table=seen.name)
    return [name for name in possible if name in wanted]


def _digest(records: Rows) -> str:
    return sha256(records.json().encode()).hexdigest()
