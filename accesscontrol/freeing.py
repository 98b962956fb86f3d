"""Frees roles from the plans that operations answer with before they destroy much."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import Group
from django.db import transaction

from accesscontrol import policy, roles
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.giving import require_held
from accesscontrol.grants import Grants
from accesscontrol.models import PlanFreeRole
from accesscontrol.policy import Planned, Right
from accesscontrol.signals import access_changed


@transaction.atomic
def set_freed(*, actor: Actor, group: Group, operations: Collection[str]) -> None:
    """This function will make `operations` what a role does without a plan, and tell the audit trail what changed.

    :raises Forbidden: the actor may not manage access, or is not freed of it themselves
    :raises InvalidInput: there is no such operation, or it never has a plan
    """
    policy.require_right(actor, Right.MANAGE_ACCESS)
    if unknown := sorted(set(operations) - set(Planned)):
        raise InvalidInput(f"These have no plan: {', '.join(unknown[:5])}.", allowed=[*Planned])
    Group.objects.select_for_update().get(pk=group.pk)  # who changes the same role waits
    before, after = roles.freed_of(group), frozenset(map(str, operations))
    require_held(actor, Grants(freed=after), before=Grants(freed=before))
    PlanFreeRole.objects.filter(role=group).exclude(operation__in=after).delete()
    PlanFreeRole.objects.bulk_create(
        PlanFreeRole(role=group, operation=operation) for operation in after - before
    )
    for name, changed, which in (("GRANT", after - before, "new"), ("REVOKE", before - after, "old")):
        if changed:
            access_changed.send(
                Group,
                actor=actor,
                operation=name,
                subject=f"role {group.name}",
                changes={"without_plan": {which: sorted(changed)}},
            )
