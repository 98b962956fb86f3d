"""Roles of one's own, beside the built-in ones: made, renamed and deleted here, checked and audited."""

from __future__ import annotations

import json
from collections.abc import Collection
from hashlib import sha256
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction

from accesscontrol import freeing, policy, roles
from accesscontrol.actor import Actor
from accesscontrol.errors import Conflict, InvalidInput, NotFound
from accesscontrol.giving import Grant
from accesscontrol.policy import Right
from accesscontrol.signals import access_changed

_BUILT_IN = frozenset(role.name for role in roles.BUILT_IN)


@transaction.atomic
def save_role(
    *,
    actor: Actor,
    group: Group,
    grants: Collection[Grant],
    freed: Collection[str] | None = None,
    seen: str | None = None,
) -> None:
    """This function will save a new or changed role with its name, its rights, and what it does without plans.

    `seen` is the `state_of` the role that the change was made from.

    :raises Conflict: the role is no longer what was seen
    :raises Forbidden: the actor may not manage access, or gives a right or a freedom that they do not hold
    :raises InvalidInput: the name is taken or not valid, or is a built-in role's, or there is no such right
    :raises NotFound: the role has been deleted
    """
    policy.require_right(actor, Right.MANAGE_ACCESS)
    now = _as_it_is(group) if group.pk else None
    before = now.name if now else None
    if seen and now and state_of(now) != seen:
        raise Conflict(
            f"Somebody has changed {now.name} since you opened this page.",
            hint="Nothing was saved. Open the page again to see the role as it is now.",
        )
    if before != group.name:
        if before in _BUILT_IN:
            raise InvalidInput(
                f"{before} comes with the application and keeps its name.",
                hint="Make a new role instead.",
                columns=["name"],
            )
        try:
            group.full_clean()
        except ValidationError as error:
            raise InvalidInput(" ".join(error.messages), columns=["name"]) from error
        group.save()
        _tell(actor, "GRANT", group, {"name": {"old": before, "new": group.name}})
    roles.set_grants(actor=actor, group=group, grants=grants)
    if freed is not None:
        freeing.set_freed(actor=actor, group=group, operations=freed)


@transaction.atomic
def delete_role(*, actor: Actor, group: Group) -> None:
    """This function will delete a role, and so take its rights from whoever has it.

    :raises Forbidden: the actor may not manage access
    :raises InvalidInput: the role comes with the application
    :raises NotFound: the role has been deleted already
    """
    policy.require_right(actor, Right.MANAGE_ACCESS)
    name = _as_it_is(group).name
    if name in _BUILT_IN:
        raise InvalidInput(
            f"{name} comes with the application and can't be deleted.",
            hint="Take its rights, or its members.",
        )
    members = sorted(user.get_username() for user in group.user_set.all())
    roles.set_grants(actor=actor, group=group, grants=())
    freeing.set_freed(actor=actor, group=group, operations=())
    _tell(
        actor, "REVOKE", group, {"name": {"old": name, "new": None}, "members": {"old": members, "new": []}}
    )
    group.delete()


def state_of(group: Group) -> str:
    """This function will return a mark that changes whenever the name, the rights or the freedoms of a role do."""
    told = [group.name, sorted(roles.grants_of(group)), sorted(roles.freed_of(group))]
    return sha256(json.dumps(told).encode()).hexdigest()


def _as_it_is(group: Group) -> Group:
    """The role as the database has it now, locked."""
    now = Group.objects.select_for_update().filter(pk=group.pk).first()
    if now is None:
        raise NotFound("This role has been deleted.")
    return now


def _tell(actor: Actor, operation: str, group: Group, changes: dict[str, Any]) -> None:
    access_changed.send(
        Group, actor=actor, operation=operation, subject=f"role {group.name}", changes=changes
    )
