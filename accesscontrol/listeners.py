"""What a login brings along: how it began, and how the person likes the pages."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accesscontrol import logins, preferences


@receiver(user_logged_in)
def begin_session(request: HttpRequest | None, user: User, **_: Any) -> None:
    """This function will let the new session remember both."""
    if request is not None:
        logins.begin(request, user)
        preferences.remember(request, preferences.load(user))
