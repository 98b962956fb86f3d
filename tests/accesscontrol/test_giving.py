"""Nobody gives a column that is kept from them: not with a role, a right, a rule, or a password."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User

from accesscontrol import accounts, giving, roles
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Forbidden
from accesscontrol.models import ColumnRule
from audit.models import AuditLog
from catalog import registry
from catalog.services.column_rules import set_column_rule

MakeRole = Callable[..., Group]
Trail = Callable[..., list[AuditLog]]
GOOD = "walrus-teapot-91"
EVERY_RIGHT = [(right, "books") for right in ("read", "insert", "update", "delete")]
AUDIT = [("view_audit", ""), ("read", "audit_logs")]


@pytest.fixture
def make(make_role: MakeRole) -> MakeRole:
    """Return a function that makes a role on books with rules: make("a", *grants, word_count="hidden")."""

    def make(name: str, *grants: giving.Grant, **rules: str) -> Group:
        group = make_role(name, *grants)
        for column, access in rules.items():
            ColumnRule.objects.create(role=group, table_id="books", column_name=column, access=access)
        return group

    return make


@pytest.fixture
def manager(make: MakeRole) -> Actor:
    """Somebody who manages access and works with books, without the number of words, and reads their status."""
    user = User.objects.create_user("mona", password="correct horse")
    grants = [*EVERY_RIGHT, *AUDIT, ("manage_access", "")]
    user.groups.add(make("Bound", *grants, word_count="hidden", status="read_only"))
    return Actor(user, Channel.ADMIN)


def give(actor: Actor, user: User, *groups: Group) -> None:
    accounts.save_account(actor=actor, user=user, roles_=[*user.groups.all(), *groups])


class TestRoles:
    @pytest.mark.parametrize(
        ("grants", "rules", "told"),
        [
            ([("read", "books")], {}, "read on every column of books"),
            ([("read", "books")], {"word_count": "read_only"}, "read on every column of books"),
            ([("delete", "books")], {}, "read on every column of books"),
            (EVERY_RIGHT, {"word_count": "hidden"}, "insert on status of books, update on status of books"),
            (AUDIT, {}, "read on every column of books"),
        ],
    )
    def test_with_a_column_that_is_kept_from_the_giver_are_not_given(
        self,
        manager: Actor,
        nobody: Actor,
        make: MakeRole,
        trail: Trail,
        grants: list[giving.Grant],
        rules: dict[str, str],
        told: str,
    ) -> None:
        group = make("Open", *grants, **rules)

        for user in (manager.user, nobody.user):
            with pytest.raises(Forbidden, match=f"do not hold: {told}[.]") as refusal:
                give(manager, user, group)
            assert "word_count" not in str(refusal.value.as_dict())

        assert not group.user_set.exists()
        assert trail() == []

    @pytest.mark.parametrize(
        ("grants", "rules"),
        [
            (EVERY_RIGHT, {"word_count": "hidden", "status": "read_only"}),
            (EVERY_RIGHT, {"word_count": "hidden", "status": "hidden"}),
            ([("read", "books"), ("delete", "books")], {"word_count": "hidden"}),
            ([("manage_access", "")], {}),
        ],
    )
    def test_that_keep_it_too_are_given(
        self,
        manager: Actor,
        nobody: Actor,
        make: MakeRole,
        grants: list[giving.Grant],
        rules: dict[str, str],
    ) -> None:
        group = make("Kept", *grants, **rules)

        give(manager, nobody.user, group)

        assert group.user_set.get() == nobody.user

    def test_are_given_by_who_sees_the_column_through_another_role(
        self, manager: Actor, nobody: Actor, make: MakeRole
    ) -> None:
        group = make("Open", *EVERY_RIGHT)
        manager.user.groups.add(group)

        give(Actor(manager.user, Channel.ADMIN), nobody.user, group)

        assert set(group.user_set.all()) == {manager.user, nobody.user}

    def test_are_given_by_a_superuser(self, admin: Actor, make: MakeRole) -> None:
        admin.user.groups.add(make("Bound", ("read", "books"), word_count="hidden"))

        give(admin, admin.user, make("Open", ("read", "books")))

        assert admin.user.groups.count() == 2


class TestRights:
    def test_that_open_a_column_are_not_given_to_a_role(self, manager: Actor, make: MakeRole) -> None:
        group = make("New", ("delete", "books"), word_count="hidden")

        roles.set_grants(actor=manager, group=group, grants=[("delete", "books"), ("read", "books")])
        with pytest.raises(Forbidden, match=r"do not hold: update on status of books\."):
            roles.set_grants(actor=manager, group=group, grants=[("update", "books")])
        with pytest.raises(Forbidden, match=r"do not hold: read on every column of books\."):
            roles.set_grants(actor=manager, group=make("Open"), grants=[("read", "books")])

        assert roles.grants_of(group) == {("delete", "books"), ("read", "books")}

    def test_are_added_where_a_role_opens_it_already(self, manager: Actor, make: MakeRole) -> None:
        group = make("Open", ("read", "books"))
        wanted = {("read", "books"), ("delete", "books")}

        roles.set_grants(actor=manager, group=group, grants=wanted)

        assert roles.grants_of(group) == wanted


class TestRules:
    @pytest.mark.parametrize("access", ["read_only", None])
    def test_of_others_are_not_loosened_by_who_does_not_see_the_column(
        self, manager: Actor, make: MakeRole, access: str | None
    ) -> None:
        group = make("Others", ("read", "books"), word_count="hidden")

        with pytest.raises(Forbidden, match="every column of books"):
            set_column_rule(
                actor=manager, role=group, table=registry.get("books"), column="word_count", access=access
            )

        assert ColumnRule.objects.get(role=group).access == "hidden"

    def test_are_loosened_as_far_as_the_column_is_the_actors(self, manager: Actor, make: MakeRole) -> None:
        group = make("Others", *EVERY_RIGHT, word_count="hidden", status="hidden", description="hidden")
        rule = {"actor": manager, "role": group, "table": registry.get("books")}

        set_column_rule(**rule, column="status", access="read_only")
        set_column_rule(**rule, column="description", access=None)
        with pytest.raises(Forbidden, match="insert on status of books, update on status of books"):
            set_column_rule(**rule, column="status", access=None)


class TestAccounts:
    def test_that_see_it_are_not_taken_over(self, manager: Actor, nobody: Actor, make: MakeRole) -> None:
        nobody.user.groups.add(make("Open", ("read", "books")))
        told = r"holds rights that you do not: read on every column of books\."

        with pytest.raises(Forbidden, match=told):
            accounts.set_password(actor=manager, user=nobody.user, password=GOOD)
        nobody.user.email = "mona@example.org"
        with pytest.raises(Forbidden, match=told):
            accounts.save_account(actor=manager, user=nobody.user)

        assert User.objects.get(username="norah").check_password("correct horse")

    def test_that_do_not_see_it_are_managed(self, manager: Actor, nobody: Actor, make: MakeRole) -> None:
        nobody.user.groups.add(make("Kept", ("read", "books"), word_count="hidden"))

        accounts.set_password(actor=manager, user=nobody.user, password=GOOD)

        assert User.objects.get(username="norah").check_password(GOOD)
