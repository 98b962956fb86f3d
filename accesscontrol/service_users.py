"""Users that are programs: they hold a role like anyone, and cannot log in."""

from __future__ import annotations

from django.contrib.auth.models import Group, User


def get(name: str, *, role: str) -> User:
    """This function will return the service user `name` with the built-in role `role`, made at first use.

    :raises Group.DoesNotExist: no such role
    """
    user, is_new = User.objects.get_or_create(username=name)
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
        user.groups.add(Group.objects.get(name=role))
    return user
