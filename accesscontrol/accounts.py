"""Accounts: made, changed and given roles here, so that each change is checked and audited."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from accesscontrol import giving, grants, policy, roles, service_users
from accesscontrol.actor import Actor, on_this_machine
from accesscontrol.errors import Conflict, Forbidden, InvalidInput, NotFound, Refused
from accesscontrol.policy import Right
from accesscontrol.signals import access_changed

AUDITED = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")


@transaction.atomic
def save_account(*, actor: Actor, user: User, roles_: Collection[Group] | None = None) -> None:
    """This function will save a new or changed account and, where given, its roles.

    :raises Forbidden: the actor may not manage access, gives a right that they do not hold, or touches an
        account that is a superuser's or holds more rights than theirs
    :raises Conflict: no superuser who can log in would be left
    :raises InvalidInput: the name is taken, or a value is not valid
    :raises NotFound: the account has been deleted
    """
    policy.require_right(actor, Right.MANAGE_ACCESS)
    before = _as_it_is(user) if user.pk else None
    _require_person(user)
    _require_power(actor, before, user)
    _require_valid(user)
    _require_administrator_left(before, user)
    changes = _differences(before, user)
    user.save()
    if changes:
        _tell(actor, "USER_CHANGED", user, changes)
    if roles_ is not None:
        _set_roles(actor, user, roles_)


@transaction.atomic
def delete_account(*, actor: Actor, user: User) -> None:
    """This function will delete an account; its name stays in the audit trail.

    :raises Forbidden: the actor may not manage access, or the account is a superuser's or holds more
        rights than theirs
    :raises Conflict: no superuser who can log in would be left
    :raises NotFound: the account has been deleted
    """
    policy.require_right(actor, Right.MANAGE_ACCESS)
    before = _as_it_is(user)
    _require_power(actor, before, user)
    _require_administrator_left(before, None)
    _tell(actor, "USER_CHANGED", user, {"username": {"old": user.get_username(), "new": None}})
    user.delete()


@transaction.atomic
def set_password(*, actor: Actor, user: User, password: str) -> None:
    """This function will set a password: one's own, or with manage_access another's.

    :raises Forbidden: neither, or the account is a superuser's or holds more rights than the actor's; or it
        is their own and a key or token acts for them
    :raises InvalidInput: the password is too weak; the message says why
    :raises NotFound: the account has been deleted
    """
    policy.require_account(actor)
    _require_person(user)
    if actor.user is not None and actor.user.pk == user.pk:
        policy.require_whole_account(actor)
    else:
        policy.require_right(actor, Right.MANAGE_ACCESS)
        _require_power(actor, _as_it_is(user), user)
    _set_password(actor, user, password)


@transaction.atomic
def make_superuser(*, user: User, password: str | None) -> None:
    """This function will make a superuser, with or without a password, at the word of who runs a command here.

    They need no right: they can reach the database's files and secrets as it is.

    :raises InvalidInput: the name is taken, a value is not valid, or the password is too weak
    """
    user.is_superuser = user.is_staff = True
    user.set_unusable_password()
    _require_valid(user)
    user.save()
    actor = on_this_machine()
    _tell(actor, "GRANT", user, _differences(None, user))
    if password is not None:
        _set_password(actor, user, password)


@transaction.atomic
def reset_password(*, user: User, password: str) -> None:
    """This function will set a person's password at the word of who runs a command here, who needs no right.

    :raises Forbidden: the account is a program's
    :raises InvalidInput: the password is too weak; the message says why
    :raises NotFound: the account has been deleted
    """
    _require_person(_as_it_is(user))
    _set_password(on_this_machine(), user, password)


def may_change(actor: Actor, user: User) -> bool:
    """This function will say whether the actor may change an account: no program's, and none that holds more."""
    try:
        policy.require_right(actor, Right.MANAGE_ACCESS)
        _require_person(user)
        _require_power(actor, user, user)
    except Refused:
        return False
    return True


def is_administrator(user: User) -> bool:
    """This function will say whether a user is a superuser who can log in."""
    return user.is_superuser and user.is_staff and user.is_active and user.has_usable_password()


def _set_password(actor: Actor, user: User, password: str) -> None:
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
        giving.require_held(actor, roles.held_by(group))
    user.groups.set(after)
    for operation, groups, which in (("GRANT", after - before, "new"), ("REVOKE", before - after, "old")):
        if groups:
            _tell(actor, operation, user, {"roles": {which: sorted(group.name for group in groups)}})


def _as_it_is(user: User) -> User:
    """The account as the database has it now, locked: what a caller holds may be old."""
    now = User.objects.select_for_update().filter(pk=user.pk).first()
    if now is None:
        raise NotFound("This account has been deleted.", username=user.get_username())
    return now


def _require_person(user: User) -> None:
    """The accounts of programs are nobody's to change: who could log in as one would act in its name."""
    if service_users.is_service_user(user):
        name = user.get_username()
        raise Forbidden(f"{name} is the account of a program, which nobody may change or log in as.")


def _require_power(actor: Actor, before: User | None, after: User) -> None:
    """Only a superuser makes, changes or deletes one; and nobody changes an account that holds more than they do.

    Whoever sets the password or the address of an account can act as it.
    """
    if policy.is_superuser(actor):
        return
    if after.is_superuser or (before is not None and before.is_superuser):
        raise Forbidden("Only a superuser may make or change a superuser.")
    missing = [] if before is None else giving.not_held(actor, grants.load(before))[:5]
    if missing:
        raise Forbidden(
            f"This account holds rights that you do not: {', '.join(missing)}.",
            hint="Ask somebody who holds them.",
            rights=missing,
        )


def _require_administrator_left(before: User | None, after: User | None) -> None:
    """Refuse to disable, demote or delete the last superuser who can log in: nobody could undo it."""
    if before is None or not is_administrator(before) or (after is not None and is_administrator(after)):
        return
    with connection.cursor() as cursor:  # two who would each leave the other take turns
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('last administrator'))")
    others = User.objects.filter(is_superuser=True).exclude(pk=before.pk)
    if not any(map(is_administrator, others)):
        raise Conflict(
            f"{before.get_username()} is the last superuser who can log in.",
            hint="Make another superuser first.",
            username=before.get_username(),
        )


def _require_valid(user: User) -> None:
    """Refuse what a form would refuse: services are called without forms too."""
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        problems = {name: " ".join(messages) for name, messages in error.message_dict.items()}
        text = " ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise InvalidInput(text, columns=sorted(problems)) from error


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
