"""What the pages of imports and exports have in common: who comes in, and how a refusal is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import capfirst

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, Refused
from accesscontrol.pages import ServicePages, sentence
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog.services import columns, live
from catalog.table import Table

View = Callable[..., HttpResponseBase]
Require = Callable[[Actor, Table], None]

NOWHERE = frozenset({401, 403, 404})  # refusals after which there is nothing to go back to


def require_export(actor: Actor, table: Table) -> None:
    """This function will do nothing where the actor may export records of a table.

    :raises Forbidden: they may not
    """
    policy.require(actor, Operation.EXPORT, table)
    policy.require(actor, Operation.READ, table)


def require_import(actor: Actor, table: Table) -> None:
    """This function will do nothing where the actor may import something into a table: to add, or to change.

    :raises Forbidden: they may not
    """
    policy.require(actor, Operation.IMPORT, table)
    if not policy.decide(actor, Operation.UPDATE, table).allowed:
        policy.require(actor, Operation.INSERT, table)


def refused_form(form: BaseForm) -> InvalidInput:
    """This function will return what the trail is told of a form that can't be taken: of its values nothing."""
    return InvalidInput(
        f"The form was not filled in right: {', '.join(form.errors)}.", columns=list(form.errors)
    )


def page(require: Require, operation: str, *methods: str) -> Callable[[View], View]:
    """This function will make a method a page for whom `require` lets; its refusals are told, as of `operation`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(self: ExchangePages, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            try:
                require(actor_of(request), self.table)
                return view(self, request, *args, **kwargs)
            except Refused as refusal:
                if request.method == "GET" or refusal.status in NOWHERE:
                    return self.turned_away(request, operation, refusal)
                self.record_refusal(request, operation, refusal)
                messages.error(request, sentence(refusal))
                return HttpResponseRedirect(request.get_full_path())

        return guarded

    return decorate


class ExchangePages(ServicePages):
    """Pages of one table that show what the services of imports and exports say."""

    table: ClassVar[Table]

    def exchange_urls(self) -> list[URLPattern]:
        """This function will return the addresses of these pages, to be put before those of single records."""
        return []

    def get_urls(self) -> list[Any]:
        """Return the addresses of all pages."""
        return [*self.exchange_urls(), *super().get_urls()]

    def at(self, route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        """This function will return the address of a page."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        found: URLPattern = path(route, self.admin_site.admin_view(view), name=name)
        return found

    def lets(self, request: HttpRequest, require: Require) -> bool:
        """This function will say whether the person may come to a page."""
        try:
            require(actor_of(request), self.table)
        except Refused:
            return False
        return True

    def known(self, request: HttpRequest) -> Table:
        """This function will return the table as the person may know it."""
        return columns.shown(actor_of(request), self.table)

    def exchange_page(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
    ) -> TemplateResponse:
        """This function will return a page."""
        whole = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "table": self.table,
            "table_name": capfirst(str(self.opts.verbose_name_plural)),
            "list_url": self.url("changelist") if self.lets_read(request) else None,
            **context,
        }
        return TemplateResponse(request, f"admin/exchange/{template}.html", whole, status=status)

    def lets_read(self, request: HttpRequest) -> bool:
        """This function will say whether the person may read the table."""
        return policy.decide(actor_of(request), Operation.READ, self.table).allowed

    def descriptions(self) -> dict[str, str]:
        """This function will return what the database says of each column."""
        return {row["name"]: row["description"] or "" for row in live.describe(self.table.name)["columns"]}
