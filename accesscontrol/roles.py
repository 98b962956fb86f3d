"""Roles: the built-in ones, and who may give which rights to a role.

A role is a Django group; its rights on a table are guardian grants on the table's CatalogTable row,
its rights on the whole are the group's permissions of CatalogTable.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.translation import gettext_noop
from guardian.models import GroupObjectPermission, UserObjectPermission

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.giving import Grant, names_of, require_held
from accesscontrol.grants import NOWHERE, Grants
from accesscontrol.models import CatalogTable, ColumnRule, PlanFreeRole
from accesscontrol.policy import WRITES, Operation, Resource, Right
from accesscontrol.signals import access_changed


@dataclass(frozen=True)
class Role:
    """A built-in role: what it is for, what it may do on tables, and its rights on the whole."""

    name: str
    description: str
    operations: frozenset[Operation]
    rights: frozenset[Right] = frozenset()
    only: frozenset[str] | None = None  # the tables it is about; None: all

    def grants(self, table: Resource) -> frozenset[Operation]:
        """This function will return what the role may do on `table`."""
        if self.only is not None and table.name not in self.only:
            return frozenset()
        return self.operations - WRITES if table.read_only else self.operations


_READ = frozenset({Operation.READ})
_WRITE = _READ | {Operation.INSERT, Operation.UPDATE}
_EDIT = _WRITE | {Operation.DELETE, Operation.EXPORT}
_MANAGE = _EDIT | {Operation.PURGE, Operation.IMPORT}
_BACKUP = frozenset({Operation.BACKUP, Operation.RESTORE})

BUILT_IN = (
    Role("Viewer", gettext_noop("Reads every table."), _READ),
    Role("Writer", gettext_noop("Reads everything, adds and changes records."), _WRITE),
    Role("Editor", gettext_noop("A writer who may also delete and export."), _EDIT),
    Role("Data manager", gettext_noop("An editor who may also import, and empty the trash."), _MANAGE),
    Role(
        "Backup operator",
        gettext_noop("Makes, checks and restores backups; reads no table."),
        _BACKUP,
        frozenset({Right.MANAGE_BACKUPS}),
    ),
    Role(
        "Auditor",
        gettext_noop("Sees everything that anyone did, and nothing else."),
        _READ | {Operation.EXPORT},
        frozenset({Right.VIEW_AUDIT}),
        only=frozenset({"audit_logs"}),
    ),
    Role(
        "Administrator",
        gettext_noop("Everything, people and roles included."),
        _MANAGE | _BACKUP,
        frozenset(Right),
    ),
)


@transaction.atomic
def sync(tables: Iterable[Resource]) -> None:
    """This function will make a CatalogTable row per table, and the built-in roles with their rights.

    A right is given once, when its role or its table is new: what an administrator takes from a
    built-in role later stays taken. A table that is gone takes every grant on it along.
    """
    tables = list(tables)
    _forget_all_but([table.name for table in tables])
    known = set(CatalogTable.objects.values_list("name", flat=True))
    CatalogTable.objects.bulk_create(CatalogTable(name=t.name) for t in tables if t.name not in known)
    for role in BUILT_IN:
        group, is_new = Group.objects.get_or_create(name=role.name)
        missing = [table for table in tables if is_new or table.name not in known]
        grants = {(str(operation), t.name) for t in missing for operation in role.grants(t)}
        if is_new:
            grants |= {(str(right), NOWHERE) for right in role.rights}
        _add(group, grants)


def grants_of(group: Group) -> frozenset[Grant]:
    """This function will return every (right, table) of a role; the table is NOWHERE for one on the whole."""
    content_type = ContentType.objects.get_for_model(CatalogTable)
    on_tables = GroupObjectPermission.objects.filter(group=group, content_type=content_type)
    on_whole = group.permissions.filter(content_type=content_type)
    return frozenset(on_tables.values_list("permission__codename", "object_pk")) | {
        (codename, NOWHERE) for codename in on_whole.values_list("codename", flat=True)
    }


def grants_of_all() -> dict[int, frozenset[Grant]]:
    """This function will return every (right, table) of every role, by the role's number, in two queries."""
    content_type = ContentType.objects.get_for_model(CatalogTable)
    found: dict[int, set[Grant]] = {}
    on_tables = GroupObjectPermission.objects.filter(content_type=content_type)
    for role, codename, table in on_tables.values_list("group_id", "permission__codename", "object_pk"):
        found.setdefault(role, set()).add((codename, table))
    on_whole = Group.permissions.through.objects.filter(permission__content_type=content_type)
    for role, codename in on_whole.values_list("group_id", "permission__codename"):
        found.setdefault(role, set()).add((codename, NOWHERE))
    return {role: frozenset(grants) for role, grants in found.items()}


def freed_of(group: Group) -> frozenset[str]:
    """This function will return the operations that a role does without a plan."""
    return frozenset(PlanFreeRole.objects.filter(role=group).values_list("operation", flat=True))


