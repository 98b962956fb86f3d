"""Why somebody may do something: the verdict is the policy's, and everything that leads to it is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User

from accesscontrol import explaining, policy
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Forbidden
from accesscontrol.models import ColumnRule
from accesscontrol.policy import Operation, Right
from catalog import registry

BOOKS = registry.get("books")
GENRES = registry.get("genres")

MakeRole = Callable[..., Group]


def rule(role: Group, column: str, access: str) -> None:
    ColumnRule.objects.create(role=role, table_id="books", column_name=column, access=access)


class TestExplain:
    def test_names_what_grants_and_what_does_not(
        self, admin: Actor, writer: Actor, make_role: MakeRole
    ) -> None:
        writer.user.groups.add(make_role("Silent", ("read", "authors")))

        found = explaining.explain(asker=admin, user=writer.user, right=Operation.UPDATE, table=BOOKS)

        assert found.decision.allowed
        assert found.granted_by == ("role Writer",)
        assert found.silent_roles == ("role Silent",)
        assert {"role Editor", "role Administrator"} <= set(found.other_roles)
        assert "role Viewer" not in found.other_roles

    def test_tells_of_a_table_that_nobody_writes(self, admin: Actor, writer: Actor) -> None:
        found = explaining.explain(asker=admin, user=admin.user, right=Operation.UPDATE, table=GENRES)

        assert (found.decision.allowed, found.is_closed, found.is_superuser) == (False, True, True)

    def test_tells_of_a_disabled_account_what_would_come_back(self, admin: Actor, writer: Actor) -> None:
        User.objects.filter(pk=writer.user.pk).update(is_active=False)

        found = explaining.explain(asker=admin, user=writer.user, right=Operation.UPDATE, table=BOOKS)

        assert (found.decision.allowed, found.is_active) == (False, False)
        assert found.granted_by == ("role Writer",)

    def test_tells_of_columns_that_are_kept(self, admin: Actor, writer: Actor) -> None:
        role = Group.objects.get(name="Writer")
        rule(role, "word_count", "hidden")
        rule(role, "status", "read_only")

        update = explaining.explain(asker=admin, user=writer.user, right=Operation.UPDATE, table=BOOKS)
        read = explaining.explain(asker=admin, user=writer.user, right=Operation.READ, table=BOOKS)

        assert (update.hidden, update.read_only) == (("word_count",), ("status",))
        assert (read.hidden, read.read_only) == (("word_count",), ())

    def test_tells_of_rights_on_the_whole(self, admin: Actor, auditor: Actor) -> None:
        found = explaining.explain(asker=admin, user=auditor.user, right=Right.VIEW_AUDIT)

        assert found.decision.allowed
        assert found.other_roles == ("role Administrator",)

    def test_gives_the_verdict_of_the_policy(self, admin: Actor, editor: Actor, auditor: Actor) -> None:
        tables = registry.all_tables()
        for user in (editor.user, auditor.user):
            on_tables, _ = explaining.verdicts(asker=admin, user=user, tables=tables)
            for number, operation in enumerate(Operation):
                for table in tables:
                    wanted = policy.decide(Actor(user, Channel.ADMIN), operation, table)
                    assert on_tables[table.name][operation] == wanted, (user, operation, table)
                for table in tables[number :: len(Operation)]:
                    found = explaining.explain(asker=admin, user=user, right=operation, table=table)
                    assert found.decision == on_tables[table.name][operation], (user, operation, table)


class TestWhoAsks:
    def test_about_others_manages_access(self, writer: Actor, editor: Actor) -> None:
        with pytest.raises(Forbidden, match="manage_access"):
            explaining.explain(asker=writer, user=editor.user, right=Operation.READ, table=BOOKS)
        with pytest.raises(Forbidden, match="manage_access"):
            explaining.verdicts(asker=writer, user=editor.user, tables=[BOOKS])

    def test_about_themselves_learns_of_no_hidden_column_and_no_other_role(self, writer: Actor) -> None:
        rule(Group.objects.get(name="Writer"), "word_count", "hidden")

        found = explaining.explain(asker=writer, user=writer.user, right=Operation.READ, table=BOOKS)

        assert (found.decision.allowed, found.hidden, found.other_roles) == (True, (), ())

    def test_learns_of_no_column_that_is_hidden_from_them(
        self, personnel: Actor, writer: Actor, make_role: MakeRole
    ) -> None:
        for role in ("Writer", "Personnel"):
            rule(Group.objects.get(name=role), "word_count", "hidden")
        rule(Group.objects.get(name="Writer"), "status", "hidden")

        found = explaining.explain(asker=personnel, user=writer.user, right=Operation.READ, table=BOOKS)

        assert found.hidden == ("status",)


class TestRolesToGive:
    def test_lack_nothing_for_a_superuser(self, admin: Actor) -> None:
        assert not any(explaining.roles_to_give(admin).values())

    def test_name_what_is_missing(self, personnel: Actor) -> None:
        missing = {role.name: lacks for role, lacks in explaining.roles_to_give(personnel).items()}

        assert missing["Personnel"] == []
        assert missing["Viewer"]
        assert "view_audit" in missing["Auditor"]
