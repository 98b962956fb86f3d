"""One's own page: who one is here, one's sessions, and how one likes the pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from accesscontrol import logins, preferences
from accesscontrol.errors import Refused
from accesscontrol.pages import sentence
from accesscontrol.web import actor_of
from audit import refusals
from config import welcome

THEMES = {
    "auto": gettext_lazy("System"),
    "light": gettext_lazy("Light"),
    "dark": gettext_lazy("Dark"),
}


def urls(site: admin.AdminSite) -> list[Any]:
    """This function will return the addresses of these pages."""
    pages = {"": page, "theme/": theme, "shortcuts/": shortcuts, "sessions/": sessions}
    names = {"": "profile", "theme/": "theme", "shortcuts/": "shortcuts", "sessions/": "sessions"}
    return [path(where, site.admin_view(view), name=names[where]) for where, view in pages.items()]


def page(request: HttpRequest) -> HttpResponse:
    """Show what is known of whoever asks."""
    actor = actor_of(request)
    context = {
        **admin.site.each_context(request),
        "title": _("Your profile"),
        "standing": welcome.standing(actor),
        "logins": logins.of(actor, request.session.session_key),
    }
    return TemplateResponse(request, "admin/profile.html", context)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep a theme."""
    return _keep(request, theme=request.POST.get("theme", ""))


@require_POST
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Turn the single keys on or off."""
    return _keep(request, shortcuts=request.POST.get("shortcuts") == "on")


@require_POST
def sessions(request: HttpRequest) -> HttpResponse:
    """End one other session, or all others."""
    actor = actor_of(request)
    try:
        if one := request.POST.get("session"):
            logins.end(actor=actor, id=one)
            count = 1
        else:
            count = logins.end_others(actor=actor, current=request.session.session_key)
    except Refused as refusal:
        refusals.record(actor, "LOGOUT", None, refusal)
        messages.error(request, sentence(refusal))
    else:
        text = ngettext("%(count)d session was ended.", "%(count)d sessions were ended.", count)
        messages.success(request, text % {"count": count})
    return HttpResponseRedirect(reverse("admin:profile"))


def _keep(request: HttpRequest, **chosen: Any) -> HttpResponse:
    """Keep a choice, and go back to where it was made; a script is answered with nothing."""
    answer, actor = _answer(request), actor_of(request)
    try:
        now = preferences.change(actor=actor, **chosen)
    except Refused as refusal:
        refusals.record(actor, "USER_CHANGED", None, refusal)
        messages.error(request, sentence(refusal))
    else:
        preferences.remember(request, now)
        answer.set_cookie(
            preferences.COOKIE, now.theme, preferences.COOKIE_AGE_S,
            secure=request.is_secure(), httponly=True, samesite="Lax",
        )  # fmt: skip
    return answer


def _answer(request: HttpRequest) -> HttpResponse:
    if not request.accepts("text/html"):
        return HttpResponse(status=204)
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    return HttpResponseRedirect(back if is_ours else reverse("admin:profile"))
