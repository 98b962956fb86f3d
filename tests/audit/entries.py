"""Six entries of the trail by several people, of several kinds."""

from __future__ import annotations

from django.contrib.auth.models import User

from accesscontrol.actor import Actor, Channel
from audit.trail import Entry


def person(name: str) -> Actor:
    return Actor(User(username=name), Channel.API)


ANN, BOB = person("ann"), person("bob")
WRITTEN = [
    Entry(ANN, "INSERT", "books"),
    Entry(ANN, "QUERY", "authors"),
    Entry(BOB, "UPDATE", "books", success=False),
    Entry(BOB, "QUERY", "authors"),
    Entry(BOB, "LOGIN"),
    Entry(Actor(None, Channel.ADMIN), "LOGIN_FAILED", success=False),
]
