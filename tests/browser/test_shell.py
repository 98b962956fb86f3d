"""The frame of every page at work: the search box, keys, the theme, the navigation, one's sessions."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser import looking
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.usefixtures("library")


def test_ctrl_k_finds_records_pages_and_commands(visit: Callable[..., Visitor]) -> None:
    visitor = visit("Viewer")
    page = visitor.go("")

    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search records, pages and commands")
    expect(box).to_be_focused()
    page.keyboard.type("wonderland alice")
    option = page.get_by_role("option", name=re.compile("Alice's Adventures in Wonderland"))
    expect(option).to_have_attribute("aria-selected", "true")
    assert visitor.violations() == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Alice's Adventures in Wonderland")

    page.wait_for_load_state()  # with its scripts
    page.keyboard.press("Control+k")
    page.keyboard.type("nothing is called so")
    expect(page.get_by_text("Nothing is called that.")).to_be_visible()
    box.fill("time even")
    expect(page.get_by_role("option", name=re.compile("^Timeline events"))).to_be_visible()
    box.fill("theme dark")
    expect(page.get_by_role("option", name="Theme: Dark")).to_be_visible()
    with page.expect_response("**/profile/theme/"):
        page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_ctrl_k_does_what_the_buttons_of_a_page_do(visit: Callable[..., Visitor]) -> None:
    page = visit("Editor").go("catalog/author/")
    page.get_by_role("link", name="Lewis Carroll").click()
    page.locator("#id_name").fill("Charles Lutwidge Dodgson")
    page.wait_for_load_state()

    page.keyboard.press("Control+k")
    page.keyboard.type("save and cont")
    expect(page.get_by_role("option", name="Save and continue editing")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Charles Lutwidge Dodgson")
    page.wait_for_load_state()
    page.keyboard.press("Control+k")
    page.keyboard.type("histo")
    page.get_by_role("option", name="History", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="History")).to_be_visible()


def test_keys_go_through_a_list_and_can_be_turned_off(visit: Callable[..., Visitor]) -> None:
    visitor = visit("Editor")
    page = visitor.go("catalog/author/")

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert visitor.violations() == []
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#result_list tbody tr").nth(1).get_by_role("link").first).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("#result_list tbody tr").nth(1).get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("/")
    expect(page.locator("#searchbar")).to_be_focused()
    page.keyboard.type("n?")
    expect(page.locator("#searchbar")).to_have_value("n?")

    visitor.go("profile/")
    page.get_by_role("button", name="Turn single keys off").click()
    expect(page.get_by_role("button", name="Turn single keys on")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_navigation_is_a_drawer_on_a_small_screen(visit: Callable[..., Visitor]) -> None:
    visitor = visit("Viewer", **looking.NARROW)
    page = visitor.go("")
    drawer = page.get_by_role("navigation", name="Tables and pages")
    expect(drawer).to_be_hidden()

    page.get_by_role("button", name="Tables and pages").click()
    expect(page.get_by_label("Filter tables and pages")).to_be_focused()
    assert looking.faults(page, visitor.known) == []
    page.keyboard.type("arcs")
    expect(drawer.get_by_role("link")).to_have_count(2)  # the other closes it
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Character arcs")
    expect(drawer).to_be_hidden()
    assert visitor.overflow() <= 0


def test_what_is_typed_before_a_script_is_there_counts(visit: Callable[..., Visitor]) -> None:
    visitor = visit("Viewer")

    with visitor.late("**/nav.js"):
        visitor.go("")
        visitor.page.get_by_label("Filter tables and pages").fill("arcs")

    drawer = visitor.page.get_by_role("navigation", name="Tables and pages")
    expect(drawer.get_by_role("link", name="Character arcs")).to_be_visible()
    expect(drawer.get_by_role("link", name="Books", exact=True)).to_be_hidden()


def test_a_session_is_ended_from_another(visit: Callable[..., Visitor]) -> None:
    here, there = visit("Viewer", name="vera"), visit("Viewer", name="vera")
    page = here.go("profile/")
    assert here.violations() == []
    assert there.go("profile/").url.endswith("/profile/")

    page.get_by_role("button", name=re.compile("^End the session of")).click()

    expect(page.get_by_text("1 session was ended.")).to_be_visible()
    assert "/login/" in there.go("profile/").url
