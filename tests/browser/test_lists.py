"""Lists as people use them: narrow one, keep it, and edit what it shows."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from catalog.models import Book, SavedView, Scene
from tests.browser import looking

pytestmark = pytest.mark.usefixtures("library")


def test_a_list_is_narrowed_by_name_and_kept_as_a_view(visit):
    visitor = visit(is_superuser=True)

    with visitor.late("**/typeahead.js"):
        page = visitor.go("catalog/scene/")
        page.get_by_text("Filters", exact=True).click()
        page.get_by_role("textbox", name="Chapter: another record").press_sequentially("rabbit")
    chapter = page.get_by_role("combobox", name="Chapter: find a record by its name")
    expect(page.get_by_role("option", name="Down the Rabbit-Hole")).to_be_visible()
    assert visitor.violations() == []
    chapter.press("ArrowDown")
    chapter.press("Enter")
    page.get_by_role("button", name="Apply").click()

    expect(page.get_by_role("list", name="Filters in use")).to_contain_text("Down the Rabbit-Hole")
    found = Scene.objects.filter(chapter__title="Down the Rabbit-Hole").count()
    expect(page.locator("#result_list tbody tr")).to_have_count(found)
    assert "word_count" not in page.url  # what was left empty is no part of the address

    page.get_by_text("Views", exact=True).click()
    page.get_by_label("Keep this list as").fill("Underground")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_text("This list is kept as “Underground”.")).to_be_visible()
    visitor.go("catalog/scene/")
    page.get_by_text("Views", exact=True).click()
    page.get_by_role("link", name="Underground").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(found)
    assert SavedView.objects.get().query.startswith("chapter_id=")


def test_ticked_rows_are_edited_after_a_preview(visit):
    visitor = visit(is_superuser=True)
    page = visitor.go("catalog/book/?o=title")
    rows = page.locator(".action-select")

    rows.nth(0).click()
    rows.nth(2).click(modifiers=["Shift"])
    expect(page.get_by_role("status").filter(has_text="3 chosen")).to_be_visible()
    assert visitor.wrong() == []
    with visitor.late("**/bulk.js"):
        page.get_by_role("button", name="Edit", exact=True).click()
        page.get_by_role("group", name="Genre shall be").get_by_role("textbox").fill("Picked")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(1)
    expect(page.get_by_role("checkbox", name="Genre")).to_be_checked()
    page.get_by_role("group", name="Description shall be").get_by_role("textbox").fill("Not so")
    page.get_by_role("checkbox", name="Description").uncheck()
    assert visitor.wrong() == []
    page.get_by_role("button", name="Show what will change").click()
    expect(page.locator("ins")).to_have_text(["Picked"] * 3)
    assert not Book.objects.filter(genre="Picked").exists()
    page.get_by_role("button", name="Change 3 records").click()

    expect(page.get_by_text("Changed 3 books.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?o=title$"))
    assert Book.objects.filter(genre="Picked").count() == 3


def test_a_list_is_whole_on_every_screen(visit):
    visitor = visit(is_superuser=True)
    page = visitor.go("catalog/plotthread/?thread_type__isnull=0")

    for look, found in looking.looks(page, visitor.known):
        assert found == [], look
        page.locator("summary", has_text="Filters").click()
        expect(page.get_by_role("button", name="Apply")).to_be_in_viewport(ratio=1)  # and covers nothing
        assert visitor.violations() == [], look
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Apply")).to_be_hidden()
