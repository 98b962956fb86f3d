"""The trash of a table on its pages: seeing it, and taking records out of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol.pages import CHANGE, DELETE, ServicePages
from accesscontrol.web import actor_of
from audit.operation import Terms
from catalog.admin.picked import SHOWN, keys_of
from catalog.services import retention, trash
from catalog.table import Table

PARAMETER = "trash"
RESTORE = "RESTORE_RECORDS"


class Trash(ServicePages):
    """The part of a table's pages that knows the trash."""

    table: ClassVar[Table]

    def shows_trash(self, request: HttpRequest) -> bool:
        """This function will say whether a list is of the trash."""
        return self.table.soft_delete and bool(request.GET.get(PARAMETER))

    def is_trashed(self, obj: Any) -> bool:
        """This function will say whether a record is in the trash."""
        return getattr(obj, "deleted_at", None) is not None

    def get_actions(self, request: HttpRequest) -> Any:
        """Return what can be done with chosen rows: in the trash restore, elsewhere edit and delete."""
        actions = super().get_actions(request)
        unfit = {"edit_chosen", "delete_chosen"} if self.shows_trash(request) else {"restore_chosen"}
        return {n: action for n, action in actions.items() if n not in {"delete_selected", *unfit}}

    @admin.action(description=gettext_lazy("Restore"), permissions=["change"])
    def restore_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask before the chosen records are taken out of the trash, and take them out."""
        with self.telling(request, RESTORE):
            trashed = queryset.filter(deleted_at__isnull=False)
            keys = keys_of(trashed)
            if keys and not request.POST.get("post"):
                return self._ask_to_restore(request, keys, list(trashed.order_by("pk")[:SHOWN]))
            self._restore(request, keys)
        return None

    def restore_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take one record out of the trash."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        obj = self.get_object(request, object_id)
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        with self.telling(request, RESTORE):
            self._restore(request, [obj.pk])
        return HttpResponseRedirect(self.url("change", obj.pk))

    def _restore(self, request: HttpRequest, keys: list[int]) -> None:
        change = trash.restore_records(actor=actor_of(request), table=self.table, where={"id": {"$in": keys}})
        messages.success(request, _("Restored %(records)s.") % {"records": self.counted(change.count)})

    def _ask_to_restore(self, request: HttpRequest, keys: list[int], records: list[Any]) -> HttpResponse:
        """The page that says what will be restored; what stands in the way of it is found by trying.

        :raises Refused: as `restore_records`
        """
        where, terms = {"id": {"$in": keys}}, Terms(dry_run=True)
        change = trash.restore_records(actor=actor_of(request), table=self.table, where=where, terms=terms)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Restore %(records)s?") % {"records": self.counted(change.count)},
            "objects": [str(record) for record in records],
            "more": max(0, change.count - SHOWN),
            "keys": keys,
            "checkbox": ACTION_CHECKBOX_NAME,
            "opts": self.opts,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/history/restore.html", context)

    def get_urls(self) -> Any:
        """Return the addresses of the pages, the restoring among them."""
        view = self.admin_site.admin_view(self.restore_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_restore"
        return [path("<path:object_id>/restore/", view, name=name), *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the record; one in the trash says so."""
        if self.is_trashed(obj := context.get("original")):
            context["trashed_at"] = obj.deleted_at
            context["kept_until"] = retention.kept_until(obj.deleted_at)
            context["can_restore"] = self.allows(request, CHANGE)
        context["moves_to_trash"] = self.table.soft_delete and self.allows(request, DELETE)
        return super().render_change_form(request, context, *args, **kwargs)

    def counted(self, count: int) -> str:
        """This function will return a number of records in words."""
        return f"{count:,} {self.opts.verbose_name if count == 1 else self.opts.verbose_name_plural}"
