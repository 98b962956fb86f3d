"""Puts accounts into roles, in one statement for each: what Django asks first, a new account need not be asked."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from django.contrib.auth.models import Group, User


def join(user: User, roles: Iterable[str]) -> None:
    """Put a new account into built-in roles."""
    for role in roles:
        User.groups.through.objects.create(user=user, group_id=_number(role))


@cache
def _number(role: str) -> int:
    """Return the number of a built-in role: the template's, and so the same in every copy."""
    return Group.objects.get(name=role).pk
