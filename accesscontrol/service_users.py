"""Users that are programs: they hold a role like anyone, and cannot log in."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from accesscontrol.errors import Conflict

NAMES = frozenset({"load_sample", "schedule"})  # nobody gives these a password, or acts for them


@transaction.atomic
def get(name: str, *, role: str) -> User:
    """This function will return the service user `name` with the built-in role `role`, made at first use.

    :raises Conflict: a person's account has the name
    :raises Group.DoesNotExist: no such role
    """
    user, is_new = User.objects.get_or_create(username=name, defaults={"password": make_password(None)})
    if is_new:
        user.groups.add(Group.objects.get(name=role))
    if user.has_usable_password() or user.is_staff or user.is_superuser:
        raise Conflict(
            f"The account {name} is a person's: no program may act as it.",
            hint="Rename the account, and the service user is made anew.",
            username=name,
        )
    return user
