"""How somebody likes the pages: kept with the account, and along with each session, so that no page has to ask."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.models import Preference
from accesscontrol.signals import access_changed

THEMES = ("auto", "light", "dark")
SESSION_KEY = "preferences"
COOKIE = "theme"  # for the page where one logs in, which does not know whose it will be
COOKIE_AGE_S = 365 * 24 * 3600


@dataclass(frozen=True)
class Preferences:
    """What somebody has chosen, or what everybody has at first."""

    theme: str = "auto"  # as the system says
    shortcuts: bool = True  # single keys do something


def load(user: User) -> Preferences:
    """This function will return what a user has chosen."""
    kept = Preference.objects.filter(user=user).values("theme", "shortcuts").first()
    return Preferences(**kept) if kept else Preferences()


def of(request: HttpRequest) -> Preferences:
    """This function will return the preferences that go with a request, without asking the database."""
    session = getattr(request, "session", None)
    kept: Any = session.get(SESSION_KEY) if session is not None else None
    if kept:
        return Preferences(**kept)
    theme = request.COOKIES.get(COOKIE, "")
    return Preferences(theme) if theme in THEMES else Preferences()


def remember(request: HttpRequest, preferences: Preferences) -> None:
    """This function will keep preferences along with the session of a request."""
    request.session[SESSION_KEY] = asdict(preferences)


@transaction.atomic
def change(*, actor: Actor, **chosen: Any) -> Preferences:
    """This function will keep what the actor has chosen, and return all their preferences.

    :raises AuthenticationRequired: nobody is logged in, or the account is disabled
    :raises InvalidInput: there is no such theme
    """
    policy.require_whole_account(actor)
    if chosen.get("theme", THEMES[0]) not in THEMES:
        raise InvalidInput(f"theme is one of {', '.join(THEMES)}.", columns=["theme"])
    assert actor.user is not None  # noqa: S101 - of an account
    before = load(actor.user)
    preferences = replace(before, **chosen)
    Preference.objects.update_or_create(user=actor.user, defaults=asdict(preferences))
    old, new = asdict(before), asdict(preferences)
    if changes := {name: {"old": old[name], "new": new[name]} for name in new if old[name] != new[name]}:
        access_changed.send(
            Preference,
            actor=actor,
            operation="USER_CHANGED",
            subject=f"user {actor.username}",
            changes=changes,
        )
    return preferences
