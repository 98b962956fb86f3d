"""Accounts are changed by who may, told in the trail, and lead nobody to rights that they do not hold."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, User
from django.db import transaction

from accesscontrol import accounts
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired, Forbidden, InvalidInput, NotFound
from audit.models import AuditLog

Trail = Callable[..., list[AuditLog]]
GOOD = "walrus-teapot-91"


def role(name: str) -> Group:
    return Group.objects.get(name=name)


def told(rows: list[AuditLog]) -> list[tuple[object, ...]]:
    return [(row.operation, row.user_id, row.record_id, row.changes) for row in rows]


class TestSaveAccount:
    def test_makes_an_account_with_its_roles_and_tells_the_trail(
        self, administrator: Actor, trail: Trail
    ) -> None:
        user = User(username="nina", email="nina@example.org")
        user.set_password(GOOD)

        accounts.save_account(actor=administrator, user=user, roles_=[role("Viewer"), role("Auditor")])

        assert sorted(User.objects.get(username="nina").groups.values_list("name", flat=True)) == [
            "Auditor",
            "Viewer",
        ]
        assert told(trail()) == [
            (
                "USER_CHANGED",
                "amos",
                "user nina",
                {
                    "username": {"old": None, "new": "nina"},
                    "first_name": {"old": None, "new": ""},
                    "last_name": {"old": None, "new": ""},
                    "email": {"old": None, "new": "nina@example.org"},
                    "is_active": {"old": None, "new": True},
                    "is_staff": {"old": None, "new": False},
                    "is_superuser": {"old": None, "new": False},
                },
            ),
            ("GRANT", "amos", "user nina", {"roles": {"new": ["Auditor", "Viewer"]}}),
        ]

    def test_tells_only_what_changed(self, administrator: Actor, viewer: Actor, trail: Trail) -> None:
        user = viewer.user
        user.email, user.is_active = "v@example.org", False

        accounts.save_account(actor=administrator, user=user, roles_=[role("Writer")])

        assert told(trail()) == [
            (
                "USER_CHANGED",
                "amos",
                "user victor",
                {"email": {"old": "", "new": "v@example.org"}, "is_active": {"old": True, "new": False}},
            ),
            ("GRANT", "amos", "user victor", {"roles": {"new": ["Writer"]}}),
            ("REVOKE", "amos", "user victor", {"roles": {"old": ["Viewer"]}}),
        ]

    def test_leaves_roles_alone_when_none_are_given(
        self, administrator: Actor, viewer: Actor, trail: Trail
    ) -> None:
        accounts.save_account(actor=administrator, user=viewer.user)

        assert viewer.user.groups.get().name == "Viewer"
        assert trail() == []

    def test_refuses_who_may_not_manage_access(self, editor: Actor, viewer: Actor) -> None:
        viewer.user.email = "new@example.org"

        with pytest.raises(Forbidden, match="manage_access"):
            accounts.save_account(actor=editor, user=viewer.user)
        with pytest.raises(Forbidden, match="manage_access"):
            accounts.save_account(actor=editor, user=editor.user, roles_=[role("Administrator")])
        with pytest.raises(AuthenticationRequired):
            accounts.save_account(actor=Actor(None, Channel.API), user=User(username="x"))

        assert User.objects.filter(email="").count() == User.objects.count() == 2

    def test_refuses_to_give_a_role_with_rights_that_the_giver_does_not_hold(
        self, personnel: Actor, nobody: Actor, trail: Trail
    ) -> None:
        for user in (nobody.user, personnel.user):
            with pytest.raises(Forbidden, match="rights that you do not hold: delete on authors"):
                accounts.save_account(actor=personnel, user=user, roles_=[*user.groups.all(), role("Editor")])

        assert not nobody.user.groups.exists()
        assert personnel.user.groups.get().name == "Personnel"
        assert trail() == []

    def test_refuses_to_make_a_superuser_without_being_one(self, administrator: Actor, viewer: Actor) -> None:
        for user in (User(username="evil", is_superuser=True), viewer.user, administrator.user):
            user.is_superuser = True
            with pytest.raises(Forbidden, match="Only a superuser"):
                accounts.save_account(actor=administrator, user=user)

        assert not User.objects.filter(is_superuser=True).exists()

    def test_refuses_to_touch_a_superuser_without_being_one(self, administrator: Actor, admin: Actor) -> None:
        as_read = User.objects.get(pk=admin.user.pk)
        as_read.email = "mine@example.org"
        disguised = User.objects.get(pk=admin.user.pk)
        disguised.is_superuser = False

        for user in (as_read, disguised):
            with pytest.raises(Forbidden, match="Only a superuser"):
                accounts.save_account(actor=administrator, user=user, roles_=[])

        assert User.objects.filter(pk=admin.user.pk, is_superuser=True, email="").exists()

    def test_lets_a_superuser_make_and_change_one(self, admin: Actor, viewer: Actor) -> None:
        viewer.user.is_superuser = True
        accounts.save_account(actor=admin, user=viewer.user)
        viewer.user.is_superuser = False
        accounts.save_account(actor=admin, user=viewer.user)

        assert not User.objects.get(username="victor").is_superuser

    def test_refuses_to_change_an_account_that_holds_more(self, personnel: Actor, editor: Actor) -> None:
        editor.user.email = "petra@example.org"

        with pytest.raises(Forbidden, match="This account holds rights that you do not: delete on authors"):
            accounts.save_account(actor=personnel, user=editor.user)

        assert User.objects.get(username="edith").email == ""

    def test_refuses_it_for_a_disabled_account_too(self, personnel: Actor, editor: Actor) -> None:
        User.objects.filter(username="edith").update(is_active=False)

        with pytest.raises(Forbidden, match="holds rights that you do not"):
            accounts.save_account(actor=personnel, user=editor.user)

        assert not User.objects.get(username="edith").is_active

    @pytest.mark.parametrize(
        ("values", "column"),
        [
            ({"username": "victor"}, "username"),
            ({"username": ""}, "username"),
            ({"username": "a\x00b"}, "username"),
            ({"username": "x" * 151}, "username"),
            ({"username": "nina", "email": "no address"}, "email"),
        ],
    )
    def test_refuses_values_that_a_form_would_refuse(
        self, admin: Actor, viewer: Actor, values: dict[str, str], column: str
    ) -> None:
        with pytest.raises(InvalidInput) as refusal:
            accounts.save_account(actor=admin, user=User(**values))

        assert column in refusal.value.details["columns"]
        assert User.objects.count() == 2

    def test_does_not_bring_a_deleted_account_back(self, admin: Actor, viewer: Actor) -> None:
        User.objects.filter(username="victor").delete()

        with pytest.raises(NotFound, match="deleted"):
            accounts.save_account(actor=admin, user=viewer.user)

        assert not User.objects.filter(username="victor").exists()

    def test_leaves_no_trail_of_what_was_rolled_back(self, admin: Actor, trail: Trail) -> None:
        with transaction.atomic():
            accounts.save_account(actor=admin, user=User(username="nina"), roles_=[role("Viewer")])
            assert len(trail()) == 2
            transaction.set_rollback(True)

        assert trail() == []
        assert not User.objects.filter(username="nina").exists()

    def test_saves_nothing_when_the_trail_cannot_be_written(self, admin: Actor, broken_trail: None) -> None:
        with pytest.raises(Exception, match="audit_logs_operation_check"):
            accounts.save_account(actor=admin, user=User(username="nina"))

        assert not User.objects.filter(username="nina").exists()


class TestDeleteAccount:
    def test_keeps_the_name_in_the_trail(self, admin: Actor, viewer: Actor, trail: Trail) -> None:
        accounts.delete_account(actor=admin, user=viewer.user)

        assert not User.objects.filter(username="victor").exists()
        assert told(trail()) == [
            ("USER_CHANGED", "ada", "user victor", {"username": {"old": "victor", "new": None}})
        ]

    def test_refuses_the_account_of_who_has_more_to_say(
        self, personnel: Actor, administrator: Actor, editor: Actor, admin: Actor
    ) -> None:
        disguised = User.objects.get(username="ada")
        disguised.is_superuser = False
        for actor, user in (
            (personnel, editor.user),
            (administrator, admin.user),
            (administrator, disguised),
        ):
            with pytest.raises(Forbidden):
                accounts.delete_account(actor=actor, user=user)
        with pytest.raises(Forbidden, match="manage_access"):
            accounts.delete_account(actor=editor, user=editor.user)

        assert User.objects.count() == 4


class TestSetPassword:
    def test_needs_no_right_for_ones_own(self, nobody: Actor, trail: Trail) -> None:
        accounts.set_password(actor=nobody, user=nobody.user, password=GOOD)

        assert authenticate(username="norah", password=GOOD) == nobody.user
        assert told(trail()) == [
            ("USER_CHANGED", "norah", "user norah", {"password": {"old": "(hidden)", "new": "(changed)"}})
        ]

    def test_needs_manage_access_for_anothers(
        self, editor: Actor, nobody: Actor, administrator: Actor
    ) -> None:
        with pytest.raises(Forbidden, match="manage_access"):
            accounts.set_password(actor=editor, user=nobody.user, password=GOOD)
        with pytest.raises(AuthenticationRequired):
            accounts.set_password(actor=Actor(None, Channel.API), user=nobody.user, password=GOOD)
        assert authenticate(username="norah", password="correct horse")

        accounts.set_password(actor=administrator, user=nobody.user, password=GOOD)

        assert authenticate(username="norah", password=GOOD)

    def test_is_refused_to_a_disabled_account(self, nobody: Actor) -> None:
        User.objects.update(is_active=False)

        with pytest.raises(AuthenticationRequired, match="disabled"):
            accounts.set_password(actor=nobody, user=nobody.user, password=GOOD)

    def test_takes_over_no_superuser(self, administrator: Actor, admin: Actor) -> None:
        disguised = User.objects.get(username="ada")
        disguised.is_superuser = False

        for user in (admin.user, disguised):
            with pytest.raises(Forbidden, match="Only a superuser"):
                accounts.set_password(actor=administrator, user=user, password=GOOD)

        assert authenticate(username="ada", password="correct horse")

    def test_takes_over_no_account_that_holds_more(
        self, personnel: Actor, viewer: Actor, nobody: Actor
    ) -> None:
        with pytest.raises(Forbidden, match="holds rights that you do not: read on audit_logs") as refusal:
            accounts.set_password(actor=personnel, user=viewer.user, password=GOOD)
        accounts.set_password(actor=personnel, user=nobody.user, password=GOOD)

        assert refusal.value.details["rights"][0] == "read on audit_logs"
        assert authenticate(username="victor", password="correct horse")

    @pytest.mark.parametrize("weak", ["xz9-short", "password1234", "918273645546", "wilhelmina12", ""])
    def test_refuses_a_weak_one_and_does_not_repeat_it(self, nobody: Actor, weak: str, trail: Trail) -> None:
        nobody.user.first_name = "Wilhelmina"

        with pytest.raises(InvalidInput) as refusal:
            accounts.set_password(actor=nobody, user=nobody.user, password=weak)

        assert not weak or weak not in json.dumps(refusal.value.as_dict())
        assert authenticate(username="norah", password="correct horse")
        assert trail() == []


class TestPasswords:
    def test_are_in_no_audit_row_and_no_log(
        self, admin: Actor, nobody: Actor, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(logging.DEBUG)
        accounts.set_password(actor=admin, user=nobody.user, password=GOOD)
        new = User(username="nina")
        new.set_password(GOOD)
        accounts.save_account(actor=admin, user=new)
        new.set_password(f"{GOOD}-two")
        accounts.save_account(actor=admin, user=new)
        authenticate(username="norah", password=f"{GOOD}-wrong")
        authenticate(username=f"{GOOD}-in-the-wrong-field", password="x")

        everything = [repr(list(AuditLog.objects.values())), caplog.text, *capfd.readouterr()]

        assert AuditLog.objects.exclude(operation="LOGIN_FAILED").count() == 3
        for text in everything:
            assert GOOD not in text
            assert new.password not in text