def held_by(group: Group) -> Grants:
    """This function will return what a role alone gives: its rights, and its rules on columns."""
    return _held(group, grants_of(group))


def held_by_all() -> dict[Group, Grants]:
    """This function will return what each role alone gives, by name, in as many queries as for one."""
    grants = grants_of_all()
    rules: dict[int, list[tuple[str, str, str]]] = {}
    for role, access, table, column in ColumnRule.objects.values_list(
        "role_id", "access", "table_id", "column_name"
    ):
        rules.setdefault(role, []).append((access, table, column))
    freed: dict[int, set[str]] = {}
    for role, operation in PlanFreeRole.objects.values_list("role_id", "operation"):
        freed.setdefault(role, set()).add(operation)
    return {
        group: _as_grants(
            group, grants.get(group.pk, ()), rules.get(group.pk, ()), frozenset(freed.get(group.pk, ()))
        )
        for group in Group.objects.order_by("name")
    }


@transaction.atomic
def set_grants(*, actor: Actor, group: Group, grants: Collection[Grant]) -> None:
    """This function will make `grants` the rights of a role, and tell the audit trail what changed.

    :raises Forbidden: the actor may not manage access, or gives a right that they do not hold, or a column
        that is kept from them
    :raises InvalidInput: there is no such right, or no such table
    """
    policy.require_right(actor, Right.MANAGE_ACCESS)
    Group.objects.select_for_update().get(pk=group.pk)  # who changes the same role waits
    before, after = grants_of(group), frozenset(grants)
    _require_known(after - before)
    require_held(actor, _held(group, after), before=_held(group, before))
    _remove(group, before - after)
    _add(group, after - before)
    for operation, changed, which in (("GRANT", after - before, "new"), ("REVOKE", before - after, "old")):
        if changed:
            access_changed.send(
                Group,
                actor=actor,
                operation=operation,
                subject=f"role {group.name}",
                changes={"rights": {which: names_of(changed)}},
            )


def _held(group: Group, grants: Iterable[Grant]) -> Grants:
    """What a role would give with other rights, under the rules that it has."""
    rules = ColumnRule.objects.filter(role=group).values_list("access", "table_id", "column_name")
    return _as_grants(group, grants, rules, freed_of(group))


def _as_grants(
    group: Group, grants: Iterable[Grant], rules: Iterable[tuple[str, str, str]], freed: frozenset[str]
) -> Grants:
    by_table: dict[tuple[str, str], dict[str, set[str]]] = {}
    for access, table, column in rules:
        by_table.setdefault((access, table), {})[column] = {group.name}
    return Grants(sources={grant: [group.name] for grant in grants}, rules=by_table, freed=freed)


def _require_known(grants: Collection[Grant]) -> None:
    """Refuse rights that nothing asks for: misspelled, or on a table where there is none to name."""
    tables = set(CatalogTable.objects.values_list("name", flat=True))
    on_table, on_whole = set(Operation), set(Right)
    unknown = [
        (right, table)
        for right, table in grants
        if not (right in on_whole if table == NOWHERE else right in on_table and table in tables)
    ]
    if unknown:
        names = names_of(unknown)[:5]
        raise InvalidInput(f"There are no such rights: {', '.join(names)}.", rights=names)


def _forget_all_but(names: Collection[str]) -> None:
    """Delete the rows of tables that are gone, and the grants on them, which no foreign key ties to the rows."""
    content_type = ContentType.objects.get_for_model(CatalogTable)
    for grants in (GroupObjectPermission, UserObjectPermission):
        grants.objects.filter(content_type=content_type).exclude(object_pk__in=names).delete()
    CatalogTable.objects.exclude(name__in=names).delete()


def _add(group: Group, grants: Collection[Grant]) -> None:
    """Give a role rights that it does not have yet."""
    content_type = ContentType.objects.get_for_model(CatalogTable)
    permissions = {p.codename: p for p in Permission.objects.filter(content_type=content_type)}
    GroupObjectPermission.objects.bulk_create(
        GroupObjectPermission(
            group=group, content_type=content_type, object_pk=table, permission=permissions[right]
        )
        for right, table in grants
        if table != NOWHERE
    )
    group.permissions.add(*(permissions[right] for right, table in grants if table == NOWHERE))


def _remove(group: Group, grants: Collection[Grant]) -> None:
    """Take rights from a role."""
    content_type = ContentType.objects.get_for_model(CatalogTable)
    for right in {right for right, _ in grants}:
        tables = [table for name, table in grants if name == right]
        GroupObjectPermission.objects.filter(
            group=group, content_type=content_type, permission__codename=right, object_pk__in=tables
        ).delete()
        if NOWHERE in tables:
            group.permissions.remove(*group.permissions.filter(content_type=content_type, codename=right))
