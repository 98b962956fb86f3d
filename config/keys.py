"""The pages of API keys: one's own, and for those who manage access everybody's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import wraps
from typing import Any, TypeAlias

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accesscontrol import keys, policy
from accesscontrol.errors import InvalidInput, Refused
from accesscontrol.keys import Made
from accesscontrol.models import ApiKey
from accesscontrol.pages import sentence
from accesscontrol.policy import Right
from accesscontrol.scopes import Scope
from accesscontrol.web import actor_of
from config import key_scopes

View: TypeAlias = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Row:
    """A key in a list, with what is to be said of the present."""

    key: ApiKey
    is_expired: bool
    is_rotating: bool
    is_own: bool


def page(operation: str, *methods: str) -> Callable[[View], View]:
    """This function will make a method a page that answers to `methods`; a refusal is told, as of `operation`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(self: KeyPages, request: HttpRequest, **arguments: Any) -> HttpResponse:
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            try:
                return view(self, request, **arguments)
            except Refused as refusal:
                return self.refused(request, refusal, operation)

        return guarded

    return decorate


class KeyPages:
    """Listing, making, changing, rotating and revoking keys."""

    def __init__(self, site: AdminSite) -> None:
        self._site: Any = site

    def urls(self) -> list[URLPattern]:
        """This function will return the addresses, to be put under `keys/`."""
        one = "<str:prefix>/"
        return [
            self._at("", self.own_page, "keys"),
            self._at("all/", self.all_page, "keys_all"),
            self._at("add/", self.add_page, "keys_add"),
            self._at(one, self.one_page, "keys_one"),
            self._at(f"{one}rotate/", self.rotate, "keys_rotate"),
            self._at(f"{one}revoke/", self.revoke_page, "keys_revoke"),
        ]

    def _at(self, route: str, view: View, name: str) -> URLPattern:
        found: URLPattern = path(route, self._site.admin_view(view), name=name)
        return found

    def refused(self, request: HttpRequest, refusal: Refused, operation: str) -> HttpResponse:
        """This function will tell of a refusal, to the trail and on a page."""
        self._site.record_refusal(request, refusal, operation=operation, table=None)
        shown: HttpResponse = self._site.refused_page(request, refusal)
        return shown

    @page("QUERY", "GET")
    def own_page(self, request: HttpRequest) -> HttpResponse:
        """Show one's own keys."""
        actor = actor_of(request)
        rows = [_row(key, request) for key in keys.own(actor)]
        manages = policy.holds(actor, Right.MANAGE_ACCESS).allowed
        return self._shown(request, "list", {"title": _("Your API keys"), "rows": rows, "manages": manages})

    @page("QUERY", "GET")
    def all_page(self, request: HttpRequest) -> HttpResponse:
        """Show everybody's keys."""
        actor = actor_of(request)
        policy.require_right(actor, Right.MANAGE_ACCESS)
        rows = [_row(key, request) for key in keys.seen_by(actor)]
        return self._shown(request, "list", {"title": _("All API keys"), "rows": rows, "is_of_all": True})

    @page("KEY_CREATED", "GET", "POST")
    def add_page(self, request: HttpRequest) -> HttpResponse:
        """Ask what a key shall be, make it, and show it this once."""
        actor, form = actor_of(request), request.POST
        policy.require_whole_account(actor)
        refusal = None
        if request.method == "POST":
            try:
                made = keys.create(
                    actor=actor,
                    name=form.get("name", ""),
                    scopes=form.getlist("scopes"),
                    expires_at=_end_of(form.get("until", "")),
                    networks=form.get("networks", "").split(),
                )
                return self._made(request, made)
            except Refused as why:
                refusal = self._told(request, why, "KEY_CREATED")
        today = timezone.now().date()
        longest = today + timedelta(days=settings.API_KEY_MAX_DAYS)
        context = {
            "title": _("New API key"),
            "form": form,
            "until": form.get("until") or str(min(today + timedelta(days=keys.DEFAULT_DAYS), longest)),
            "earliest": str(today),
            "latest": str(longest - timedelta(days=1)),
            "choice": key_scopes.offered(actor, form.getlist("scopes")),
            "problem": sentence(refusal) if refusal else "",
        }
        return self._shown(request, "add", context, refusal.status if refusal else 200)

    @page("USER_CHANGED", "GET", "POST")
    def one_page(self, request: HttpRequest, *, prefix: str) -> HttpResponse:
        """Show one's key, and change its name, or its scopes to narrower ones."""
        actor, form = actor_of(request), request.POST
        key = keys.get(actor=actor, prefix=prefix)
        refusal = None
        if request.method == "POST":
            try:
                keys.change(
                    actor=actor, prefix=prefix, name=form.get("name", ""), scopes=form.getlist("scopes")
                )
                messages.success(request, _("The key was changed."))
                return HttpResponseRedirect(reverse("admin:keys"))
            except Refused as why:
                refusal = self._told(request, why, "USER_CHANGED")
        ticked = form.getlist("scopes") if refusal else key.scopes
        context = {
            "title": key.name,
            "row": _row(key, request),
            "name": form.get("name", "") if refusal else key.name,
            "choice": key_scopes.offered(actor, ticked, Scope.of(key.scopes)),
            "overlap": keys.OVERLAP_HOURS,
            "longest_overlap": keys.MAX_OVERLAP_HOURS,
            "problem": sentence(refusal) if refusal else "",
        }
        return self._shown(request, "one", context, refusal.status if refusal else 200)

    @page("KEY_CREATED", "POST")
    def rotate(self, request: HttpRequest, *, prefix: str) -> HttpResponse:
        """Give one's key a new secret, and show it this once."""
        hours = request.POST.get("overlap_hours", "")
        if not (hours.isascii() and hours.isdecimal() and len(hours) < 5):
            raise InvalidInput(_("The hours must be a whole number."))
        return self._made(
            request, keys.rotate(actor=actor_of(request), prefix=prefix, overlap_hours=int(hours))
        )

    @page("KEY_REVOKED", "GET", "POST")
    def revoke_page(self, request: HttpRequest, *, prefix: str) -> HttpResponse:
        """Ask before a key is revoked, and revoke it."""
        actor = actor_of(request)
        row = _row(keys.find(actor=actor, prefix=prefix), request)
        back = "admin:keys" if row.is_own else "admin:keys_all"
        if request.method == "POST":
            keys.revoke(actor=actor, prefix=prefix)
            messages.success(request, _("The key %(name)s was revoked.") % {"name": row.key.name})
            return HttpResponseRedirect(reverse(back))
        context = {"title": _("Revoke %(name)s?") % {"name": row.key.name}, "row": row, "back": reverse(back)}
        return self._shown(request, "revoke", context)

    def _told(self, request: HttpRequest, refusal: Refused, operation: str) -> Refused:
        self._site.record_refusal(request, refusal, operation=operation, table=None)
        return refusal

    def _made(self, request: HttpRequest, made: Made) -> HttpResponse:
        """The page that shows a key, which like every page of the admin is kept by nobody on its way."""
        return self._shown(request, "made", {"title": _("Your key"), "text": made.text, "key": made.key})

    def _shown(
        self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        whole = {**self._site.each_context(request), **context}
        return TemplateResponse(request, f"admin/keys/{template}.html", whole, status=status)


def _row(key: ApiKey, request: HttpRequest) -> Row:
    now = timezone.now()
    is_rotating = key.old_expires_at is not None and key.old_expires_at > now
    return Row(key, key.expires_at <= now, is_rotating, key.user_id == request.user.pk)


def _end_of(day: str) -> datetime:
    """The last moment of a day, UTC, as a form sends it.

    :raises InvalidInput: it is none
    """
    try:
        return datetime.combine(datetime.fromisoformat(day).date(), time.max, UTC)
    except ValueError as error:
        raise InvalidInput(_("Say until when the key shall be good."), argument="expires_at") from error
