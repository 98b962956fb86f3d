"""The trash of a table on its pages: seeing it, and taking records out of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol.pages import CHANGE, DELETE, ServicePages
from accesscontrol.web import actor_of
from catalog.admin.picked import keys_of
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
    def restore_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Take the chosen records out of the trash."""
        self._restore(request, queryset)

    def restore_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take one record out of the trash."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        obj = self.get_object(request, object_id)
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        self._restore(request, self.model._default_manager.filter(pk=obj.pk))
        return HttpResponseRedirect(self.url("change", obj.pk))

    def _restore(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        with self.telling(request, RESTORE):
            where = {"id": {"$in": keys_of(rows)}}
            change = trash.restore_records(actor=actor_of(request), table=self.table, where=where)
            messages.success(request, _("Restored %(records)s.") % {"records": self.counted(change.count)})

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
