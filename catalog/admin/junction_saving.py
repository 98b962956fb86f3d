"""Saving the junction rows that were edited on a record's page: removals, changes, additions, each a batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from accesscontrol.errors import Conflict, Refused
from catalog.admin.junction_forms import RowForm
from catalog.admin.junction_part import Fault, JunctionPart
from catalog.services import batch


class NotSaved(Exception):
    """Rows of a part could not be saved."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.refusal.message)


def save(part: JunctionPart, key: int) -> bool:
    """This function will save what was edited, in the caller's transaction, and say whether anything was.

    :raises NotSaved: a service refused it
    """
    gone = [form for form in part.sent.values() if form.is_to_go]
    changed = [form for form in part.sent.values() if not form.is_to_go and form.changed]
    added = list(part.added.values())
    steps = [
        ("BATCH_DELETE", gone, _remove),
        ("BATCH_UPDATE", changed, _change),
        ("BATCH_INSERT", added, _add),
    ]
    for operation, forms, write in steps:
        if forms:
            try:
                write(part, key, forms)
            except Refused as refusal:
                prefixes = [str(form.prefix) for form in forms]
                raise NotSaved(part.fault_of(operation, prefixes, refusal)) from refusal
    return bool(gone or changed or added)


def _remove(part: JunctionPart, key: int, forms: Iterable[RowForm]) -> None:
    """What somebody else has removed already is as it should be."""
    batch.delete_records(
        actor=part.actor, table=part.table, conditions_=[_key(part, key, form) for form in forms]
    )


def _change(part: JunctionPart, key: int, forms: Iterable[RowForm]) -> None:
    """Only rows that are still what the page showed."""
    updates = [{"where": {**_key(part, key, form), **form.as_it_was}, "data": form.changed} for form in forms]
    change = batch.update_records(actor=part.actor, table=part.table, updates=updates)
    overtaken = [index for index, count in enumerate(change.counts) if not count]
    if overtaken:
        raise Conflict(
            _("Somebody else changed or removed rows meanwhile, and nothing was saved."), overtaken=overtaken
        )


def _add(part: JunctionPart, key: int, forms: Iterable[RowForm]) -> None:
    rows: list[dict[str, Any]] = [
        {part.column: key, part.end.column: form.cleaned_data[part.end.column], **form.changed}
        for form in forms
    ]
    batch.insert_records(actor=part.actor, table=part.table, records=rows)


def _key(part: JunctionPart, key: int, form: RowForm) -> dict[str, int]:
    """The row's key: its form's prefix ends with the number at the other end."""
    return {part.column: key, part.end.column: int(str(form.prefix).rpartition("-")[2])}
