"""Rights as people set them: by clicking, with what is not saved yet in sight, and with every reason told."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect

from accesscontrol import roles
from accesscontrol.models import ColumnRule

pytestmark = pytest.mark.usefixtures("library")


def test_the_rights_on_a_table_are_set_by_clicking(visit: Any) -> None:
    visitor = visit(is_superuser=True)
    page = visitor.go("rights/")
    page.get_by_role("link", name="books", exact=True).click()
    told = page.locator("output[data-changes]")

    page.get_by_label("Viewer: export").check()
    expect(told).to_have_text("1 change not saved yet")
    page.get_by_label("Viewer: export").press("ArrowDown")
    expect(page.get_by_label("Writer: export")).to_be_focused()
    page.keyboard.press("Space")
    page.get_by_label("word_count for Viewer").select_option("hidden")
    expect(told).to_have_text("3 changes not saved yet")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("2 roles were changed.")).to_be_visible()
    assert ("export", "books") in roles.grants_of(Group.objects.get(name="Viewer"))
    assert ("export", "books") in roles.grants_of(Group.objects.get(name="Writer"))
    assert ColumnRule.objects.get().column_name == "word_count"
    expect(told).to_have_text("")


def test_a_whole_row_of_a_role_is_ticked_at_once(visit: Any) -> None:
    viewer = Group.objects.get(name="Viewer")
    visitor = visit(is_superuser=True)
    page = visitor.go(f"auth/group/{viewer.pk}/change/")

    page.get_by_role("button", name="Tick all, or none: authors", exact=True).click()
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert {right for right, table in roles.grants_of(viewer) if table == "authors"} == {
        "read", "insert", "update", "delete", "purge", "export", "import", "backup", "restore",
    }  # fmt: skip


def test_somebody_finds_out_why_a_user_may_not_do_something(visit: Any) -> None:
    writer = visit("Writer", name="wendy")
    writer.go("")
    visitor = visit(is_superuser=True)
    page = visitor.go(f"auth/user/{User.objects.get(username='wendy').pk}/change/")

    page.get_by_role("link", name="What may they do?").click()
    page.get_by_role("link", name="delete books: no", exact=True).click()

    expect(page.get_by_role("heading", name="No: wendy may not delete in books")).to_be_visible()
    expect(page.get_by_text("These roles grant it: Administrator, Data manager, Editor.")).to_be_visible()
    assert visitor.violations() == []


def test_an_account_is_disabled_with_one_click(visit: Any) -> None:
    theirs = visit("Writer", name="wendy")
    theirs.go("")
    visitor = visit(is_superuser=True)
    page = visitor.go(f"auth/user/{User.objects.get(username='wendy').pk}/change/")

    page.get_by_role("button", name="Disable").click()

    expect(page.get_by_text("wendy is disabled.")).to_be_visible()
    theirs.go("catalog/book/")
    expect(theirs.page.get_by_role("button", name="Log in")).to_be_visible()
