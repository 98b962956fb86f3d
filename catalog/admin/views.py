"""Saved views of a list: opening, keeping and deleting them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.urls import path
from django.utils.translation import gettext as _

from accesscontrol.errors import Refused
from accesscontrol.pages import VIEW, ServicePages
from accesscontrol.web import actor_of
from catalog.admin import addresses
from catalog.models import SavedView
from catalog.services import columns, saved_views
from catalog.table import Table


@dataclass(frozen=True)
class Entry:
    """A view in the menu: where it leads, which is nowhere when the person may not know all that it asks for."""

    key: int
    name: str
    address: str | None
    owner: str | None  # of another person's
    is_shared: bool
    is_current: bool
    may_delete: bool


class SavedViews(ServicePages):
    """The part of a table's pages that keeps lists."""

    table: ClassVar[Table]

    def saved_views(self, request: HttpRequest, query: str) -> list[Entry]:
        """This function will return the menu of views; `query` is the list that is open.

        A view that names a column which is hidden from the person is none of theirs, so that it tells of nothing.
        """
        actor = actor_of(request)
        entries = []
        for view in saved_views.visible(actor, self.table):
            is_own = view.owner_id == getattr(request.user, "pk", None)
            found = self._followed(request, view)
            if found is None and not is_own:
                continue
            entries.append(
                Entry(
                    view.pk,
                    view.name,
                    None if found is None else f"?{found}",
                    None if is_own else view.owner.get_username(),
                    view.is_shared,
                    found == query,
                    saved_views.may_delete(actor, view),
                )
            )
        return entries

    def save_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the list that is open under a name."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        actor, given = actor_of(request), QueryDict(request.POST.get("query", "")[:10_000])
        query = ""
        with self.telling(request, "SAVE_VIEW"):
            self.require(request, VIEW)
            query = addresses.read(columns.shown(actor, self.table), given).query
            view = saved_views.save(
                actor=actor,
                table=self.table,
                name=request.POST.get("name", ""),
                query=query,
                is_shared=bool(request.POST.get("is_shared")),
            )
            messages.success(request, _("This list is kept as “%(name)s”.") % {"name": view.name})
        return self._back(query)

    def delete_view_of_list(self, request: HttpRequest, key: int) -> HttpResponse:
        """Delete a view."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        with self.telling(request, "DELETE_VIEW"):
            self.require(request, VIEW)
            name = saved_views.delete(actor=actor_of(request), table=self.table, key=key)
            messages.success(request, _("The view “%(name)s” is deleted.") % {"name": name})
        return self._back(request.POST.get("query", "")[:10_000])

    def get_urls(self) -> Any:
        """Return the addresses of the pages, those of views among them."""
        base = f"{self.opts.app_label}_{self.opts.model_name}"
        site = self.admin_site
        return [
            path("views/", site.admin_view(self.save_view), name=f"{base}_views"),
            path(
                "views/<int:key>/delete/",
                site.admin_view(self.delete_view_of_list),
                name=f"{base}_view_delete",
            ),
            *super().get_urls(),
        ]

    def _followed(self, request: HttpRequest, view: SavedView) -> str | None:
        """The address of a view, as far as the person may follow it."""
        seen = columns.shown(actor_of(request), self.table)
        try:
            return addresses.read(seen, QueryDict(view.query)).query
        except Refused:
            return None

    def _back(self, query: str) -> HttpResponseRedirect:
        """The list, as it was."""
        return HttpResponseRedirect(f"{self.url('changelist')}?{QueryDict(query).urlencode()}")
