"""Accounts: made, changed and given roles here, so that each change is checked and audited."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accesscontrol import policy, roles
from accesscontrol.actor import Actor
from accesscontrol.errors import Forbidden, InvalidInput
from accesscontrol.policy import Right
from accesscontrol.signals import access_changed

AUDITED = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")


@transaction.atomic
def save_account(*, actor: Actor, user: User, roles_: Collection[Group] | None = None) -> None:
    """This function will save a new or changed account and, where given, its roles.

    :raises Forbidden: the actor may not manage access, gives a right that they do not hold, or
        touches a superuser without being one
    """
    policy.require_right(actor, Right.MANAGE_ACCESS)
    before = User.objects.select_for_update().filter(pk=user.pk).first() if user.pk else None
    _protect_superusers(actor, before, user)
    changes = _differences(before, user)
    user.save()
    if changes:
        _tell(actor, "USER_CHANGED", user, changes)
    if roles_ is not None:
        _set_roles(actor, user, roles_)


@transaction.atomic
def delete_account(*, actor: Actor, user: User) -> None:
    """This function will delete an account; its name stays in the audit trail.

    :raises Forbidden: the actor may not manage access, or the account is a superuser's and theirs is not
    """
    policy.require_right(actor, Right.MANAGE_ACCESS)
    _protect_superusers(actor, user, user)
    _tell(actor, "USER_CHANGED", user, {"username": {"old": user.get_username(), "new": None}})
    user.delete()


@transaction.atomic
def set_password(*, actor: Actor, user: User, password: str) -> None:
    """This function will set a password: one's own, or with manage_access another's.

    :raises Forbidden: neither
    :raises InvalidInput: the password is too weak; the message says why
    """
    if actor.user is None or actor.user.pk != user.pk:
        policy.require_right(actor, Right.MANAGE_ACCESS)
        _protect_superusers(actor, user, user)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages)) from error
    user.set_password(password)
    user.save(update_fields=["password"])
    _tell(actor, "USER_CHANGED", user, {"password": {"old": "(hidden)", "new": "(changed)"}})


def _set_roles(actor: Actor, user: User, wanted: Collection[Group]) -> None:
    before, after = set(user.groups.all()), set(wanted)
    for group in after - before:
        roles.require_held(actor, roles.grants_of(group))
    user.groups.set(after)
    for operation, groups, which in (("GRANT", after - before, "new"), ("REVOKE", before - after, "old")):
        if groups:
            _tell(actor, operation, user, {"roles": {which: sorted(group.name for group in groups)}})


def _protect_superusers(actor: Actor, before: User | None, after: User) -> None:
    """Only a superuser makes, changes or deletes one."""
    touches_superuser = after.is_superuser or (before is not None and before.is_superuser)
    if touches_superuser and not actor.grants.is_superuser:
        raise Forbidden("Only a superuser may make or change a superuser.")


def _differences(before: User | None, after: User) -> dict[str, Any]:
    """Changed fields as {"email": {"old": …, "new": …}}; the password only as the fact that it changed."""
    changes = {
        name: {"old": getattr(before, name, None), "new": getattr(after, name)}
        for name in AUDITED
        if getattr(before, name, None) != getattr(after, name)
    }
    if before is not None and before.password != after.password:
        changes["password"] = {"old": "(hidden)", "new": "(changed)"}
    return changes


def _tell(actor: Actor, operation: str, user: User, changes: dict[str, Any]) -> None:
    access_changed.send(
        User, actor=actor, operation=operation, subject=f"user {user.get_username()}", changes=changes
    )
