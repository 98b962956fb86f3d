"""Who an agent acts for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from django.contrib.auth.models import User

from accesscontrol import key_use, service_users
from accesscontrol.actor import Actor
from accesscontrol.errors import AuthenticationRequired

KEY_VARIABLE: Final = "DBADMIN_API_KEY"
_HERE: Final = "127.0.0.1"  # what a key that is good for some networks alone must be good for


@dataclass(frozen=True)
class Account:
    """The account of an agent, as it was found when the agent came.

    What it is called now, whether it still works and what it may do, an operation reads with its first statement:
    see accesscontrol/grants.py.
    """

    user: User
    key: str | None = field(default=None, repr=False)  # the text of the API key that the agent came with

    def within(self, actor: Actor) -> Actor:
        """This function will return the actor of a call within the scope of the agent's key as it is now.

        :raises AuthenticationRequired: the key is good no more
        """
        if self.key is None:
            return actor
        return key_use.recognise(self.key, _HERE).within(actor)

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


def by_key(text: str) -> Account:
    """This function will return the account of an API key, for an agent to act for within the key's scope.

    :raises AuthenticationRequired: the key is no good
    """
    return Account(key_use.authenticate(text, _HERE).user, text)
