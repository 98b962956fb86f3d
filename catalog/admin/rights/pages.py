"""Who may do what: all roles at once, the roles on one table to tick, and why somebody may do something."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accesscontrol import policy
from accesscontrol.errors import InvalidInput, NotFound, Refused
from accesscontrol.pages import sentence
from accesscontrol.policy import Right
from accesscontrol.web import actor_of
from catalog import registry
from catalog.admin.rights import asking, grids
from catalog.services import rights
from catalog.table import Table

View: TypeAlias = Callable[..., HttpResponse]


def page(*methods: str) -> Callable[[View], View]:
    """This function will make a method a page that answers to `methods`; its refusals are told and shown."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(self: RightsPages, request: HttpRequest, **arguments: Any) -> HttpResponse:
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            try:
                return view(self, request, **arguments)
            except Refused as refusal:
                return self.refused(request, refusal, arguments.get("table"))

        return guarded

    return decorate


class RightsPages:
    """Roles by tables by operations, from three sides."""

    def __init__(self, site: AdminSite) -> None:
        self._site: Any = site

    def urls(self) -> list[URLPattern]:
        """This function will return the addresses, to be put under `rights/`."""
        return [
            self._at("", self.overview, "rights"),
            self._at("tables/<str:table>/", self.table_page, "rights_table"),
            self._at("why/", self.why, "rights_why"),
        ]

    def _at(self, route: str, view: View, name: str) -> URLPattern:
        found: URLPattern = path(route, self._site.admin_view(view), name=name)
        return found

    def refused(self, request: HttpRequest, refusal: Refused, table: str | None = None) -> HttpResponse:
        """This function will tell of a refusal, to the trail and on a page."""
        known = table if table in registry.names() else None
        self._site.record_refusal(request, refusal, operation="GRANT", table=known)
        shown: HttpResponse = self._site.refused_page(request, refusal)
        return shown

    @page("GET")
    def overview(self, request: HttpRequest) -> HttpResponse:
        """Show what every role may do with every table."""
        policy.require_right(actor_of(request), Right.MANAGE_ACCESS)
        return self._shown(request, "overview", {"title": _("Rights"), **grids.overview()})

    @page("GET", "POST")
    def table_page(self, request: HttpRequest, *, table: str) -> HttpResponse:
        """Show and set what every role may do with one table, and which of its columns are kept from them."""
        actor, found = actor_of(request), _table(table)
        known = rights.on_table(actor=actor, table=found)
        refusal = None
        if request.method == "POST":
            try:
                changed = self._change(request, found)
            except Refused as why:
                self._site.record_refusal(request, why, operation="GRANT", table=found.name)
                refusal = why
            else:
                self._tell(request, changed)
                return HttpResponseRedirect(request.path)
        context = {
            "title": _("Rights on %(table)s") % {"table": _name(found)},
            "table": found,
            "tables": [(other.name, _name(other)) for other in registry.all_tables()],
            "state": request.POST.get("state") or rights.state_of(known),
            "problem": sentence(refusal) if refusal else "",
            "grid": grids.operations(actor, found, known, request.POST if refusal else None),
            "columns": grids.columns(actor, found, known, request.POST if refusal else None),
        }
        return self._shown(request, "table", context, refusal.status if refusal else 200)

    @page("GET")
    def why(self, request: HttpRequest) -> HttpResponse:
        """Say what somebody may do; for one operation, why."""
        actor = actor_of(request)
        policy.require_account(actor)
        manages = policy.holds(actor, Right.MANAGE_ACCESS).allowed
        wanted = request.GET.get("user", "") or str(actor.username)
        user = User.objects.filter(username=wanted.replace("\0", "")).first()
        if not manages and user != actor.user:
            policy.require_right(actor, Right.MANAGE_ACCESS)
        context = {"title": _("Why may they?") if manages else _("What may I do?"), "manages": manages}
        return self._shown(request, "why", {**context, **asking.answer(actor, user, wanted, request.GET)})

    def _change(self, request: HttpRequest, table: Table) -> int:
        """Do what the form says."""
        offered = _numbers(request.POST.getlist("role"))
        return rights.change(
            actor=actor_of(request),
            table=table,
            operations=_ticked(request.POST.getlist("grants"), offered),
            rules=_rules(request.POST, offered),
            seen=request.POST.get("state", ""),
        )

    def _tell(self, request: HttpRequest, changed: int) -> None:
        if changed:
            told = ngettext("%(count)s role was changed.", "%(count)s roles were changed.", changed)
            messages.success(request, told % {"count": changed})
        else:
            messages.info(request, _("Nothing was changed, so nothing was saved."))

    def _shown(
        self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        manages = policy.holds(actor_of(request), Right.MANAGE_ACCESS).allowed
        below = {"has_overview": manages and template != "overview"}
        whole = {**self._site.each_context(request), **below, **context}
        return TemplateResponse(request, f"admin/rights/{template}.html", whole, status=status)


def _table(name: str) -> Table:
    """The table of an address.

    :raises NotFound: there is none
    """
    try:
        return registry.get(name)
    except InvalidInput as error:
        raise NotFound(_("There is no such table.")) from error


def _name(table: Table) -> str:
    return capfirst(str(table.model._meta.verbose_name_plural))


def _numbers(texts: list[str]) -> list[int]:
    """The roles that a form is about.

    :raises InvalidInput: a number is none
    """
    if not all(text.isascii() and text.isdecimal() and len(text) < 10 for text in texts):
        raise InvalidInput(_("There is no such role."))
    return [int(text) for text in texts]


def _ticked(boxes: list[str], offered: list[int]) -> dict[int, set[str]]:
    """What is ticked, by role; a role without a tick has no right."""
    ticked: dict[int, set[str]] = {role: set() for role in offered}
    for box in boxes:
        role, _colon, operation = box.partition(":")
        (number,) = _numbers([role])
        ticked.setdefault(number, set()).add(operation)
    return ticked


def _rules(form: QueryDict, offered: list[int]) -> dict[int, dict[str, str]]:
    """The rules on columns, by role, from fields such as rule:3:title. A role without such a field keeps its own."""
    rules: dict[int, dict[str, str]] = {}
    for field in form:
        kind, _colon, rest = field.partition(":")
        if kind == "rule":
            role, _colon, column = rest.partition(":")
            (number,) = _numbers([role])
            rules.setdefault(number, {})[column] = form.get(field, "")
    return rules
