"""The actor behind a web request."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

from accesscontrol.actor import Actor, Channel

MAX_USER_AGENT_CHARS = 300


def actor_of(request: HttpRequest, channel: Channel = Channel.ADMIN) -> Actor:
    """This function will return who acts in a request: the same Actor each time it is asked."""
    actor: Actor | None = getattr(request, "actor", None)
    user = getattr(request, "user", None)
    user = user if isinstance(user, User) else None
    if actor is None or actor.user != user:
        actor = visitor(request, user, channel)
        request.actor = actor  # type: ignore[attr-defined] # ours, for the length of the request
    return actor


def visitor(request: HttpRequest, user: User | None, channel: Channel = Channel.ADMIN) -> Actor:
    """This function will return `user` as the actor of a request that logs them in or out."""
    client_info = {
        "ip": _address(request),
        "user_agent": request.META.get("HTTP_USER_AGENT", "")[:MAX_USER_AGENT_CHARS],
    }
    return Actor(user, channel, client_info, _request_id(request))


def _address(request: HttpRequest) -> str | None:
    """The client's address: behind a proxy what the proxy added last, since the rest is the client's own word."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    address: str | None = forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR")
    return address


def _request_id(request: HttpRequest) -> UUID:
    """The number that the middleware gave the request."""
    try:
        return UUID(request.META["HTTP_X_REQUEST_ID"])
    except (KeyError, ValueError):
        return uuid4()
