"""Deleting records of the trash for good, for whom that right is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol import policy
from accesscontrol.errors import NotFound, Refused
from accesscontrol.pages import VIEW
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog.admin import effects
from catalog.admin.picked import SHOWN, keys_of
from catalog.admin.trash import Trash
from catalog.services import trash

PURGE = "PURGE"


class Purging(Trash):
    """The part of a table's pages that empties the trash."""

    def has_purge_permission(self, request: HttpRequest) -> bool:
        """Say whether the person may delete from the trash for good, and see what is there."""
        may_purge = policy.decide(actor_of(request), Operation.PURGE, self.table).allowed
        return self.table.soft_delete and may_purge and self.allows(request, VIEW)

    def get_actions(self, request: HttpRequest) -> Any:
        """Return what can be done with chosen rows: purging in the trash alone."""
        actions = super().get_actions(request)
        if not self.shows_trash(request):
            actions.pop("purge_chosen", None)
        return actions

    def get_urls(self) -> Any:
        """Return the addresses of the pages, the purging among them."""
        view = self.admin_site.admin_view(self.purge_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_purge"
        return [path("<path:object_id>/purge/", view, name=name), *super().get_urls()]

    @admin.action(description=gettext_lazy("Delete for good"), permissions=["purge"])
    def purge_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask before the chosen records are deleted for good, and delete them."""
        with self.telling(request, PURGE):
            keys = keys_of(queryset.filter(deleted_at__isnull=False))
            if not request.POST.get("post"):
                return self._confirm(request, keys, list(queryset.order_by("pk")[:SHOWN]), "purge_chosen")
            self._purge(request, keys)
        return None

    def purge_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask before one record is deleted for good, and delete it."""
        try:
            self.require(request, VIEW)
            policy.require(actor_of(request), Operation.PURGE, self.table)
            record = self.get_object(request, unquote(object_id))
            if record is None or not self.is_trashed(record):
                raise NotFound(_("There is no such record in the trash."))
            if request.method != "POST":
                return self._confirm(request, [record.pk], [record])
        except Refused as refusal:
            return self.turned_away(request, PURGE, refusal)
        back = self.url("change", record.pk)
        with self.telling(request, PURGE):
            self._purge(request, [record.pk])
            back = f"{self.url('changelist')}?trash=1"
        return HttpResponseRedirect(back)

    def _purge(self, request: HttpRequest, keys: list[int]) -> None:
        change = trash.purge_records(actor=actor_of(request), table=self.table, where={"id": {"$in": keys}})
        messages.success(
            request, _("Deleted for good: %(records)s.") % {"records": self.counted(change.count)}
        )

    def _confirm(
        self, request: HttpRequest, keys: list[int], records: list[Any], action: str = ""
    ) -> HttpResponse:
        """The page that says what deleting for good will do."""
        context = {
            **self.admin_site.each_context(request),
            **effects.effect(actor_of(request), self.table, keys, is_final=True),
            "title": _("Delete %(records)s for good?") % {"records": self.counted(len(keys))},
            "objects": [str(record) for record in records],
            "more": max(0, len(keys) - SHOWN),
            "keys": keys,
            "checkbox": ACTION_CHECKBOX_NAME,
            "action": action,
            "back_url": f"{self.url('changelist')}?trash=1",
            "opts": self.opts,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/history/purge.html", context)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the record; one in the trash can be purged by whom that right is."""
        record = context.get("original")
        if self.is_trashed(record) and self.has_purge_permission(request):
            context["purge_url"] = self.url("purge", record.pk)
        return super().render_change_form(request, context, *args, **kwargs)
