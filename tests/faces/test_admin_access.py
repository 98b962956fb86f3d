"""People and roles in the admin: managed through the services, and nobody gives more than they hold."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from accesscontrol import roles, service_users
from accesscontrol.models import ServiceUser
from tests.faces.conftest import PASSWORD

USERS, ROLES = "/admin/auth/user/", "/admin/auth/group/"
NEW = "another long passphrase"


def account(user: User, **changes: Any) -> dict[str, Any]:
    """Return the form of an account as the page has it, with changes; None leaves a field out."""
    form = {
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "is_active": "on",
        "is_staff": "on",
        "groups": [group.pk for group in user.groups.all()],
    }
    return {name: value for name, value in {**form, **changes}.items() if value is not None}


def box(page: str, value: str) -> str:
    """Return the box to tick for a right."""
    (found,) = re.findall(f'<input type="checkbox"[^>]* value="{value}"[^>]*>', page)
    return str(found)


def role(name: str) -> Group:
    return Group.objects.get(name=name)


class TestUsers:
    def test_a_superuser_makes_an_account_with_a_role(self, browser: Any, admin: Any, news: Any) -> None:
        form = {"username": "new", "password1": NEW, "password2": NEW, "is_staff": "on"}

        answer = browser(admin).post(f"{USERS}add/", form | {"groups": [role("Viewer").pk]})

        assert answer.status_code == 302
        user = User.objects.get(username="new")
        assert user.check_password(NEW)
        assert [group.name for group in user.groups.all()] == ["Viewer"]
        told = [
            (row.operation, row.record_id) for row in news() if row.operation in {"USER_CHANGED", "GRANT"}
        ]
        assert told == [("USER_CHANGED", "user new"), ("GRANT", "user new")]

    def test_a_change_is_audited_by_what_changed(
        self, browser: Any, admin: Any, person: Any, news: Any
    ) -> None:
        user = person("Viewer", name="vic")
        client = browser(admin)
        news()

        client.post(f"{USERS}{user.pk}/change/", account(user, email="vic@example.org", groups=[]))

        rows = [(row.operation, row.changes) for row in news() if row.operation != "QUERY"]
        assert rows == [
            ("USER_CHANGED", {"email": {"old": "", "new": "vic@example.org"}}),
            ("REVOKE", {"roles": {"old": ["Viewer"]}}),
        ]

    def test_a_name_that_is_taken_is_told_at_its_field(self, browser: Any, admin: Any, person: Any) -> None:
        user = person(name="one")
        person(name="two")

        answer = browser(admin).post(f"{USERS}{user.pk}/change/", account(user, username="two"))

        assert "username" in answer.context["adminform"].form.errors

    def test_a_superuser_sets_anothers_password(
        self, browser: Any, admin: Any, person: Any, news: Any
    ) -> None:
        user = person(name="vic")
        client = browser(admin)
        form = {"new_password1": NEW, "new_password2": NEW}
        assert client.get(f"{USERS}{user.pk}/password/").status_code == 200

        answer = client.post(f"{USERS}{user.pk}/password/", form)

        assert answer.status_code == 302
        assert User.objects.get(pk=user.pk).check_password(NEW)
        (entry,) = news(operation="USER_CHANGED")
        assert NEW not in str(entry.changes)

    def test_a_weak_password_is_refused(self, browser: Any, admin: Any, person: Any) -> None:
        user = person()

        form = {"new_password1": "12345", "new_password2": "12345"}
        answer = browser(admin).post(f"{USERS}{user.pk}/password/", form)

        assert answer.status_code == 200
        assert User.objects.get(pk=user.pk).check_password(PASSWORD)

    def test_an_account_is_deleted_and_its_name_kept(
        self, browser: Any, admin: Any, person: Any, news: Any
    ) -> None:
        user = person(name="gone")

        browser(admin).post(f"{USERS}{user.pk}/delete/", {"post": "yes"})

        assert not User.objects.filter(username="gone").exists()
        assert [row.record_id for row in news(operation="USER_CHANGED")] == ["user gone"]

    def test_people_change_their_own_password_and_stay_logged_in(self, person: Any, news: Any) -> None:
        person("Viewer", name="vic")
        client = Client()
        assert client.login(username="vic", password=PASSWORD)
        news()

        form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
        answer = client.post("/admin/password_change/", form)

        assert answer.status_code == 302
        assert client.get("/admin/").status_code == 200
        assert User.objects.get(username="vic").check_password(NEW)
        assert [row.record_id for row in news(operation="USER_CHANGED")] == ["user vic"]


class TestDisabling:
    def test_closes_every_page_at_once_and_can_be_taken_back(
        self, browser: Any, admin: Any, person: Any, news: Any
    ) -> None:
        user = person("Viewer", name="vic")
        client, theirs = browser(admin), browser(user)
        assert theirs.get("/admin/").status_code == 200
        news()

        client.post(f"{USERS}{user.pk}/activity/", {"active": "no"})

        assert theirs.get("/admin/").status_code == 302
        page = client.get(f"{USERS}{user.pk}/change/").content.decode()
        assert "Disabled" in page
        assert [row.changes for row in news(operation="USER_CHANGED")] == [
            {"is_active": {"old": True, "new": False}}
        ]
        client.post(f"{USERS}{user.pk}/activity/", {"active": "yes"})
        assert User.objects.get(pk=user.pk).is_active

    def test_is_for_those_who_may(
        self, browser: Any, manager: User, editor: Any, person: Any, news: Any
    ) -> None:
        chief = person("Administrator", name="chief")
        desk, stranger = browser(manager), browser(editor)
        news()

        answers = [
            desk.post(f"{USERS}{chief.pk}/activity/", {"active": "no"}),
            stranger.post(f"{USERS}{chief.pk}/activity/", {"active": "no"}),
            desk.get(f"{USERS}{chief.pk}/activity/"),
        ]

        assert [answer.status_code for answer in answers] == [302, 403, 405]
        assert User.objects.get(pk=chief.pk).is_active
        assert [row.error_code for row in news(success=False)] == ["PERMISSION_DENIED"] * 2

    def test_spares_the_last_superuser(self, browser: Any, admin: Any) -> None:
        answer = browser(admin).post(f"{USERS}{admin.user.pk}/activity/", {"active": "no"}, follow=True)

        assert "is the last superuser who can log in" in answer.content.decode()
        assert User.objects.get(pk=admin.user.pk).is_active


class TestThePageOfAPerson:
    def test_shows_what_they_did_last_as_far_as_the_reader_may_see_it(
        self, browser: Any, admin: Any, manager: User, person: Any
    ) -> None:
        user = person("Viewer", name="vic")
        theirs = browser(user)
        theirs.get("/admin/catalog/author/")
        theirs.get("/admin/catalog/book/")
        address = f"{USERS}{user.pk}/change/"

        def told(page: str) -> set[str]:
            return set(re.findall(r"<td>(authors|books)</td>", page))

        assert told(browser(admin).get(address).content.decode()) == {"authors", "books"}
        assert told(browser(manager).get(address).content.decode()) == {"books"}

    def test_closes_the_roles_that_the_reader_can_not_give(
        self, browser: Any, manager: User, person: Any
    ) -> None:
        user = person(name="vic")

        page = browser(manager).get(f"{USERS}{user.pk}/change/").content.decode()

        def is_closed(name: str) -> bool:
            (found,) = re.findall(f'<input type="checkbox" name="groups" value="{role(name).pk}"[^>]*>', page)
            return " disabled" in found

        assert is_closed("Administrator")
        assert not is_closed("Front desk")
        assert is_closed("Editor")

    def test_of_somebody_who_holds_more_offers_nothing(
        self, browser: Any, manager: User, person: Any
    ) -> None:
        client = browser(manager)

        for user in (person("Administrator", name="chief"), person(name="root", is_superuser=True)):
            page = client.get(f"{USERS}{user.pk}/change/").content.decode()
            assert "it may do what you may not" in page
            assert not any(told in page for told in ('name="_save"', "/activity/", "/password/", "/delete/"))

    def test_of_a_program_offers_nothing(self, browser: Any, admin: Any) -> None:
        program = service_users.get("schedule", role="Viewer")

        page = browser(admin).get(f"{USERS}{program.pk}/change/").content.decode()

        assert "Nobody can change this account" in page
        assert 'name="_save"' not in page
        assert "/activity/" not in page


class TestPrograms:
    def test_are_not_made_of_people_by_a_forged_form(self, browser: Any, admin: Any, person: Any) -> None:
        user = person(name="vic")
        forged = {"service_user": user.pk, "serviceuser": "on", "user": user.pk, "user_id": user.pk}

        browser(admin).post(f"{USERS}{user.pk}/change/", account(user) | forged)

        assert not ServiceUser.objects.exists()

    def test_get_no_password_and_no_right_to_log_in(self, browser: Any, admin: Any, news: Any) -> None:
        program, client = service_users.get("schedule", role="Viewer"), browser(admin)
        news()

        client.post(f"{USERS}{program.pk}/password/", {"new_password1": NEW, "new_password2": NEW})
        client.post(f"{USERS}{program.pk}/change/", account(program, username="sheila"))

        now = User.objects.get(pk=program.pk)
        assert (now.username, now.is_staff, now.has_usable_password()) == ("schedule", False, False)
        assert [row.error_code for row in news(success=False)] == ["PERMISSION_DENIED"] * 2


class TestTheLastSuperuser:
    def test_stays_as_it_is_and_the_page_says_why(self, browser: Any, admin: Any, news: Any) -> None:
        client, ada, told = browser(admin), admin.user, "is the last superuser who can log in."
        news()

        page = client.post(f"{USERS}{ada.pk}/change/", account(ada, is_superuser=None))
        deleted = client.post(f"{USERS}{ada.pk}/delete/", {"post": "yes"}, follow=True)

        assert told in page.content.decode()
        assert told in deleted.content.decode()
        assert User.objects.get(pk=ada.pk).is_superuser
        assert [row.error_code for row in news(success=False)] == ["CONFLICT", "CONFLICT"]


class TestEscalation:
    def test_a_manager_makes_no_superuser(self, browser: Any, manager: User, person: Any, news: Any) -> None:
        user = person(name="friend")
        client = browser(manager)
        news()

        answers = [
            client.post(f"{USERS}{user.pk}/change/", account(user, is_superuser="on")),
            client.post(f"{USERS}{manager.pk}/change/", account(manager, is_superuser="on")),
            client.post(
                f"{USERS}add/",
                {"username": "evil", "password1": NEW, "password2": NEW, "is_superuser": "on"},
            ),
        ]

        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert not User.objects.filter(is_superuser=True).exists()
        assert not User.objects.filter(username="evil").exists()
        assert [row.operation for row in news(success=False)] == ["USER_CHANGED"] * 3

    def test_a_manager_gives_no_role_with_rights_they_lack(
        self, browser: Any, manager: User, person: Any, news: Any
    ) -> None:
        user, client = person(name="friend"), browser(manager)
        news()

        for somebody in (user, manager):
            groups = [*account(somebody)["groups"], role("Administrator").pk]
            answer = client.post(f"{USERS}{somebody.pk}/change/", account(somebody, groups=groups))
            assert "rights that you do not hold" in answer.content.decode()

        assert not role("Administrator").user_set.exists()
        assert [row.error_code for row in news(success=False)] == ["PERMISSION_DENIED"] * 2

    def test_a_manager_ticks_no_right_they_lack(self, browser: Any, manager: User, news: Any) -> None:
        group, client = role("Front desk"), browser(manager)
        held = ["manage_access:", "read:books"]
        news()

        refused = client.post(
            f"{ROLES}{group.pk}/change/", {"name": "Front desk", "grants": [*held, "update:books"]}
        )
        made = client.post(f"{ROLES}add/", {"name": "Evil", "grants": ["view_audit:"]})

        assert "rights that you do not hold: update on books" in refused.content.decode()
        assert " checked" in box(refused.content.decode(), "update:books")
        assert made.status_code == 200
        assert roles.grants_of(group) == {("manage_access", ""), ("read", "books")}
        assert not Group.objects.filter(name="Evil").exists()
        assert [row.operation for row in news(success=False)] == ["GRANT", "GRANT"]

    def test_a_manager_takes_over_no_account_that_holds_more(
        self, browser: Any, manager: User, person: Any, news: Any
    ) -> None:
        chief, root = person("Administrator", name="chief"), person(name="root", is_superuser=True)
        client = browser(manager)
        news()

        for user in (chief, root):
            client.post(f"{USERS}{user.pk}/password/", {"new_password1": NEW, "new_password2": NEW})
            client.post(f"{USERS}{user.pk}/change/", account(user, email="mine@example.org", groups=[]))
            client.post(f"{USERS}{user.pk}/delete/", {"post": "yes"})

        for user in (chief, root):
            now = User.objects.get(pk=user.pk)
            assert (now.check_password(PASSWORD), now.email) == (True, "")
        assert role("Administrator").user_set.count() == 1
        assert [row.error_code for row in news(success=False)] == ["PERMISSION_DENIED"] * 6

    @pytest.mark.parametrize("page", [USERS, ROLES, f"{USERS}add/", f"{ROLES}add/"])
    def test_who_does_not_manage_access_sees_no_page_of_it(
        self, browser: Any, editor: Any, news: Any, page: str
    ) -> None:
        client = browser(editor)
        news()

        assert client.get(page).status_code == client.post(page).status_code == 403
        assert {row.error_code for row in news(success=False)} == {"PERMISSION_DENIED"}
        assert "Roles" not in client.get("/admin/").content.decode()


class TestRoles:
    def test_a_role_is_made_changed_and_deleted(
        self, browser: Any, admin: Any, person: Any, news: Any
    ) -> None:
        client = browser(admin)
        grants = ["read:books", "read:authors", "approve:"]
        client.post(f"{ROLES}add/", {"name": "Readers", "grants": grants})
        group = role("Readers")
        assert roles.grants_of(group) == {("read", "books"), ("read", "authors"), ("approve", "")}
        page = client.get(f"{ROLES}{group.pk}/change/").content.decode()
        assert " checked" in box(page, "read:books")
        assert " checked" not in box(page, "update:books")
        user = person()
        user.groups.add(group)
        news()

        client.post(f"{ROLES}{group.pk}/change/", {"name": "Book readers", "grants": ["read:books"]})
        changed = [(row.operation, row.record_id, row.changes) for row in news() if row.operation != "QUERY"]
        client.post(f"{ROLES}{group.pk}/delete/", {"post": "yes"})

        assert changed == [
            ("GRANT", "role Book readers", {"name": {"old": "Readers", "new": "Book readers"}}),
            ("REVOKE", "role Book readers", {"rights": {"old": ["approve", "read on authors"]}}),
        ]
        assert not Group.objects.filter(pk=group.pk).exists()
        assert [row.operation for row in news()] == ["REVOKE", "REVOKE"]

    def test_a_role_is_freed_from_plans_and_bound_again(self, browser: Any, admin: Any, news: Any) -> None:
        client, group = browser(admin), role("Backup operator")
        page = f"{ROLES}{group.pk}/change/"
        form = {"name": group.name, "grants": [":".join(grant) for grant in roles.grants_of(group)]}

        client.post(page, form | {"freed": ["DELETE_BACKUP"]})
        freed = client.get(page).content.decode()
        news(operation="GRANT")
        client.post(page, form)

        assert 'value="DELETE_BACKUP" checked> Delete backup' in freed
        assert 'value="RESTORE_FULL"> Restore full' in freed
        assert roles.freed_of(group) == frozenset()
        assert [row.changes for row in news(operation="REVOKE")] == [
            {"without_plan": {"old": ["DELETE_BACKUP"]}}
        ]

    def test_does_not_overwrite_what_another_changed(self, browser: Any, admin: Any) -> None:
        client, group = browser(admin), role("Viewer")
        page = f"{ROLES}{group.pk}/change/"
        (state,) = re.findall(r'name="state" value="(\w+)"', client.get(page).content.decode())
        client.post(page, {"name": "Viewer", "grants": ["read:books"], "state": state})

        answer = client.post(page, {"name": "Viewer", "grants": ["read:authors"], "state": state})

        assert "Somebody has changed Viewer since you opened this page" in answer.content.decode()
        assert roles.grants_of(group) == {("read", "books")}

    def test_closes_what_the_person_does_not_hold(self, browser: Any, manager: User) -> None:
        page = browser(manager).get(f"{ROLES}{role('Viewer').pk}/change/").content.decode()

        assert " disabled" in box(page, "update:books")
        assert " disabled" in box(page, "view_audit:")
        assert " disabled" not in box(page, "read:books")
        assert " disabled" not in box(page, "read:authors")  # the role has it: it may be taken
        assert " disabled" not in box(page, "manage_access:")
        assert " disabled" in box(page, "RESTORE_FULL")

    def test_a_built_in_role_keeps_its_name_and_stays(self, browser: Any, admin: Any) -> None:
        client, viewer = browser(admin), role("Viewer")
        grants = [":".join(grant) for grant in roles.grants_of(viewer)]

        renamed = client.post(f"{ROLES}{viewer.pk}/change/", {"name": "Mine", "grants": grants})
        client.post(f"{ROLES}{viewer.pk}/delete/", {"post": "yes"})

        assert renamed.context["adminform"].form.errors.keys() == {"name"}
        assert role("Viewer") == viewer
        assert roles.grants_of(viewer)

    def test_a_name_that_is_taken_or_a_right_that_there_is_not_is_told(
        self, browser: Any, admin: Any
    ) -> None:
        client = browser(admin)

        taken = client.post(f"{ROLES}add/", {"name": "Viewer"})
        unknown = client.post(f"{ROLES}add/", {"name": "New", "grants": ["fly:books"]})

        assert taken.context["adminform"].form.errors.keys() == {"name"}
        assert unknown.context["adminform"].form.errors.keys() == {"grants"}
