"""Why somebody may do something, or may not: the policy's verdict, with everything that leads to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.auth.models import Group, User

from accesscontrol import giving, policy, roles
from accesscontrol.actor import Actor
from accesscontrol.grants import NOWHERE
from accesscontrol.policy import Decision, Operation, Resource, Right

_NO_COLUMNS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Explanation:
    """A verdict on one right of one account, and what it rests on."""

    decision: Decision
    is_active: bool
    is_superuser: bool
    is_closed: bool  # the table takes no such write from anybody
    granted_by: tuple[str, ...]  # "role Editor", "a personal grant": without regard to the rest
    silent_roles: tuple[str, ...]  # the account's roles that do not grant it
    other_roles: tuple[str, ...]  # the roles that grant it, and the account has not
    hidden: tuple[str, ...]  # columns that the account may not know of
    read_only: tuple[str, ...]  # columns that it may not set in this way


def require_concern(asker: Actor, user: User) -> None:
    """This function will do nothing where the asker may ask what `user` may do: their own rights, or all.

    :raises Forbidden: it is somebody else's account, and the asker does not manage access
    """
    policy.require_account(asker)
    if asker.user is None or asker.user.pk != user.pk:
        policy.require_right(asker, Right.MANAGE_ACCESS)


def explain(
    *, asker: Actor, user: User, right: Operation | Right, table: Resource | None = None
) -> Explanation:
    """This function will say whether `user` may do something, on a table or on the whole, and why.

    Columns that are hidden from the asker are not named, nor the roles of others to who does not manage access.

    :raises Forbidden: it is somebody else's account, and the asker does not manage access
    """
    require_concern(asker, user)
    subject = _subject(asker, user)
    place = NOWHERE if table is None else table.name
    manages = policy.holds(asker, Right.MANAGE_ACCESS).allowed
    own = {f"role {name}" for name in user.groups.values_list("name", flat=True)}
    granted_by = set(subject.grants.sources.get((right, place), ()))
    hidden, read_only = _kept_columns(asker, subject, right, table)
    return Explanation(
        decision=_decide(subject, right, table),
        is_active=subject.grants.is_active,
        is_superuser=subject.grants.is_superuser,
        is_closed=table is not None and table.read_only and right in policy.WRITES,
        granted_by=tuple(sorted(granted_by)),
        silent_roles=tuple(sorted(own - granted_by)),
        other_roles=tuple(sorted(_granting(right, place) - granted_by)) if manages else (),
        hidden=tuple(sorted(hidden)),
        read_only=tuple(sorted(read_only)),
    )


def verdicts(
    *, asker: Actor, user: User, tables: Iterable[Resource]
) -> tuple[Mapping[str, Mapping[str, Decision]], Mapping[str, Decision]]:
    """This function will return the verdict on each operation on each table, and on each right on the whole.

    :raises Forbidden: it is somebody else's account, and the asker does not manage access
    """
    require_concern(asker, user)
    subject = _subject(asker, user)
    on_tables = {
        table.name: {str(operation): policy.decide(subject, operation, table) for operation in Operation}
        for table in tables
    }
    return on_tables, {str(right): policy.holds(subject, right) for right in Right}


def roles_to_give(actor: Actor) -> dict[Group, list[str]]:
    """This function will return every role with the rights in it that the actor may not give: none where they may."""
    return {group: giving.not_held(actor, held)[:5] for group, held in roles.held_by_all().items()}


def _subject(asker: Actor, user: User) -> Actor:
    """The account that is asked about; one's own only as far as one's key or token goes."""
    is_own = asker.user is not None and asker.user.pk == user.pk
    return Actor(user, asker.channel, scope=asker.scope if is_own else None)


def _decide(subject: Actor, right: Operation | Right, table: Resource | None) -> Decision:
    if isinstance(right, Right):
        return policy.holds(subject, right)
    if table is None:
        raise ValueError(f"{right} is a right on a table")
    return policy.decide(subject, right, table)


def _kept_columns(
    asker: Actor, subject: Actor, right: Operation | Right, table: Resource | None
) -> tuple[frozenset[str], frozenset[str]]:
    """The columns that the subject may not see, and those that they may not set, as far as the asker may know."""
    if table is None or isinstance(right, Right):
        return _NO_COLUMNS, _NO_COLUMNS
    unknown = policy.hidden_columns(asker, table.name)
    hidden = policy.hidden_columns(subject, table.name)
    sets = right in giving.SETTING
    read_only = policy.read_only_columns(subject, right, table.name) - hidden if sets else _NO_COLUMNS
    return hidden - unknown, read_only - unknown


def _granting(right: str, place: str) -> set[str]:
    """The roles that grant a right, by name."""
    numbers = {role for role, grants in roles.grants_of_all().items() if (right, place) in grants}
    return {f"role {name}" for name in Group.objects.filter(pk__in=numbers).values_list("name", flat=True)}
