"""The diagram of the tables, by mouse and without."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser import looking
from tests.browser.conftest import Visitor


def near(page: Page) -> set[str]:
    """The tables that the drawing shows as tied to the one that is looked at."""
    found = page.locator(".node.near, .node.here").evaluate_all("nodes => nodes.map(n => n.dataset.table)")
    return set(found)


def test_tables_are_looked_at_and_opened_with_the_keyboard(visit: Callable[..., Visitor]) -> None:
    visitor = visit("Viewer")
    page = visitor.go("diagram/")
    assert visitor.violations() == []
    tropes = {"tropes", "book_tropes"}

    page.get_by_role("link", name=re.compile("^Tropes, ")).focus()
    assert near(page) == tropes
    page.get_by_role("link", name=re.compile("^Authors, ")).hover()
    assert near(page) == {"authors", "series", "books"}
    page.get_by_role("heading", name="Diagram of the tables").hover()
    assert near(page) == tropes
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Tropes", exact=True)).to_be_visible()


def test_the_drawing_is_zoomed(visit: Callable[..., Visitor]) -> None:
    page = visit("Viewer").go("diagram/")
    drawing = page.locator(".canvas svg")
    level = page.locator("[data-zoom-level]")
    zoom = page.get_by_role("group", name="Zoom", exact=True)
    width = int(drawing.get_attribute("data-width") or 0)

    expect(level).to_have_text("75 %")
    zoom.get_by_role("button", name="Zoom in").click()
    expect(level).to_have_text("90 %")
    assert int(drawing.get_attribute("width") or 0) == round(width * 0.9)
    page.locator(".canvas").press("0")
    assert int(drawing.get_attribute("width") or 0) <= page.locator(".canvas").evaluate("c => c.clientWidth")
    page.locator(".canvas").press("+")
    expect(level).not_to_have_text("75 %")


def test_the_way_between_two_tables_is_shown_on_a_small_screen_too(visit: Callable[..., Visitor]) -> None:
    visitor = visit("Viewer", width=360, dark=True)
    page = visitor.go("diagram/")

    page.get_by_label("Way from").select_option("authors")
    page.get_by_label("to", exact=True).select_option("tropes")
    page.get_by_role("button", name="Show the way").click()

    steps = page.get_by_role("status").get_by_role("listitem")
    expect(steps).to_have_count(3)
    expect(page.locator(".node.on-way")).to_have_count(4)
    expect(page.locator(".node.on-way").first).to_be_in_viewport()
    page.set_viewport_size(looking.WIDE)
    page.reload()
    page.locator(".canvas").scroll_into_view_if_needed()
    for node in page.locator(".node.on-way").all():
        expect(node).to_be_in_viewport(ratio=0.99)
    page.set_viewport_size(looking.NARROW)
    assert visitor.overflow() == 0
    assert visitor.violations() == []
