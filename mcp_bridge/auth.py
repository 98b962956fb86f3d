"""Who an agent acts for."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User

from accesscontrol import service_users
from accesscontrol.errors import AuthenticationRequired

Identify = Callable[[], User | None]
"""Reads the caller's account as it is now, at every call: renamed, disabled or gone shows at the next one."""


def by_name(name: str) -> Identify:
    """This function will return what identifies calls as those of the account `name`.

    :raises AuthenticationRequired: there is no such account, or it is disabled
    """
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise AuthenticationRequired(f"There is no active account {name!r}.")
    if service_users.is_service_user(user):
        raise AuthenticationRequired(f"{name} is the account of a program: no agent acts for it.")
    account, key = User.objects.filter(pk=user.pk).query.sql_with_params()  # composed once, not at each call
    return lambda: next(iter(User.objects.raw(account, key)), None)
