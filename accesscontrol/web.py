"""The actor behind a web request."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

from accesscontrol.actor import Actor, Channel
from accesscontrol.credentials import Credential

MAX_USER_AGENT_CHARS = 300


def actor_of(request: HttpRequest, channel: Channel = Channel.ADMIN) -> Actor:
    """This function will return who acts in a request: the same Actor each time it is asked.

    With a key or token, which the request then has as its `credential`, it is its user within its scope.
    """
    kept: tuple[Actor, object] | None = getattr(request, "actor", None)
    credential: Credential | None = getattr(request, "credential", None)
    came_with = credential or getattr(request, "user", None)
    if kept is not None and kept[1] is came_with:
        return kept[0]
    user = credential.user if credential else came_with
    actor = visitor(request, user if isinstance(user, User) else None, channel)
    if credential is not None:
        actor = credential.within(actor)
    request.actor = actor, came_with  # type: ignore[attr-defined] # ours, for the length of the request
    return actor


def visitor(request: HttpRequest, user: User | None, channel: Channel = Channel.ADMIN) -> Actor:
    """This function will return `user` as the actor of a request that logs them in or out."""
    client_info = {
        "ip": address_of(request),
        "user_agent": request.META.get("HTTP_USER_AGENT", "")[:MAX_USER_AGENT_CHARS],
    }
    return Actor(user, channel, client_info, _request_id(request))


def address_of(request: HttpRequest) -> str | None:
    """This function will return the client's address.

    Behind a proxy that is what the proxy added last, since the rest is the client's own word.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    address: str | None = forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR")
    return address


def _request_id(request: HttpRequest) -> UUID:
    """The number that the middleware gave the request."""
    try:
        return UUID(request.META["HTTP_X_REQUEST_ID"])
    except (KeyError, ValueError):
        return uuid4()
