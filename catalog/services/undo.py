"""Undoing one change: every record it wrote becomes what it was, unless something changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import Q

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, Forbidden, InvalidInput, NotFound
from accesscontrol.policy import Operation
from audit import epochs, history
from audit.history import Tally, Version
from audit.operation import DEFAULT_TERMS, MAX_AFFECTED, Terms, audited
from audit.rows import read_exactly
from audit.trail import Entry
from catalog import registry
from catalog.services import columns, undo_work, writing
from catalog.services.lookups import among
from catalog.services.rows import Record, fetch_whole
from catalog.services.undo_work import Work
from catalog.services.wording import counted
from catalog.services.writing import Change
from catalog.table import Table

MAX_CONFLICTS = 100
MAX_KEYS = 1_000  # that one statement names: its parameters are limited


@audited("UNDO", writes=Change)
def undo_change(entry: Entry, *, actor: Actor, change_id: object, terms: Terms = DEFAULT_TERMS) -> Change:
    """This function will undo one change of any size, and return the records of its table as they are then.

    `counts` says how many records of each table were undone. It is a change itself, and can be undone.

    :raises NotFound: no version of such a change is kept
    :raises Conflict: a record changed since; `details.records` says which and in what; or the catalog was restored
    :raises Forbidden: a column of its tables is hidden from the actor, whatever the change was; or they may not
        do what undoing needs: update, insert what was deleted, delete what was inserted
    :raises ForeignKeyViolation: other records refer meanwhile to what was inserted
    """
    work = work_of(actor, change_id)
    entry.table_name = next(iter(work)).name
    entry.client_info = {"undoes": str(change_id)}
    current = {table: read_now(table, todo.all(), locks=True) for table, todo in work.items()}
    _require_unchanged(work, current)
    _require_few(work, terms)
    written = undo_work.apply(entry, work, current)
    return writing.done(entry, written, counts=[len(part.records) for part in written])


def work_of(actor: Actor, change_id: object) -> dict[Table, Work]:
    """This function will return what undoing a change does, by table, where the actor may do it.

    :raises NotFound, Forbidden: as undo_change
    :raises Conflict: the catalog was restored since
    """
    policy.require_account(actor)
    versions = history.of_change(uuid_of(change_id))
    if not versions:
        raise NotFound("No versions are kept of such a change.", change_id=str(change_id)[:40])
    epochs.require_same(versions[0].at, "The change")
    work = undo_work.sort(versions)
    for table in work:
        _require_whole(actor, table)
    _require_rights(actor, work)
    return work


def outline(actor: Actor, change_id: object) -> list[Tally]:
    """This function will return how many records a change wrote, where the actor may undo such, without reading them.

    :raises NotFound, Forbidden: as undo_change, but for columns that the actor may not set
    :raises Conflict: the catalog was restored since
    """
    policy.require_account(actor)
    tallies = history.tally_of_change(uuid_of(change_id))
    if not tallies:
        raise NotFound("No versions are kept of such a change.", change_id=str(change_id)[:40])
    epochs.require_same(tallies[0].at, "The change")
    for tally in tallies:
        table = registry.get(tally.model._meta.db_table)
        _require_whole(actor, table)
        policy.require(actor, _opposite(tally), table)
    return tallies


def _opposite(tally: Tally) -> Operation:
    """What undoing does to the records of a tally."""
    if not tally.was_there:
        return Operation.DELETE
    return Operation.UPDATE if tally.is_there else Operation.INSERT


def _require_few(work: Mapping[Table, Work], terms: Terms) -> None:
    """Refuse what is more than the caller wants; without a wish, a change of any size is undone."""
    maximum = writing.maximum_of(terms)
    if maximum < MAX_AFFECTED:
        count = 0
        for table, todo in work.items():
            count += len(todo.all())
            writing.require_within(table, count, maximum)


def uuid_of(value: object) -> UUID:
    """This function will return the number of a change as a caller wrote it.

    :raises InvalidInput: it is none
    """
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError as error:
        raise InvalidInput(
            "change_id must be a UUID, as a write has answered it.", argument="change_id"
        ) from error


def _require_whole(actor: Actor, table: Table) -> None:
    """Refuse who does not see all columns of a table: an undo that goes on, or not, would tell of the others."""
    if columns.shown(actor, table).columns.keys() < table.columns.keys():
        raise Forbidden(
            f"Columns of {table.name} are hidden from your role, and an undo writes whole records.",
            hint="Ask someone who sees all of them to undo the change.",
            table=table.name,
        )


def _require_rights(actor: Actor, work: Mapping[Table, Work]) -> None:
    for table, todo in work.items():
        for operation, versions in (
            (Operation.INSERT, todo.inserts),
            (Operation.UPDATE, todo.updates),
            (Operation.DELETE, todo.deletes),
        ):
            if versions:
                policy.require(actor, operation, table)
        touched = {
            name for version in todo.updates for name in (version.before or {}) if _differ(version, name)
        }
        columns.require_writable(actor, Operation.UPDATE, table, touched)


def _differ(version: Version, name: str) -> bool:
    return name != "updated_at" and (version.before or {}).get(name) != (version.after or {}).get(name)


def read_now(table: Table, versions: Iterable[Version], *, locks: bool) -> dict[str, str]:
    """This function will return the records of a change as they are now: their JSON texts by key."""
    keys = sorted((table.where_key(version.key) for version in versions), key=lambda key: [*key.values()])
    texts: dict[str, str] = {}
    for start in range(0, len(keys), MAX_KEYS):
        wanted = _any_of(table, keys[start : start + MAX_KEYS])
        rows = table.model._default_manager.filter(wanted).order_by(*table.key)
        found = fetch_whole(table, rows.select_for_update(of=("self",)) if locks else rows)
        texts |= {table.format_key(record): text for record, text in zip(found, found.texts, strict=True)}
    return texts


def _any_of(table: Table, keys: Sequence[Mapping[str, int]]) -> Q:
    if table.junction:
        return Q(*(Q(**key) for key in keys), _connector=Q.OR)
    return among("id", (key["id"] for key in keys))


def conflicts_of(
    work: Mapping[Table, Work], current: Mapping[Table, Mapping[str, str]]
) -> list[dict[str, str]]:
    """This function will return what is no longer as the change left it: {table, key, reason} of each record."""
    conflicts = []
    for table, todo in work.items():
        for version in todo.all():
            text = current[table].get(version.key)
            if reason := _changed_since(version, read_exactly(text) if text else None):
                conflicts.append({"table": table.name, "key": version.key, "reason": reason})
    return conflicts


def _require_unchanged(work: Mapping[Table, Work], current: Mapping[Table, Mapping[str, str]]) -> None:
    """Refuse what is no longer as the change left it, naming each record and what differs."""
    if conflicts := conflicts_of(work, current):
        first = conflicts[0]
        raise Conflict(
            f"{counted(len(conflicts), 'record is', 'records are')} no longer as the change left"
            f" {'it' if len(conflicts) == 1 else 'them'}: record {first['key']} of {first['table']} {first['reason']}.",
            hint="Undo the later changes first, or mend the records by hand.",
            table=first["table"],
            records=conflicts[:MAX_CONFLICTS],
        )


def _changed_since(version: Version, now: Record | None) -> str | None:
    """Why a record can't become what it was, or None."""
    if version.after is None:
        return None if now is None else "is there again"
    if now is None:
        return "was deleted since"
    changed = [name for name in now if name != "updated_at" and now[name] != version.after.get(name)]
    return f"has another {', '.join(changed)}" if changed else None
