"""The history of a record: its versions in words, and the way back to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accesscontrol.errors import InvalidInput, NotFound, Refused
from accesscontrol.pages import CHANGE, VIEW, ServicePages, sentence
from accesscontrol.web import actor_of
from audit import epochs
from audit.record_versions import Kept
from catalog.admin import readable
from catalog.admin.version_words import Teller, is_past, moment
from catalog.services import columns, parents, versions
from catalog.services.rows import Record
from catalog.services.texts import label
from catalog.services.versions import Side
from catalog.table import Table

PAGE = 20


class History(ServicePages):
    """The part of a table's pages that knows what a record was."""

    table: ClassVar[Table]

    def get_urls(self) -> Any:
        """Return the addresses of the pages, those of versions among them."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_version"
        return [
            path(
                "<path:object_id>/history/<int:number>/<str:side>/",
                self.admin_site.admin_view(self.version_view),
                name=name,
            ),
            *super().get_urls(),
        ]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show the versions of a record, the newest first."""
        object_id = unquote(object_id)
        try:
            self.require(request, VIEW)
            before, change_id = _number(request.GET.get("before")), _uuid(request.GET.get("change"))
            found = versions.list_versions(
                actor=actor_of(request),
                table=self.table,
                key=object_id,
                before=before,
                change_id=change_id,
                limit=PAGE + 1,
            )
        except Refused as refusal:
            return self.turned_away(request, VIEW, refusal)
        record = self._record(request, object_id)
        if record is None and not found:
            return self.turned_away(request, VIEW, NotFound(_("There is no such record.")))
        told = self._teller(request, object_id).told(found[:PAGE])
        is_all = before is None and change_id is None
        context = {
            **self._frame(request, object_id, record, _last(found)),
            "title": _("History"),
            "versions": told,
            "is_all": is_all,
            "of_change": change_id,
            "newest": told[0].kept.number if told and is_all else None,
            "older": found[PAGE - 1].number if len(found) > PAGE else None,
            "first": told[-1] if told and len(found) <= PAGE and change_id is None else None,
            "may_change": self.allows(request, CHANGE) and record is not None and not _is_trashed(record),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/history/list.html", context)

    def version_view(self, request: HttpRequest, object_id: str, number: int, side: str) -> HttpResponse:
        """Show a version beside the record as it is now, and set columns back to it."""
        object_id = unquote(object_id)
        doing = CHANGE if request.method == "POST" else VIEW
        if request.method not in {"GET", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        try:
            self.require(request, doing)
            if side not in {"before", "after"}:
                raise NotFound(_("There is no such version."))
            if request.method == "POST" and (answer := self._revert(request, object_id, number, side)):  # type: ignore[arg-type] # one of the two
                return answer
            found = versions.compare_version(
                actor=actor_of(request),
                table=self.table,
                key=object_id,
                number=number,
                side=side,  # type: ignore[arg-type]
            )
        except Refused as refusal:
            return self.turned_away(request, doing, refusal)
        record = self._record(request, object_id)
        context = {
            **self._frame(request, object_id, record, found.then),
            "title": _("Version of %(when)s") % {"when": moment(found.at)},
            "side": side,
            "comparison": found,
            "may_change": self.allows(request, CHANGE) and record is not None and not _is_trashed(record),
            "is_past": is_past(found.at, epochs.current()),
            **self._teller(request, object_id).compared(found),
        }
        return TemplateResponse(request, "admin/history/version.html", context)

    def _revert(self, request: HttpRequest, key: str, number: int, side: Side) -> HttpResponse | None:
        """Set back what was chosen; None where the page is to be shown again, with a message that says why."""
        try:
            versions.revert_record(
                actor=actor_of(request),
                table=self.table,
                key=key,
                number=number,
                side=side,
                names=request.POST.getlist("columns"),
                state=request.POST.get("state", ""),
            )
        except Refused as refusal:
            if isinstance(refusal, NotFound):
                raise
            self.record_refusal(request, CHANGE, refusal)
            messages.error(request, sentence(refusal))
            return None
        messages.success(
            request,
            _("Set back. This is a change like any other: it stands in the history, and can be undone."),
        )
        return HttpResponseRedirect(self.url("history", key))

    def _teller(self, request: HttpRequest, key: str) -> Teller:
        return Teller(actor_of(request), self.table, key, self.url)

    def _record(self, request: HttpRequest, key: str) -> Any:
        """The record, also from the trash, without its long texts; None where it is gone."""
        try:
            return self.get_object(request, key)
        except Refused:
            return None

    def _name(self, request: HttpRequest, key: str, record: Any, last: Record) -> str:
        """What the record is called, or was when it was there last, as far as the person may know it."""
        actor = actor_of(request)
        seen = columns.shown(actor, self.table)
        if self.table.junction:
            keys = self.table.parse_key(key)
            names = parents.names(actor, self.table, [keys])
            ends = [(self.table.foreign_keys[column], number) for column, number in keys.items()]
            one, other = (names.get(end, f"#{end[1]}") for end in ends)
            return _("%(one)s and %(other)s") % {"one": one, "other": other}
        if record is None:
            name = readable.short(last.get(label(seen) or ""))
        else:
            name = (
                str(record) if seen is self.table else readable.short(getattr(record, label(seen) or "", ""))
            )
        return name or f"{capfirst(str(self.opts.verbose_name))} #{key}"

    def _frame(self, request: HttpRequest, key: str, record: Any, last: Record) -> dict[str, Any]:
        """What both pages have in common."""
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "key": key,
            "record": record,
            "name": self._name(request, key, record, last),
            "is_trashed": record is not None and _is_trashed(record),
            "record_url": self.url("change", key),
            "history_url": self.url("history", key),
            "list_url": self.url("changelist"),
            "trail_url": f"{reverse('admin:audit_auditlog_changelist')}?{urlencode(self.trail_filter(key))}",
        }


def _last(found: Sequence[Kept]) -> Record:
    """What a record held before it was deleted, where that is the newest version."""
    gone = found[0].changes if found and found[0].kind == "deleted" else {}
    return {name: old for name, (old, _new) in gone.items()}


def _is_trashed(record: Any) -> bool:
    return getattr(record, "deleted_at", None) is not None


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInput(_("That is no number of a version."))
    return int(text)


def _uuid(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError as error:
        raise InvalidInput(_("That is no number of a change.")) from error
