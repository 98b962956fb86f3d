"""The versions of a record in words: what each changed, who did it, and where it leads on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from accesscontrol.actor import Actor
from audit import epochs, record_versions
from audit.models import AuditLog
from audit.record_versions import Kept
from catalog.admin import readable
from catalog.admin.differences import Piece
from catalog.admin.trail import undoing, words
from catalog.services import parents
from catalog.services.parents import Names
from catalog.services.versions import Comparison
from catalog.table import Table

LONG_CHARS = 600
UNTOLD = frozenset({"created_at", "updated_at"})  # what every change changes


@dataclass(frozen=True)
class Line:
    """One column of a version or a comparison."""

    name: str
    heading: str
    pieces: list[Piece]
    may_revert: bool = True

    @property
    def is_long(self) -> bool:
        """Whether it is shown in a frame that scrolls."""
        return sum(len(piece.text) for piece in self.pieces) > LONG_CHARS


@dataclass(frozen=True)
class Told:
    """One version as the page tells it."""

    kept: Kept
    what: str
    who: str
    when: str
    channel: str
    lines: list[Line]
    entry: AuditLog | None
    operation: str
    is_past: bool  # from before the catalog was restored
    is_tied: bool  # to other records, by one operation
    undo_url: str | None
    before_url: str | None
    after_url: str | None

    @property
    def anchor(self) -> str:
        """Where on the page it is."""
        return f"change-{self.kept.change_id}"


@dataclass(frozen=True)
class Teller:
    """Tells an actor of the versions of one record; `url` gives the addresses of the pages of its table."""

    actor: Actor
    table: Table
    key: str
    url: Callable[..., str]

    def told(self, found: Sequence[Kept]) -> list[Told]:
        """This function will tell of versions, with one query for each table that they refer to."""
        values = [{name: value[side] for name, value in k.changes.items()} for k in found for side in (0, 1)]
        names = parents.names(self.actor, self.table, values)
        entries = record_versions.entries_of(self.actor, [k.change_id for k in found if k.change_id])
        epoch = epochs.current()
        return [
            self._version(kept, names, entries.get(kept.change_id) if kept.change_id else None, epoch)
            for kept in found
        ]

    def _version(self, kept: Kept, names: Names, entry: AuditLog | None, epoch: Any) -> Told:
        lines = [
            Line(name, readable.heading(field), readable.differences(field, *kept.changes[name], names))
            for name, field in self.table.columns.items()
            if name in kept.changes
            and name not in UNTOLD
            and name != "deleted_at"
            and name not in self.table.key
        ]
        past = is_past(kept.at, epoch)
        return Told(
            kept,
            _what(kept, lines),
            kept.username or (entry and entry.user_id) or _("(nobody)"),
            moment(kept.at),
            words.channel(kept.channel),
            lines,
            entry,
            words.operation(entry.operation) if entry else "",
            past,
            is_tied=bool(entry and (entry.record_count or 0) > 1),
            undo_url=None if past else undoing.address(self.actor, entry),
            before_url=None
            if past or kept.kind == "inserted"
            else self.url("version", self.key, kept.number, "before"),
            after_url=None
            if past or kept.kind == "deleted"
            else self.url("version", self.key, kept.number, "after"),
        )

    def compared(self, found: Comparison) -> dict[str, Any]:
        """This function will return the columns that differ from now, those that don't, and if any may be set back."""
        names = parents.names(self.actor, self.table, [found.then, found.now or {}])
        fields = self.table.columns
        differing = [
            Line(
                name,
                readable.heading(fields[name]),
                readable.differences(
                    fields[name], (found.now or {}).get(name), found.then[name], names, folds=False
                ),
                may_revert=name not in found.kept,
            )
            for name in found.differing
        ]
        same = [
            (readable.heading(fields[name]), readable.text(fields[name], value, names))
            for name, value in found.then.items()
            if name not in found.differing and name not in {*self.table.key, *self.table.managed_columns}
        ]
        return {
            "differing": differing,
            "same": same,
            "can_set_back": any(line.may_revert for line in differing),
        }


def _what(kept: Kept, lines: Sequence[Line]) -> str:
    """What a change did to the record, as a heading."""
    if kept.kind == "inserted":
        return _("Added")
    if kept.kind == "deleted":
        return _("Deleted for good")
    old, new = kept.changes.get("deleted_at", (None, None))
    if new and not old:
        return _("Moved to the trash")
    if old and not new:
        return _("Restored from the trash")
    if not lines:
        return _("Saved without a change")
    return _("Changed: %(columns)s") % {"columns": ", ".join(line.heading for line in lines)}


def moment(at: datetime) -> str:
    """This function will return when something was, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def is_past(at: datetime, epoch: Any) -> bool:
    """This function will say whether that was before the catalog was restored."""
    return epoch is not None and at <= epoch.started_at
