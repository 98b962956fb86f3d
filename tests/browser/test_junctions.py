"""Rows that tie records together, edited where people see them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from catalog.models import Book, BookTrope, Trope
from tests.browser import looking
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.usefixtures("library")

TITLE = "Alice's Adventures in Wonderland"


def tropes_of(title: str) -> dict[str, int | None]:
    tied = BookTrope.objects.filter(book__title=title)
    return dict(tied.values_list("trope__name", "prominence"))


def part(page: Page) -> Locator:
    """The part of the form with the tropes of a book."""
    return page.get_by_role("group", name="Tropes")


def test_somebody_edits_the_tropes_of_a_book_without_a_mouse(visit: Callable[..., Visitor]) -> None:
    visitor = visit("Editor")
    book = Book.objects.get(title=TITLE)
    Trope.objects.create(name="Unreliable clock")
    before = tropes_of(TITLE)
    gone, *kept = before
    page = visitor.go(f"catalog/book/{book.pk}/change/")

    part(page).get_by_role("button", name="Add trope").press("Enter")
    page.keyboard.type("unrel clo")
    expect(part(page).get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("9")
    part(page).get_by_role("checkbox", name=f"Remove {gone}").press("Space")
    page.keyboard.press("Control+s")

    expect(page.get_by_text("less than or equal to 5")).to_be_visible()
    assert tropes_of(TITLE) == before
    assert visitor.violations() == []
    part(page).get_by_role("row").last.get_by_role("spinbutton").fill("3")
    page.keyboard.press("Control+s")

    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert tropes_of(TITLE) == {name: before[name] for name in kept} | {"Unreliable clock": 3}


def test_a_new_row_that_is_discarded_is_not_saved(visit: Callable[..., Visitor]) -> None:
    page = visit("Editor", width=360).go(f"catalog/book/{Book.objects.get(title=TITLE).pk}/change/")
    rows = part(page).get_by_role("row")
    count = rows.count()

    part(page).get_by_role("button", name="Add trope").click()
    expect(rows).to_have_count(count + 1)
    part(page).get_by_role("button", name="Discard").click()

    expect(rows).to_have_count(count)
    expect(part(page).get_by_role("button", name="Add trope")).to_be_focused()


def test_the_list_is_narrowed_by_a_name_and_rows_are_removed(visit: Callable[..., Visitor]) -> None:
    visitor = visit("Editor")
    page = visitor.go("catalog/booktrope/")
    assert visitor.violations() == []

    page.get_by_role("combobox", name="Book").press_sequentially("alice adv")
    page.get_by_role("option", name=TITLE).click()
    page.get_by_role("search", name="Narrow the list").get_by_role("button").click()
    expect(page.get_by_role("combobox", name="Book")).to_have_value(f"{TITLE} (#1)")
    before = tropes_of(TITLE)
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(len(before))
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.get_by_role("button", name="Remove the chosen").click()
    expect(page.get_by_role("heading", name="Remove 2 rows?")).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name="Remove").click()

    expect(page.get_by_text("Removed 2 rows.")).to_be_visible()
    expect(boxes).to_have_count(len(before) - 2)
    assert len(tropes_of(TITLE)) == len(before) - 2


def test_the_pages_fit_a_small_screen(visit: Callable[..., Visitor]) -> None:
    visitor = visit("Editor", **looking.NARROW)

    for address in ("", "add/", "1:1/change/", "1:1/delete/", "?q=nothing"):
        page = visitor.go(f"catalog/booktrope/{address}")

        assert looking.faults(page, visitor.known) == [], address
