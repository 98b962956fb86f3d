"""Deleting on a table's pages: what it will do is said first, and the service does it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol.pages import DELETE, VIEW, ServicePages, as_left
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog.admin import done, effects
from catalog.admin.picked import SHOWN, keys_of
from catalog.services import records
from catalog.services.writing import Change
from catalog.table import Table


class Deletion(ServicePages):
    """The part of a table's pages that deletes."""

    table: ClassVar[Table]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what Django asks before a deletion; the database and the services judge it, not a preview."""
        return [str(obj) for obj in objs[:SHOWN]], {}, set(), []

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Ask before a record is deleted, and delete it."""
        obj = self.get_object(request, object_id)
        may_look = self.allows(request, VIEW) and self.allows(request, DELETE)
        effect = self._effect(request, [obj.pk]) if obj is not None and may_look else {}
        return super().delete_view(request, object_id, {**effect, **(extra_context or {})})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete through the service: into the trash where the table has one."""
        name, actor = str(obj), actor_of(request)
        change = records.delete_records(actor=actor, table=self.table, where={"id": obj.pk}, expect_one=True)
        self._tell(request, change, f"{self.opts.verbose_name} “{name}”")

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        """Lead to the list as it was; what was done is told already."""
        return HttpResponseRedirect(as_left(request, self.url("changelist")))

    @admin.action(description=gettext_lazy("Delete"), permissions=["delete"])
    def delete_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask before the chosen records are deleted, and delete them."""
        with self.telling(request, DELETE):
            keys = keys_of(queryset)
            if not request.POST.get("post"):
                return self._ask(request, queryset, keys)
            change = records.delete_records(
                actor=actor_of(request), table=self.table, where={"id": {"$in": keys}}
            )
            self._tell(request, change, self.counted(change.count))
        return None

    def _tell(self, request: HttpRequest, change: Change, records_: str) -> None:
        """Tell where the records went."""
        is_kept = change.type == "soft"
        words = _("Moved %(records)s to the trash.") if is_kept else _("Deleted %(records)s.")
        opposite = Operation.UPDATE if is_kept else Operation.INSERT
        told = done.told(request, self.table, words % {"records": records_}, change.change_id, opposite)
        messages.success(request, told)

    def _ask(self, request: HttpRequest, queryset: QuerySet[Any], keys: list[int]) -> HttpResponse:
        """The page that says what the deletion of several records will do."""
        context = {
            **self.admin_site.each_context(request),
            **self._effect(request, keys),
            "title": _("Delete %(records)s?") % {"records": self.counted(len(keys))},
            "objects": [str(obj) for obj in queryset.order_by("pk")[:SHOWN]],
            "more": max(0, len(keys) - SHOWN),
            "keys": keys,
            "checkbox": ACTION_CHECKBOX_NAME,
            "opts": self.opts,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/delete_selected_confirmation.html", context)

    def _effect(self, request: HttpRequest, keys: list[int]) -> dict[str, Any]:
        """What a deletion will do: nothing lasting where there is a trash; else what goes with the records."""
        return effects.effect(actor_of(request), self.table, keys, is_final=not self.table.soft_delete)

    def counted(self, count: int) -> str:
        """This function will return a number of records in words."""
        raise NotImplementedError
