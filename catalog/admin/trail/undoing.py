"""Undoing a whole operation: what it would do and what stands in its way are shown first."""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Refused
from accesscontrol.pages import RefusalTranslator, ServicePages, sentence
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from audit import record_versions
from audit.history import Version
from audit.models import AuditLog
from catalog import registry
from catalog.admin import readable
from catalog.admin.trail import words
from catalog.admin.trail.links import page_of
from catalog.services import parents, undo, undo_preview
from catalog.services.parents import Names
from catalog.services.texts import label
from catalog.services.undo_preview import Deed, Part, Preview
from catalog.table import Table
from jobs import services as jobs

UNDO: Final = "UNDO"
MAX_AT_ONCE: Final = 1_000  # records; more are undone by a job
SHOWN_CONFLICTS: Final = 100
NO_PAGE: Final = frozenset({401, 403, 404})  # statuses after which there is nothing to show
UNTOLD: Final = frozenset({"created_at", "updated_at"})
NEEDED: Final = {
    "INSERT": {Operation.DELETE},
    "BATCH_INSERT": {Operation.DELETE},
    "UPDATE": {Operation.UPDATE},
    "BATCH_UPDATE": {Operation.UPDATE},
    "RESTORE_RECORDS": {Operation.UPDATE},
    "PURGE": {Operation.INSERT},
}
"""The right that undoing an operation takes, where its name says which; of the others the plan says."""


def address(actor: Actor, entry: AuditLog | None) -> str | None:
    """This function will return where an operation can be undone, if the actor may undo such as it at all."""
    if entry is None or not (entry.change_id and entry.success and entry.record_count) or entry.dry_run:
        return None
    try:
        table = registry.get(entry.table_name or "")
    except Refused:
        return None
    needed = NEEDED.get(entry.operation, {Operation.INSERT, Operation.UPDATE, Operation.DELETE})
    if policy.hidden_columns(actor, table.name):
        return None
    if not any(policy.decide(actor, right, table).allowed for right in needed):
        return None
    return reverse("admin:undo_change", args=[entry.change_id])


class Undoing(ServicePages):
    """The part of the trail's pages that undoes an operation."""

    def get_urls(self) -> Any:
        """Return the addresses of the pages, that of undoing among them."""
        view = self.admin_site.admin_view(self.undo_view)
        return [path("undo/<uuid:change_id>/", view, name="undo_change"), *super().get_urls()]

    def undo_view(self, request: HttpRequest, change_id: UUID) -> HttpResponse:
        """Show what undoing an operation would do, or do it."""
        if request.method not in {"GET", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        actor = actor_of(request)
        try:
            if request.method == "POST" and (answer := self._undo(request, change_id)):
                return answer
            preview = undo_preview.preview_undo(actor=actor, change_id=change_id)
        except Refused as refusal:
            self._note(request, refusal)
            return cast("RefusalTranslator", self.admin_site).refused_page(request, refusal)
        entry = record_versions.entries_of(actor, [change_id]).get(change_id)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Undo an operation"),
            "entry": entry,
            "operation": entry and words.operation(entry.operation),
            "who": entry and words.who(entry),
            "channel": entry and words.channel(entry.channel),
            "when": f"{preview.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            "total": preview.count,
            "is_looked_at": preview.is_looked_at,
            "parts": _parts(actor, preview),
            "deletes": any(part.deed == "delete" for part in preview.parts),
            "conflicts": [_conflict(actor, found) for found in preview.conflicts[:SHOWN_CONFLICTS]],
            "conflict_count": len(preview.conflicts),
            "undone": _undone(actor, change_id, preview),
            "more_conflicts": max(0, len(preview.conflicts) - SHOWN_CONFLICTS),
        }
        return TemplateResponse(request, "admin/history/undo.html", context)

    def _undo(self, request: HttpRequest, change_id: UUID) -> HttpResponse | None:
        """Undo it, or have it undone; None where it was refused: the page is shown again, with the reason."""
        actor = actor_of(request)
        try:
            if sum(tally.count for tally in undo.outline(actor, change_id)) > MAX_AT_ONCE:
                job = jobs.enqueue(actor=actor, kind="undo", arguments={"change_id": str(change_id)})
                return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[job.pk]))
            change = undo.undo_change(actor=actor, change_id=change_id)
        except Refused as refusal:
            if refusal.status in NO_PAGE:
                raise
            self._note(request, refusal)
            messages.error(request, sentence(refusal))
            return None
        count = sum(change.counts)
        done = ngettext("Undone: %(count)s record.", "Undone: %(count)s records.", count)
        messages.success(request, f"{done % {'count': f'{count:,}'}} {_('This can be undone too.')}")
        entry = record_versions.entries_of(actor, [change.change_id]).get(change.change_id)
        return HttpResponseRedirect(self.url("change", entry.pk) if entry else self.url("changelist"))

    def _note(self, request: HttpRequest, refusal: Refused) -> None:
        """Write to the trail that undoing was refused, about the table that stands in the way."""
        site = cast("RefusalTranslator", self.admin_site)
        site.record_refusal(request, refusal, operation=UNDO, table=refusal.details.get("table"))


