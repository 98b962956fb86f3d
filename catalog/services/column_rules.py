"""Column rules: what a role may not see, or not set, of a table that it may otherwise read or write."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import NOT_PROVIDED

from accesscontrol import giving, policy, roles
from accesscontrol.actor import Actor
from accesscontrol.errors import Forbidden, InvalidInput, NotFound, quoted
from accesscontrol.models import ColumnRule
from accesscontrol.policy import ColumnAccess, Right
from accesscontrol.signals import access_changed
from catalog.services import columns
from catalog.table import Table

_STRICTNESS = {None: 0, ColumnAccess.READ_ONLY: 1, ColumnAccess.HIDDEN: 2}


@transaction.atomic
def set_column_rule(*, actor: Actor, role: Group, table: Table, column: str, access: str | None) -> None:
    """This function will make a column "hidden" or "read_only" for a role; None lifts the rule.

    :raises Forbidden: the actor may not manage access, or lifts or loosens a rule of a role of their own, or
        of a column that is kept from them
    :raises InvalidInput: no such column or access, or a column that can't be hidden; the message says why
    :raises NotFound: the role has been deleted
    """
    policy.require_right(actor, Right.MANAGE_ACCESS)
    wanted = _access(access)
    if Group.objects.select_for_update().filter(pk=role.pk).first() is None:  # who changes the same waits
        raise NotFound("This role has been deleted.")
    rule = ColumnRule.objects.filter(role=role, table_id=table.name, column_name=str(column)[:63]).first()
    is_there = column in table.columns or (rule is not None and wanted is None)
    if not is_there:  # but a rule of a column that is gone can be lifted
        columns.shown(actor, table).column(column)  # refuses, and proposes only what the actor may know of
    before = ColumnAccess(rule.access) if rule else None
    if wanted is before:
        return
    _require_possible(table, column, wanted)
    loosens = _STRICTNESS[wanted] < _STRICTNESS[before]
    held = roles.held_by(role)
    if loosens:
        _require_unbound(actor, role)
    if rule is not None and wanted is None:
        rule.delete()
    elif wanted is not None:
        ColumnRule.objects.update_or_create(
            role=role, table_id=table.name, column_name=column, defaults={"access": str(wanted)}
        )
    giving.require_held(actor, roles.held_by(role), before=held)
    access_changed.send(
        ColumnRule,
        actor=actor,
        operation="GRANT" if loosens else "REVOKE",
        subject=f"role {role.name}",
        changes={f"{table.name}.{column}": {"old": before and str(before), "new": wanted and str(wanted)}},
    )


def _access(access: str | None) -> ColumnAccess | None:
    try:
        return None if access is None else ColumnAccess(access)
    except ValueError as error:
        raise InvalidInput(
            f"A rule can't make a column {quoted(access)!r}.",
            argument="access",
            allowed=[str(known) for known in ColumnAccess],
        ) from error


def _require_possible(table: Table, column: str, access: ColumnAccess | None) -> None:
    """Refuse a rule that would break the table for those whom it binds, or that another rule makes idle."""
    reason = None
    if access is not None and table.append_only:
        reason = "the audit trail is masked by the rules of the tables that it tells of"
    elif access is ColumnAccess.HIDDEN:
        reason = why_not_hidden(table, column)
    if reason:
        raise InvalidInput(
            f"{column} of {table.name} can't be {str(access).replace('_', ' ')}: {reason}.",
            table=table.name,
            column=column,
        )


def why_not_hidden(table: Table, column: str) -> str | None:
    """This function will return what makes it impossible to hide a column, if anything does."""
    field = table.columns[column]
    if column in table.key:
        return "it is the key"
    if column in table.foreign_keys:
        return f"it refers to {table.foreign_keys[column]}"
    if column == "deleted_at":
        return "it says what is in the trash"
    if not field.null and field.db_default is NOT_PROVIDED:
        return "it is required and has no default, so that nobody could insert without it"
    return None


def _require_unbound(actor: Actor, role: Group) -> None:
    """Refuse to let somebody loosen what binds themselves."""
    if actor.user is not None and not policy.is_superuser(actor) and role in actor.user.groups.all():
        raise Forbidden(
            f"You have the role {role.name} yourself: nobody lifts a rule that binds them.",
            hint="Ask another administrator.",
        )
