"""Who may do what: every built-in role on every table, and what takes a right away."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from guardian.models import GroupObjectPermission, UserObjectPermission

from accesscontrol import policy
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, Forbidden
from accesscontrol.policy import Operation, Right
from catalog import registry

BOOKS, GENRES, AUDIT_LOGS = (registry.get(name) for name in ("books", "genres", "audit_logs"))

# Written from the manual, not from the code: what each role may do on an ordinary table, on one that is read
# only, on audit_logs, and as a whole.
READ = {"read"}
WRITE = READ | {"insert", "update"}
EDIT = WRITE | {"delete", "export"}
MANAGE = EDIT | {"purge", "import"}
BACKUP = {"backup", "restore"}
EVERYTHING = {"view_audit", "manage_backups", "approve", "manage_access"}
EXPECTED = {
    "Viewer": (READ, READ, READ, set()),
    "Writer": (WRITE, READ, READ, set()),
    "Editor": (EDIT, {"read", "export"}, {"read", "export"}, set()),
    "Data manager": (MANAGE, {"read", "export"}, {"read", "export"}, set()),
    "Backup operator": (BACKUP, BACKUP, BACKUP, {"manage_backups"}),
    "Auditor": (set(), set(), {"read", "export"}, {"view_audit"}),
    "Administrator": (
        MANAGE | BACKUP,
        {"read", "export", "backup", "restore"},
        {"read", "export", "backup", "restore"},
        EVERYTHING,
    ),
}
SUPERUSER = (
    MANAGE | BACKUP,
    {"read", "export", "backup", "restore"},
    {"read", "export", "backup", "restore"},
    EVERYTHING,
)


def again(actor: Actor) -> Actor:
    """Return the same person at their next request."""
    assert actor.user
    return Actor(User.objects.get(pk=actor.user.pk), actor.channel)


def member_of(*roles: str) -> Actor:
    user = User.objects.create_user("mina")
    user.groups.set(Group.objects.filter(name__in=roles))
    return Actor(user, Channel.API)


def allowed(actor: Actor) -> dict[str, set[str]]:
    """Return all that an actor may do, by table and, under "", on the whole."""
    found = {
        table.name: {str(o) for o in Operation if policy.decide(actor, o, table).allowed}
        for table in registry.all_tables()
    }
    found[""] = {str(right) for right in Right if policy.holds(actor, right).allowed}
    return found


def expected(
    ordinary: set[str], read_only: set[str], audit_logs: set[str], whole: set[str]
) -> dict[str, set[str]]:
    special = {"genres": read_only, "lookup_values": read_only, "audit_logs": audit_logs, "": whole}
    return dict.fromkeys(registry.names(), ordinary) | special


@pytest.mark.django_db
class TestBuiltInRoles:
    @pytest.mark.parametrize("role", EXPECTED)
    def test_allow_what_the_manual_says_on_every_table(self, role: str) -> None:
        assert allowed(member_of(role)) == expected(*EXPECTED[role])

    def test_are_the_ones_of_the_manual(self) -> None:
        assert set(Group.objects.values_list("name", flat=True)) == set(EXPECTED)

    def test_add_up(self) -> None:
        both = allowed(member_of("Viewer", "Backup operator"))

        assert both["books"] == READ | BACKUP
        assert both[""] == {"manage_backups"}

    def test_name_the_role_that_grants_even_when_several_do(self) -> None:
        for roles in (("Writer", "Editor"), ("Editor", "Writer")):
            User.objects.filter(username="mina").delete()
            assert (
                policy.decide(member_of(*roles), Operation.UPDATE, BOOKS).reason
                == "role Editor grants update on books"
            )


class TestDefault:
    def test_denies_an_account_without_a_role_everything(self, nobody: Actor) -> None:
        assert allowed(nobody) == expected(set(), set(), set(), set())

    def test_denies_strangers_everything(self, db: None) -> None:
        assert allowed(Actor(None, Channel.API)) == expected(set(), set(), set(), set())

    def test_allows_a_superuser_all_but_writing_what_is_read_only(self, admin: Actor) -> None:
        assert allowed(admin) == expected(*SUPERUSER)

    def test_denies_an_account_that_was_never_saved_or_is_deleted(self, admin: Actor) -> None:
        assert admin.user
        admin.user.delete()
        lonely = Group.objects.create(name="Nobody's role")  # a role without a member is no stranger's role
        lonely.permissions.add(Permission.objects.get(codename="manage_access"))

        for user in (admin.user, User(username="ghost"), User(username="ghost", is_superuser=True)):
            assert allowed(Actor(user, Channel.API)) == expected(set(), set(), set(), set())


class TestReasons:
    @pytest.mark.parametrize(
        ("operation", "table", "reason"),
        [
            (Operation.UPDATE, BOOKS, "role Editor grants update on books"),
            (Operation.PURGE, BOOKS, "no role of edith grants purge on books"),
            (Operation.UPDATE, GENRES, "genres is read only for everyone"),
        ],
    )
    def test_say_what_grants_or_that_nothing_does(
        self, editor: Actor, operation: Operation, table: object, reason: str
    ) -> None:
        assert policy.decide(editor, operation, table).reason == reason

    def test_tell_superusers_strangers_and_disabled_accounts_apart(self, admin: Actor, viewer: Actor) -> None:
        User.objects.filter(username="victor").update(is_active=False)

        reasons = [
            policy.decide(a, Operation.READ, BOOKS).reason
            for a in (admin, Actor(None, Channel.API), again(viewer))
        ]

        assert reasons == ["a superuser may", "nobody is logged in", "the account is disabled"]

    def test_reach_the_one_refused_with_a_way_out(self, viewer: Actor) -> None:
        with pytest.raises(Forbidden) as refusal:
            policy.require(viewer, Operation.UPDATE, BOOKS)

        assert refusal.value.as_dict() == {
            "error": True,
            "code": "PERMISSION_DENIED",
            "message": "You may not update in books: no role of victor grants update on books.",
            "details": {"table": "books", "operation": "update"},
            "hint": "Ask an administrator for a role that grants it.",
        }

    def test_name_the_right_that_is_missing(self, viewer: Actor) -> None:
        with pytest.raises(
            Forbidden, match="needs the right manage_access: no role of victor grants manage_access"
        ) as refusal:
            policy.require_right(viewer, Right.MANAGE_ACCESS)

        assert refusal.value.details == {"right": "manage_access"}


class TestStrangers:
    def test_are_asked_to_log_in_before_anything_else_is_told(self, db: None) -> None:
        for check in (
            lambda a: policy.require(a, Operation.READ, BOOKS),
            lambda a: policy.require(a, Operation.INSERT, GENRES),
            lambda a: policy.require_right(a, Right.APPROVE),
            policy.require_account,
        ):
            with pytest.raises(AuthenticationRequired):
                check(Actor(None, Channel.API))

    def test_with_a_disabled_account_are_told_so(self, admin: Actor) -> None:
        User.objects.update(is_active=False)

        with pytest.raises(AuthenticationRequired, match="disabled"):
            policy.require(again(admin), Operation.READ, BOOKS)


class TestCost:
    def test_is_one_query_however_many_decisions(self, editor: Actor) -> None:
        with CaptureQueriesContext(connection) as captured:
            allowed(editor)
            policy.granted_tables(editor, Operation.READ)

        assert len(captured) == 1

    def test_is_nothing_for_strangers(
        self, db: None, django_assert_num_queries: Callable[..., object]
    ) -> None:
        with django_assert_num_queries(0):
            allowed(Actor(None, Channel.API))


class TestRightsTakenAway:
    def test_stay_for_the_request_that_is_running(self, editor: Actor) -> None:
        assert policy.decide(editor, Operation.DELETE, BOOKS).allowed
        editor.user.groups.clear()

        assert policy.decide(editor, Operation.DELETE, BOOKS).allowed

    def test_are_gone_at_the_next_request_when_the_role_is_taken(self, editor: Actor) -> None:
        editor.user.groups.clear()

        assert allowed(again(editor)) == expected(set(), set(), set(), set())

    def test_are_gone_when_the_role_loses_the_grant(self, editor: Actor) -> None:
        GroupObjectPermission.objects.filter(object_pk="books", permission__codename="delete").delete()

        after = allowed(again(editor))

        assert after["books"] == EDIT - {"delete"}
        assert after["authors"] == EDIT

    def test_are_gone_when_the_role_is_deleted(self, editor: Actor) -> None:
        Group.objects.get(name="Editor").delete()

        assert allowed(again(editor)) == expected(set(), set(), set(), set())

    @pytest.mark.parametrize("who", ["admin", "editor", "auditor"])
    def test_are_gone_when_the_account_is_disabled(self, who: str, request: pytest.FixtureRequest) -> None:
        actor: Actor = request.getfixturevalue(who)
        User.objects.update(is_active=False)

        assert allowed(again(actor)) == expected(set(), set(), set(), set())
        assert policy.granted_tables(again(actor), Operation.READ) == frozenset()

    def test_are_gone_when_a_superuser_is_one_no_more(self, admin: Actor) -> None:
        User.objects.update(is_superuser=False)

        assert allowed(again(admin)) == expected(set(), set(), set(), set())

    def test_are_not_believed_from_a_stale_account(self, admin: Actor) -> None:
        stale = admin.user
        User.objects.update(is_superuser=False)

        assert stale.is_superuser
        assert not policy.decide(Actor(stale, Channel.API), Operation.READ, BOOKS).allowed


class TestOtherGrants:
    def test_personal_ones_count(self, nobody: Actor, table_rights: ContentType) -> None:
        permission = Permission.objects.get(content_type=table_rights, codename="update")
        UserObjectPermission.objects.create(
            user=nobody.user, permission=permission, content_type=table_rights, object_pk="books"
        )
        nobody.user.user_permissions.add(
            Permission.objects.get(content_type=table_rights, codename="view_audit")
        )

        assert allowed(nobody) == expected(set(), set(), set(), {"view_audit"}) | {"books": {"update"}}
        assert (
            policy.decide(nobody, Operation.UPDATE, BOOKS).reason == "a personal grant grants update on books"
        )

    def test_of_table_rights_without_a_table_give_nothing(
        self, nobody: Actor, table_rights: ContentType
    ) -> None:
        nobody.user.user_permissions.set(
            Permission.objects.filter(content_type=table_rights, codename__in=list(Operation))
        )

        assert allowed(nobody) == expected(set(), set(), set(), set())

    def test_of_rights_on_the_whole_for_one_table_give_nothing(
        self, nobody: Actor, table_rights: ContentType
    ) -> None:
        for right in Right:
            UserObjectPermission.objects.create(
                user=nobody.user,
                permission=Permission.objects.get(content_type=table_rights, codename=right),
                content_type=table_rights,
                object_pk="books",
            )

        assert allowed(nobody) == expected(set(), set(), set(), set())

    def test_of_djangos_own_permissions_give_nothing(self, nobody: Actor) -> None:
        others = Permission.objects.exclude(content_type__app_label="accesscontrol")
        assert others.filter(content_type__app_label="auth").exists()
        nobody.user.user_permissions.set(others)

        assert allowed(nobody) == expected(set(), set(), set(), set())

    def test_of_a_table_reach_no_other_with_a_similar_name(self, make_role: Callable[..., Group]) -> None:
        user = User.objects.create_user("mina")
        user.groups.add(
            make_role("Odd", ("read", "book"), ("read", "books "), ("read", "BOOKS"), ("read", ""))
        )
        actor = Actor(user, Channel.API)

        assert not policy.decide(actor, Operation.READ, BOOKS).allowed
        assert policy.decide(actor, Operation.READ, SimpleNamespace(name="book", read_only=False)).allowed