def _undone(actor: Actor, change_id: UUID, preview: Preview) -> dict[str, Any] | None:
    """Who has undone it before, where that may be why it can't be undone."""
    found = record_versions.undo_of(actor, change_id, preview.at) if preview.conflicts else None
    if found is None:
        return None
    when = f"{found.timestamp.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return {"who": words.who(found), "when": when, "key": found.pk}


def _parts(actor: Actor, preview: Preview) -> list[dict[str, Any]]:
    """What would be done, table by table, with samples in words."""
    return [
        {
            "what": _deed(part.deed, part.count),
            "table": _plural(part.table),
            "samples": _samples(actor, part),
            "more": part.count - len(part.samples) if part.samples else 0,
        }
        for part in preview.parts
    ]


def _deed(deed: Deed, count: int) -> str:
    """What would be done to so many records."""
    told = {
        "delete": ngettext(
            "Delete %(count)s record that it added", "Delete %(count)s records that it added", count
        ),
        "change": ngettext("Set %(count)s record back", "Set %(count)s records back", count),
        "bring back": ngettext(
            "Bring %(count)s deleted record back", "Bring %(count)s deleted records back", count
        ),
    }
    return told[deed] % {"count": f"{count:,}"}


def _samples(actor: Actor, part: Part) -> list[dict[str, Any]]:
    states = [state or {} for version in part.samples for state in (version.before, version.after)]
    names = parents.names(actor, part.table, states)
    return [_sample(actor, part.table, version, names) for version in part.samples]


def _sample(actor: Actor, table: Table, version: Version, names: Names) -> dict[str, Any]:
    """A record, what it is called, and what would change of it: from what is there to what was before."""
    was, would = version.after or {}, version.before or {}
    changed = (
        [name for name in table.columns if name not in UNTOLD and was.get(name) != would.get(name)]
        if was and would
        else []
    )
    return {
        "key": version.key,
        "name": _name(table, would or was),
        "url": page_of(table, "change", version.key) if was else None,
        "lines": [
            {
                "heading": readable.heading(table.columns[name]),
                "pieces": readable.differences(table.columns[name], was.get(name), would.get(name), names),
            }
            for name in changed
        ],
    }


def _conflict(actor: Actor, found: dict[str, str]) -> dict[str, Any]:
    table = registry.get(found["table"])
    may_read = policy.decide(actor, Operation.READ, table).allowed
    return {
        "table": _plural(table),
        "key": found["key"],
        "reason": found["reason"],
        "url": page_of(table, "history", found["key"]) if may_read else None,
    }


def _name(table: Table, record: dict[str, Any]) -> str:
    column = label(table)
    return readable.short(record.get(column)) if column else ""


def _plural(table: Table) -> str:
    return capfirst(str(table.model._meta.verbose_name_plural))
