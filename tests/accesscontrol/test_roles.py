"""The built-in roles follow the tables, and nobody gives more than they hold."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from guardian.models import GroupObjectPermission, UserObjectPermission

from accesscontrol import giving, policy, roles
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, Forbidden, InvalidInput
from accesscontrol.grants import Grants
from accesscontrol.models import CatalogTable
from accesscontrol.policy import Operation
from audit.models import AuditLog
from catalog import registry

Trail = Callable[..., list[AuditLog]]
TABLES = registry.all_tables()
NEW_TABLE = SimpleNamespace(name="reviews", read_only=False)
NEW_LOOKUP = SimpleNamespace(name="moods", read_only=True)


def grants() -> dict[str, frozenset[giving.Grant]]:
    return {group.name: roles.grants_of(group) for group in Group.objects.all()}


def take(role: str, right: str, table: str) -> None:
    found = GroupObjectPermission.objects.filter(
        group__name=role, permission__codename=right, object_pk=table
    )
    assert found.delete()[0] == 1


@pytest.mark.django_db
class TestSync:
    def test_changes_nothing_when_it_runs_again(self) -> None:
        before = grants()

        roles.sync(TABLES)
        roles.sync(TABLES)

        assert grants() == before
        assert set(CatalogTable.objects.values_list("name", flat=True)) == set(registry.names())

    def test_leaves_taken_what_an_administrator_took(self) -> None:
        take("Editor", "delete", "books")
        Group.objects.get(name="Administrator").permissions.clear()
        before = grants()

        roles.sync([*TABLES, NEW_TABLE])
        roles.sync(TABLES)

        assert grants() == before
        assert ("delete", "books") not in before["Editor"]

    def test_leaves_given_what_an_administrator_gave(self, table_rights: ContentType) -> None:
        permission = Permission.objects.get(content_type=table_rights, codename="purge")
        GroupObjectPermission.objects.create(
            group=Group.objects.get(name="Viewer"),
            permission=permission,
            content_type=table_rights,
            object_pk="books",
        )

        roles.sync(TABLES)

        assert ("purge", "books") in grants()["Viewer"]

    def test_gives_the_defaults_on_a_new_table(self) -> None:
        before = grants()

        roles.sync([*TABLES, NEW_TABLE, NEW_LOOKUP])

        new = {role: sorted(now - before[role]) for role, now in grants().items()}
        assert new["Viewer"] == [("read", "moods"), ("read", "reviews")]
        assert new["Writer"] == [
            ("insert", "reviews"),
            ("read", "moods"),
            ("read", "reviews"),
            ("update", "reviews"),
        ]
        assert new["Backup operator"] == [
            ("backup", "moods"), ("backup", "reviews"), ("restore", "moods"), ("restore", "reviews"),
        ]  # fmt: skip
        assert new["Auditor"] == []

    def test_gives_the_defaults_to_a_role_that_is_new_or_was_deleted(self) -> None:
        before = grants()
        Group.objects.get(name="Editor").delete()

        roles.sync(TABLES)

        assert grants() == before

    def test_gives_a_persons_own_role_nothing(self, make_role: Callable[..., Group]) -> None:
        make_role("Reviewers", ("read", "books"))

        roles.sync([*TABLES, NEW_TABLE])

        assert grants()["Reviewers"] == {("read", "books")}

    def test_takes_every_grant_of_a_vanished_table_along(
        self, nobody: Actor, table_rights: ContentType
    ) -> None:
        before = grants()
        roles.sync([*TABLES, NEW_TABLE])
        UserObjectPermission.objects.create(
            user=nobody.user,
            permission=Permission.objects.get(content_type=table_rights, codename="purge"),
            content_type=table_rights,
            object_pk=NEW_TABLE.name,
        )

        roles.sync(TABLES)

        assert grants() == before
        assert not CatalogTable.objects.filter(name=NEW_TABLE.name).exists()
        assert not UserObjectPermission.objects.exists()

    def test_gives_a_table_that_comes_back_its_defaults_and_no_old_grant(self, nobody: Actor) -> None:
        roles.sync([*TABLES, NEW_TABLE])
        take("Editor", "delete", NEW_TABLE.name)

        roles.sync(TABLES)
        roles.sync([*TABLES, NEW_TABLE])

        assert ("delete", NEW_TABLE.name) in grants()["Editor"]

    def test_clears_grants_that_an_earlier_release_left_behind(self) -> None:
        before = grants()
        roles._add(Group.objects.get(name="Viewer"), {("read", "long_gone")})

        roles.sync(TABLES)

        assert grants() == before


class TestSetGrants:
    def test_makes_them_the_roles_rights_and_tells_the_trail(
        self, administrator: Actor, make_role: Callable[..., Group], trail: Trail
    ) -> None:
        role = make_role("Reviewers", ("read", "books"), ("read", "authors"), ("approve", ""))

        roles.set_grants(
            actor=administrator,
            group=role,
            grants=[("read", "books"), ("update", "books"), ("view_audit", "")],
        )

        assert roles.grants_of(role) == {("read", "books"), ("update", "books"), ("view_audit", "")}
        assert [(row.operation, row.user_id, row.record_id, row.success, row.changes) for row in trail()] == [
            ("GRANT", "amos", "role Reviewers", True, {"rights": {"new": ["update on books", "view_audit"]}}),
            ("REVOKE", "amos", "role Reviewers", True, {"rights": {"old": ["approve", "read on authors"]}}),
        ]

    def test_says_nothing_when_nothing_changes(
        self, administrator: Actor, make_role: Callable[..., Group], trail: Trail
    ) -> None:
        roles.set_grants(
            actor=administrator, group=make_role("R", ("read", "books")), grants=[("read", "books")]
        )

        assert trail() == []

    def test_refuses_who_may_not_manage_access(self, editor: Actor, make_role: Callable[..., Group]) -> None:
        role = make_role("Reviewers", ("read", "books"))

        with pytest.raises(Forbidden, match="manage_access"):
            roles.set_grants(actor=editor, group=role, grants=[])
        with pytest.raises(AuthenticationRequired):
            roles.set_grants(actor=Actor(None, Channel.API), group=role, grants=[])

        assert roles.grants_of(role) == {("read", "books")}

    @pytest.mark.parametrize(
        ("wanted", "named"),
        [
            ([("update", "books")], "update on books"),
            ([("read", "authors")], "read on authors"),
            ([("view_audit", "")], "view_audit"),
            ([("read", "books"), ("restore", "books")], "restore on books"),
        ],
    )
    def test_refuses_to_give_rights_that_the_giver_does_not_hold(
        self,
        personnel: Actor,
        wanted: list[giving.Grant],
        named: str,
        make_role: Callable[..., Group],
        trail: Trail,
    ) -> None:
        role = make_role("Reviewers")

        with pytest.raises(Forbidden, match=f"rights that you do not hold: {named}"):
            roles.set_grants(actor=personnel, group=role, grants=wanted)

        assert roles.grants_of(role) == set()
        assert trail() == []

    def test_refuses_to_raise_ones_own_role(self, personnel: Actor) -> None:
        role = Group.objects.get(name="Personnel")
        wanted = {(str(operation), table.name) for operation in Operation for table in TABLES}

        with pytest.raises(Forbidden, match="do not hold: backup on audit_logs, backup on authors"):
            roles.set_grants(actor=personnel, group=role, grants=wanted)

        assert not policy.decide(
            Actor(personnel.user, Channel.API), Operation.READ, registry.get("authors")
        ).allowed

    def test_lets_anyone_who_manages_access_keep_and_take_what_they_do_not_hold(
        self, personnel: Actor, make_role: Callable[..., Group]
    ) -> None:
        role = make_role("Reviewers", ("update", "books"), ("delete", "books"))

        roles.set_grants(actor=personnel, group=role, grants=[("update", "books"), ("read", "books")])

        assert roles.grants_of(role) == {("update", "books"), ("read", "books")}

    def test_counts_nothing_that_a_disabled_account_would_hold(self, personnel: Actor) -> None:
        User.objects.update(is_active=False)

        given = Grants(sources={("read", "books"): ["Reviewers"]})
        assert giving.not_held(personnel, given) == ["read on books"]

    def test_lets_a_superuser_give_everything(self, admin: Actor, make_role: Callable[..., Group]) -> None:
        role = make_role("Everything")
        wanted = {(str(operation), table.name) for operation in Operation for table in TABLES}

        roles.set_grants(actor=admin, group=role, grants=wanted)

        assert roles.grants_of(role) == wanted

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            (("raed", "books"), "raed on books"),
            (("read", "boks"), "read on boks"),
            (("read", ""), "read"),
            (("view_audit", "books"), "view_audit on books"),
            (("add_user", ""), "add_user"),
        ],
    )
    def test_refuses_rights_that_do_not_exist(
        self, admin: Actor, wrong: giving.Grant, named: str, make_role: Callable[..., Group]
    ) -> None:
        role = make_role("Reviewers")

        with pytest.raises(InvalidInput, match=f"no such rights: {named}."):
            roles.set_grants(actor=admin, group=role, grants=[("read", "authors"), wrong])

        assert roles.grants_of(role) == set()

    def test_leaves_no_trail_of_what_was_rolled_back(
        self, admin: Actor, make_role: Callable[..., Group], trail: Trail
    ) -> None:
        role = make_role("Reviewers")

        with transaction.atomic():
            roles.set_grants(actor=admin, group=role, grants=[("read", "books")])
            assert len(trail()) == 1
            transaction.set_rollback(True)

        assert trail() == []
        assert roles.grants_of(role) == set()

    def test_changes_nothing_when_the_trail_cannot_be_written(
        self, admin: Actor, make_role: Callable[..., Group], broken_trail: None
    ) -> None:
        role = make_role("Reviewers", ("read", "authors"))

        with pytest.raises(Exception, match="audit_logs_operation_check"):
            roles.set_grants(actor=admin, group=role, grants=[("read", "books")])

        assert roles.grants_of(role) == {("read", "authors")}

    def test_is_felt_at_the_next_request_of_the_roles_members(self, admin: Actor, viewer: Actor) -> None:
        viewers = Group.objects.get(name="Viewer")

        roles.set_grants(actor=admin, group=viewers, grants=roles.grants_of(viewers) - {("read", "books")})

        again = Actor(User.objects.get(username="victor"), Channel.API)
        assert not policy.decide(again, Operation.READ, registry.get("books")).allowed
        assert policy.decide(again, Operation.READ, registry.get("authors")).allowed
