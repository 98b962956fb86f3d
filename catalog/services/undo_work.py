"""What undoing a change does to each table, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from audit.history import Version
from audit.trail import Entry
from catalog import registry
from catalog.services import references, statements, writing
from catalog.services.integrity import translated
from catalog.services.rows import Record, Rows
from catalog.services.writing import Written
from catalog.table import Table


@dataclass
class Work:
    """What is to be done to one table."""

    inserts: list[Version] = field(default_factory=list)  # records that were deleted
    updates: list[Version] = field(default_factory=list)
    deletes: list[Version] = field(default_factory=list)  # records that were inserted

    def all(self) -> list[Version]:
        """This function will return every version, whatever is to be done with it."""
        return [*self.inserts, *self.updates, *self.deletes]


def sort(versions: Iterable[Version]) -> dict[Table, Work]:
    """This function will return what is to be done, by table in load order.

    Several versions of a record count as one.
    """
    folded: dict[tuple[str, str], Version] = {}
    for version in versions:  # the last first
        name = version.model._meta.db_table
        latest = folded.get((name, version.key), version)
        folded[name, version.key] = replace(version, after=latest.after)
    work = {table: Work() for table in registry.load_order()}
    for (name, _), version in folded.items():
        todo = work[registry.get(name)]
        if version.after is None and version.before is not None:
            todo.inserts.append(version)
        elif version.before is None and version.after is not None:
            todo.deletes.append(version)
        elif version.before is not None:
            todo.updates.append(version)
    return {table: todo for table, todo in work.items() if todo.inserts or todo.updates or todo.deletes}


def apply(
    entry: Entry, work: Mapping[Table, Work], current: Mapping[Table, Mapping[str, str]]
) -> list[Written]:
    """This function will do it: insert parents before children, then update, then delete children before parents.

    `current` has the records as they are now, by key.
    """
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
                written.append(Written(table, None, statements.insert(entry, table, _befores(todo.inserts))))
    for table, todo in work.items():
        if todo.updates:
            with translated(table, sets_many=True):
                after = statements.update(entry, table, _befores(todo.updates))
            before = Rows(current[table][table.format_key(record)] for record in after)
            written.append(Written(table, before, after))
    for table, todo in reversed(list(work.items())):
        if todo.deletes:
            gone = Rows(current[table][version.key] for version in todo.deletes)
            written += [Written(table, gone, None), *writing.delete_for_good(entry, table, gone)]
    return written


def _new_references(table: Table, todo: Work, coming: Collection[tuple[str, int]]) -> list[Record]:
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
