"""Who an agent acts for."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User

from accesscontrol import service_users
from accesscontrol.errors import AuthenticationRequired


@dataclass(frozen=True)
class Account:
    """The account of an agent, as it was found when the agent came.

    What it is called now, whether it still works and what it may do, an operation reads with its first statement:
    see accesscontrol/grants.py.
    """

    user: User

    def read(self) -> User | None:
        """This function will return the account as it is now, or None where it is gone."""
        return User.objects.filter(pk=self.user.pk).first()


def by_name(name: str) -> Account:
    """This function will return the account `name`, for an agent to act for.

    :raises AuthenticationRequired: there is no such account, or it is disabled
    """
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise AuthenticationRequired(f"There is no active account {name!r}.")
    if service_users.is_service_user(user):
        raise AuthenticationRequired(f"{name} is the account of a program: no agent acts for it.")
    return Account(user)
