"""What is told by signals: logins, and changes of accounts and rights."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired
from accesscontrol.signals import access_changed
from accesscontrol.web import visitor
from audit import repeats, trail
from audit.trail import Entry


@receiver(user_logged_in)
def record_login(request: HttpRequest | None, user: User, **_: Any) -> None:
    """This function will write that somebody logged in."""
    trail.record(Entry(_visitor(request, user), "LOGIN"))


@receiver(user_logged_out)
def record_logout(request: HttpRequest | None, user: User | None, **_: Any) -> None:
    """This function will write that somebody logged out."""
    if user is not None:
        trail.record(Entry(_visitor(request, user), "LOGOUT"))


@receiver(user_login_failed)
def record_failed_login(request: HttpRequest | None, credentials: dict[str, Any], **_: Any) -> None:
    """This function will write that a login failed, once a minute for each address.

    The name tried is kept only where an account has it: people type passwords into the wrong field.
    """
    name = str(credentials.get("username", ""))
    user = User.objects.filter(username=trail.storable(name)).first()
    repeats.record(_visitor(request, user), "LOGIN_FAILED", AuthenticationRequired("The login failed."))


@receiver(access_changed)
def record_access(actor: Actor, operation: str, subject: str, changes: dict[str, Any], **_: Any) -> None:
    """This function will write who changed whose account or rights, in the transaction of the change."""
    trail.record(Entry(actor, operation, record_id=subject, record_count=1, changes=changes))


def _visitor(request: HttpRequest | None, user: User | None) -> Actor:
    """Who logs in or out; without a request, by a command."""
    return Actor(user, Channel.COMMAND) if request is None else visitor(request, user)
