"""Users that are programs: they hold a role like anyone, and cannot log in. A mark in the database says who is one."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Conflict
from accesscontrol.models import ServiceUser
from accesscontrol.signals import access_changed


@transaction.atomic
def get(name: str, *, role: str) -> User:
    """This function will return the service user `name` with the built-in role `role`, made at first use.

    :raises Conflict: a person's account has the name
    :raises Group.DoesNotExist: no such role
    """
    user, is_new = User.objects.get_or_create(username=name, defaults={"password": make_password(None)})
    if is_new:
        ServiceUser.objects.create(user=user)
        user.groups.add(Group.objects.get(name=role))
        _tell(user, role)
    if not is_service_user(user) or user.has_usable_password() or user.is_staff or user.is_superuser:
        raise Conflict(
            f"The account {name} is a person's: no program may act as it.",
            hint="Rename the account, and the service user is made anew.",
            username=name,
        )
    return user


def is_service_user(user: User) -> bool:
    """This function will say whether an account is a program's: nobody gives it a password, or acts for it."""
    return ServiceUser.objects.filter(user_id=user.pk).exists()


def _tell(user: User, role: str) -> None:
    """Let the audit trail know of a program, which is its own maker."""
    access_changed.send(
        User,
        actor=Actor(user, Channel.COMMAND),
        operation="GRANT",
        subject=f"user {user.get_username()}",
        changes={"username": {"old": None, "new": user.get_username()}, "roles": {"new": [role]}},
    )
