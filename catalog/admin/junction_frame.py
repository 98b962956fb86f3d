"""What the pages of a junction table have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ClassVar

from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accesscontrol import policy
from accesscontrol.errors import NotFound, Refused
from accesscontrol.pages import ADD, CHANGE, DELETE, ServicePages, as_left
from accesscontrol.web import actor_of
from catalog.admin.operations import OPERATIONS
from catalog.services import columns, junctions
from catalog.services.junctions import End
from catalog.table import Table

View = Callable[..., HttpResponse]


def page(get: str | None, post: str | None = None) -> Callable[[View], View]:
    """This function will make a method a page for who may do these things here; what is refused is told, and audited.

    `get` is what showing it is, `post` what sending it something is; None where it takes no such request.
    """
    doings = {"GET": get, "HEAD": get, "POST": post}

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(self: JunctionFrame, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            doing = doings.get(str(request.method))
            if doing is None:
                return HttpResponseNotAllowed([method for method, known in doings.items() if known])
            try:
                self.require(request, doing)
                return view(self, request, *args, **kwargs)
            except Refused as refusal:
                return self.turned_away(request, doing, refusal)

        return guarded

    return decorate


class JunctionFrame(ServicePages):
    """Who may come in, where the pages are, and what all of them show."""

    table: ClassVar[Table]

    def require(self, request: HttpRequest, doing: str) -> None:
        """Ask the policy."""
        policy.require(actor_of(request), OPERATIONS[doing], self.table)

    def at(self, route: str, view: View, name: str) -> URLPattern:
        """This function will return the address of a page."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        found: URLPattern = path(route, self.admin_site.admin_view(view), name=name)
        return found

    def known_ends(self, request: HttpRequest) -> tuple[Table, list[End]]:
        """This function will return the table and its ends, as this person may know them."""
        actor = actor_of(request)
        return columns.shown(actor, self.table), junctions.ends(actor, self.table)

    def found(self, request: HttpRequest, object_id: str) -> Mapping[str, Any]:
        """This function will return one row.

        :raises NotFound: there is none of that key
        """
        key = self.table.where_key(unquote(object_id))
        found = junctions.list_rows(actor=actor_of(request), table=self.table, where=key, limit=1).records
        if not found:
            raise NotFound(_("There is no such row in %s.") % self.named(), table=self.table.name)
        return found[0]

    def named(self) -> str:
        """This function will return what the rows are called."""
        return capfirst(str(self.opts.verbose_name_plural))

    def back(self, request: HttpRequest) -> HttpResponse:
        """This function will lead to the list, as it was when the person left it."""
        return HttpResponseRedirect(as_left(request, self.url("changelist")))

    def shown(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        """This function will return a page."""
        whole = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "named": self.named(),
            "may_add": self.allows(request, ADD),
            "may_change": self.allows(request, CHANGE),
            "may_delete": self.allows(request, DELETE),
            "preserved_filters": self.get_preserved_filters(request),
            "changelist_url": self.url("changelist"),
            **context,
        }
        return TemplateResponse(request, f"admin/junctions/{template}.html", whole)
