"""Saving a record that somebody else changed since it was opened: what stays, what is saved, what is to be chosen.

A form carries a stamp: digests of the columns as they were when it was made. Where a column is no longer so, what
nobody touched here stays as the other person left it. What both changed is a conflict: nothing is saved until
the person has chosen, column by column, and a choice holds only against what was shown beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from audit import record_versions
from audit.record_versions import Kept
from catalog.admin import readable
from catalog.admin.differences import Piece
from catalog.services import parents, stamps
from catalog.table import AnyField, Table

STAMP, CHOICE = "_stamp", "_take_"
THEIRS, MINE = "theirs", "mine"
VERSIONS = 20  # looked at for who changed a column


@dataclass
class Merge:
    """What becomes of the columns of a form whose record may have changed since it was made."""

    stamp: dict[str, str] = field(default_factory=dict)  # of what may be overwritten
    kept: list[str] = field(default_factory=list)  # changed by others, and left as they have it
    conflicts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Conflict:
    """A column that two people changed, with both versions of it."""

    column: str
    heading: str
    theirs: list[Piece]
    mine: list[Piece]
    change: Kept | None
    choice: str  # what the choice of one's own is sent as

    @property
    def name(self) -> str:
        """The name of the choice in the form."""
        return f"{CHOICE}{self.column}"


def fresh(table: Table, form: Any) -> dict[str, str]:
    """This function will return the stamp of a form that shows a record as it is now."""
    return {
        column: stamps.digest(field, form.initial.get(name)) for name, column, field in _fields(table, form)
    }


def merge(table: Table, form: Any, posted: Mapping[str, Any]) -> Merge:
    """This function will compare a form that was sent, and its record as it is now, with the form's stamp.

    :raises InvalidInput: the stamp is none: a forged form
    """
    found = Merge()
    stamp = _stamp(posted)
    for name, column, field_ in _fields(table, form):
        if (base := stamp.get(column)) is None:
            continue
        theirs = stamps.digest(field_, form.initial.get(name))
        mine = stamps.digest(field_, _typed(form, name)) if name in form.typed else None
        choice = posted.get(f"{CHOICE}{column}")
        found.stamp[column] = theirs
        if theirs in {base, mine} or choice == f"{MINE} {theirs}":
            continue
        if mine == base or choice == THEIRS:
            found.kept.append(column)
        else:
            found.conflicts.append(column)
            found.stamp[column] = base
    return found


def show_kept(table: Table, form: Any, merged: Merge) -> None:
    """This function will make a form that is shown again show what others changed, where that is kept."""
    form.data = form.data.copy()
    for name, column, _field in _fields(table, form):
        if column in merged.kept:
            form.data[name] = form.initial.get(name)


def conflicts(actor: Actor, table: Table, form: Any, merged: Merge) -> list[Conflict]:
    """This function will return the columns that are to be chosen, as they are now and as they were typed."""
    if not merged.conflicts:
        return []
    wanted = [each for each in _fields(table, form) if each[1] in merged.conflicts]
    theirs = {column: _plain(form.initial.get(name)) for name, column, _field in wanted}
    mine = {column: _plain(_typed(form, name)) for name, column, _field in wanted}
    names = parents.names(actor, table, [theirs, mine])
    changes = record_versions.of_record(table.model, str(form.instance.pk), limit=VERSIONS)
    found = []
    for name, column, field_ in wanted:
        pieces = readable.differences(field_, theirs[column], mine[column], names, cuts=False)
        found.append(
            Conflict(
                column,
                form.fields[name].label or readable.heading(field_),
                [piece for piece in pieces if piece.kind != "added"],
                [piece for piece in pieces if piece.kind != "removed"],
                next((change for change in changes if column in change.changes), None),
                f"{MINE} {stamps.digest(field_, form.initial.get(name))}",
            )
        )
    return found


def told(table: Table, columns: list[str]) -> str:
    """This function will return the sentence that tells what of others' changes was kept."""
    headings = ", ".join(readable.heading(table.columns[column]) for column in columns)
    return _("Somebody else changed this record meanwhile, and that was kept: %(columns)s.") % {
        "columns": headings
    }


def typed(table: Table, posted: Mapping[str, Any]) -> list[tuple[str, str]]:
    """This function will return (heading, text) of what was filled in for columns of a table."""
    columns = [(field.name, readable.heading(field)) for field in table.columns.values()]
    return [(heading, posted[name]) for name, heading in columns if posted.get(name)]


def _fields(table: Table, form: Any) -> list[tuple[str, str, AnyField]]:
    """(name in the form, column, field) of the columns that a form can set."""
    return [(f.name, column, f) for column, f in table.columns.items() if f.name in form.fields]


def _stamp(posted: Mapping[str, Any]) -> dict[str, str]:
    text = posted.get(STAMP)
    if not text:
        return {}
    try:
        stamp = json.loads(text)
    except (ValueError, RecursionError):
        stamp = None
    if not isinstance(stamp, dict) or not all(isinstance(value, str) for value in stamp.values()):
        raise InvalidInput(f"{STAMP} can't be read.")
    return stamp


def _typed(form: Any, name: str) -> Any:
    """What was typed into a field: as it was read, or as it came where it could not be."""
    value = form.typed.get(name) if name in form.typed else form[name].data
    return value.pk if isinstance(value, models.Model) else value


def _plain(value: Any) -> Any:
    """A value as the records of services have it."""
    return value.isoformat() if isinstance(value, date | datetime) else value
