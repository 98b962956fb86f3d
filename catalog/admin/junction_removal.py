"""Removing the rows of a junction table: one, or those that were chosen from the list."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accesscontrol.errors import NotFound
from accesscontrol.pages import DELETE
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog.admin import done, junction_list
from catalog.admin.junction_frame import JunctionFrame, page
from catalog.services import batch, junctions


class JunctionRemoval(JunctionFrame):
    """The part of a junction's pages that removes rows."""

    @page(DELETE, DELETE)
    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Ask before a row is removed, and remove it."""
        return self._removed(request, [self.table.where_key(unquote(object_id))])

    @page(None, DELETE)
    def delete_chosen_view(self, request: HttpRequest) -> HttpResponse:
        """Ask before the chosen rows are removed, and remove them."""
        keys = [self.table.where_key(key) for key in request.POST.getlist("key")]
        if not keys:
            messages.warning(request, _("Choose rows first, by the boxes before them."))
            return self.back(request)
        return self._removed(request, keys)

    def _removed(self, request: HttpRequest, keys: list[dict[str, int]]) -> HttpResponse:
        actor = actor_of(request)
        if request.POST.get("sure") == "yes":
            change = batch.delete_records(actor=actor, table=self.table, conditions_=keys)
            words = ngettext("Removed %(count)s row.", "Removed %(count)s rows.", change.count)
            told = words % {"count": change.count}
            if change.count:
                told = done.told(request, self.table, told, change.change_id, Operation.INSERT)
            messages.success(request, told)
            return self.back(request)
        where = {"$or": keys[: batch.MAX_PARTS]}
        listing = junctions.list_rows(actor=actor, table=self.table, where=where, limit=batch.MAX_PARTS)
        if not listing.records:
            raise NotFound
        seen, ends = self.known_ends(request)
        count = len(listing.records)
        context = {
            "title": ngettext("Remove this row?", "Remove %(count)s rows?", count) % {"count": count},
            "rows": [junction_list.row(seen, ends, record) for record in listing.records],
            "delete_url": self.url("delete_chosen"),
        }
        return self.shown(request, "delete", context)
