"""Undoing one change: every record it wrote becomes what it was, unless something changed since."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db.models import Q

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, Forbidden, InvalidInput, NotFound
from accesscontrol.policy import Operation
from audit import history
from audit.history import Version
from audit.operation import DEFAULT_TERMS, MAX_AFFECTED, Terms, audited
from audit.trail import Entry
from catalog import registry
from catalog.services import columns, references, statements, writing
from catalog.services.integrity import translated
from catalog.services.rows import Record, Rows, fetch_whole
from catalog.services.wording import counted
from catalog.services.writing import Change, Written
from catalog.table import Table

MAX_CONFLICTS = 100


@dataclass
class _Work:
    """What is to be done to one table."""

    inserts: list[Version] = field(default_factory=list)  # records that were deleted
    updates: list[Version] = field(default_factory=list)
    deletes: list[Version] = field(default_factory=list)  # records that were inserted

    def all(self) -> list[Version]:
        """This function will return every version, whatever is to be done with it."""
        return [*self.inserts, *self.updates, *self.deletes]


@audited("UNDO", writes=Change)
def undo_change(entry: Entry, *, actor: Actor, change_id: object, terms: Terms = DEFAULT_TERMS) -> Change:
    """This function will undo one change of any size, and return the records of its table as they are then.

    `counts` says how many records of each table were undone. It is a change itself, and can be undone.

    :raises NotFound: no version of such a change is kept
    :raises Conflict: a record changed since; `details.records` says which and in what
    :raises Forbidden: a column of its tables is hidden from the actor, whatever the change was; or they may not
        do what undoing needs: update, insert what was deleted, delete what was inserted
    :raises ForeignKeyViolation: other records refer meanwhile to what was inserted
    """
    policy.require_account(actor)
    versions = history.of_change(_uuid(change_id))
    if not versions:
        raise NotFound("No versions are kept of such a change.", change_id=str(change_id)[:40])
    work = _sorted(versions)
    entry.table_name = next(iter(work)).name
    for table in work:
        _require_whole(actor, table)
    _require_rights(actor, work)
    current = {table: _lock(table, todo.all()) for table, todo in work.items()}
    _require_unchanged(work, current)
    _require_few(work, terms)
    written = _apply(entry, work, current)
    return writing.done(entry, written, counts=[len(part.records) for part in written])


def _require_few(work: Mapping[Table, _Work], terms: Terms) -> None:
    """Refuse what is more than the caller wants; without a wish, a change of any size is undone."""
    maximum = writing.maximum_of(terms)
    if maximum < MAX_AFFECTED:
        count = 0
        for table, todo in work.items():
            count += len(todo.all())
            writing.require_within(table, count, maximum)


def _uuid(value: object) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError as error:
        raise InvalidInput(
            "change_id must be a UUID, as a write has answered it.", argument="change_id"
        ) from error


def _sorted(versions: Iterable[Version]) -> dict[Table, _Work]:
    """What is to be done, by table in load order; several versions of a record count as one."""
    folded: dict[tuple[str, str], Version] = {}
    for version in versions:  # the last first
        name = version.model._meta.db_table
        latest = folded.get((name, version.key), version)
        folded[name, version.key] = replace(version, after=latest.after)
    work = {table: _Work() for table in registry.load_order()}
    for (name, _), version in folded.items():
        todo = work[registry.get(name)]
        if version.after is None and version.before is not None:
            todo.inserts.append(version)
        elif version.before is None and version.after is not None:
            todo.deletes.append(version)
        elif version.before is not None:
            todo.updates.append(version)
    return {table: todo for table, todo in work.items() if todo.inserts or todo.updates or todo.deletes}


def _require_whole(actor: Actor, table: Table) -> None:
    """Refuse who does not see all columns of a table: an undo that goes on, or not, would tell of the others."""
    if columns.shown(actor, table).columns.keys() < table.columns.keys():
        raise Forbidden(
            f"Columns of {table.name} are hidden from your role, and an undo writes whole records.",
            hint="Ask someone who sees all of them to undo the change.",
            table=table.name,
        )


def _require_rights(actor: Actor, work: Mapping[Table, _Work]) -> None:
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


def _lock(table: Table, versions: Iterable[Version]) -> dict[str, str]:
    """The records of a change as they are now, locked: their JSON texts by key."""
    keys = [table.where_key(version.key) for version in versions]
    wanted = (
        Q(*(Q(**key) for key in keys), _connector=Q.OR)
        if table.junction
        else Q(id__in=[key["id"] for key in keys])
    )
    rows = table.model._default_manager.filter(wanted).order_by(*table.key)
    found = fetch_whole(table, rows.select_for_update(of=("self",)))
    return {table.format_key(record): text for record, text in zip(found, found.texts, strict=True)}


def _require_unchanged(work: Mapping[Table, _Work], current: Mapping[Table, Mapping[str, str]]) -> None:
    """Refuse what is no longer as the change left it, naming each record and what differs."""
    conflicts = []
    for table, todo in work.items():
        for version in todo.all():
            text = current[table].get(version.key)
            if reason := _changed_since(version, json.loads(text) if text else None):
                conflicts.append({"table": table.name, "key": version.key, "reason": reason})
    if conflicts:
        first = conflicts[0]
        raise Conflict(
            f"{counted(len(conflicts), 'record is', 'records are')} no longer as the change left"
            f" {'it' if len(conflicts) == 1 else 'them'}: record {first['key']} of {first['table']} {first['reason']}.",
            hint="Undo the later changes first, or mend the records by hand.",
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


def _apply(
    entry: Entry, work: Mapping[Table, _Work], current: Mapping[Table, Mapping[str, str]]
) -> list[Written]:
    """Do it: insert parents before children, then update, then delete children before parents."""
    written = []
    coming = {
        (table.name, int(version.key))
        for table, todo in work.items()
        for version in (*todo.inserts, *todo.updates)
        if not table.junction and not (version.before or {}).get("deleted_at")
    }
    for table, todo in work.items():
        references.require_live_parents(table, _new_references(table, todo, coming))
        if todo.inserts:
            with translated(table, sets_many=True):
                written.append(Written(table, None, statements.insert(table, _befores(todo.inserts))))
    for table, todo in work.items():
        if todo.updates:
            with translated(table, sets_many=True):
                after = statements.update(table, _befores(todo.updates))
            before = Rows(current[table][table.format_key(record)] for record in after)
            written.append(Written(table, before, after))
    for table, todo in reversed(list(work.items())):
        if todo.deletes:
            gone = Rows(current[table][version.key] for version in todo.deletes)
            written += [Written(table, gone, None), *writing.delete_for_good(entry, table, gone)]
    return written


def _new_references(table: Table, todo: _Work, coming: Collection[tuple[str, int]]) -> list[Record]:
    """What records will refer to and do not now, or come back with, but for what comes back with them."""
    found = []
    for version in (*todo.inserts, *todo.updates):
        before, after = version.before or {}, version.after or {}
        if not before.get("deleted_at"):
            returns = version.after is None or after.get("deleted_at")
            found.append(
                {
                    column: before[column]
                    for column, parent in table.foreign_keys.items()
                    if (returns or before[column] != after.get(column))
                    and (parent, before[column]) not in coming
                }
            )
    return found


def _befores(versions: Iterable[Version]) -> Rows:
    return Rows(version.before_text for version in versions if version.before_text is not None)
