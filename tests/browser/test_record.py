"""The page of a record: rows instead of JSON, words counted, and two people who edit the same."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from catalog.models import Character, Scene
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.usefixtures("library")

NAME = "White Rabbit"


@pytest.fixture
def rabbit(library: None) -> Character:
    return Character.objects.get(name=NAME)


def save(page: Page) -> None:
    page.keyboard.press("Control+s")
    expect(page.get_by_text("was changed successfully")).to_be_visible()


def choose(page: Page, which: str, column: str) -> Locator:
    """Return the button of one of the two versions of a column."""
    return page.get_by_role("group", name=column, exact=True).get_by_role("radio", name=which)


def test_lists_and_attributes_are_edited_in_rows_by_keys_alone(
    visit: Callable[..., Visitor], rabbit: Character
) -> None:
    visitor = visit("Editor")
    page = visitor.go(f"catalog/character/{rabbit.pk}/change/")
    aliases = page.get_by_role("group", name="Aliases", exact=True)
    attributes = page.get_by_role("group", name="Attributes", exact=True)

    aliases.get_by_role("button", name="Add an item").press("Enter")
    page.keyboard.type("Mr. Rabbit")
    page.keyboard.press("Enter")
    page.keyboard.type("Herald\nof the court".replace("\n", " "))
    page.keyboard.press("Alt+ArrowUp")
    attributes.get_by_role("button", name="Add an attribute").press("Enter")
    page.keyboard.type("height")
    page.keyboard.press("Tab")
    page.keyboard.type("Number")
    page.keyboard.press("Tab")
    page.keyboard.type("tall")
    page.keyboard.press("Control+s")
    expect(attributes.get_by_label("Value", exact=True).last).to_have_js_property(
        "validity.customError", True
    )
    attributes.get_by_label("Value", exact=True).last.fill("1.5")
    assert visitor.violations() == []
    save(page)

    rabbit.refresh_from_db()
    assert rabbit.aliases == ["Herald of the court", "Mr. Rabbit"]
    assert rabbit.attributes == {"props": ["watch", "gloves", "fan", "trumpet"], "height": 1.5}


def test_what_nobody_touched_is_not_changed_by_the_rows(
    visit: Callable[..., Visitor], rabbit: Character
) -> None:
    kept = {"big": 12345678901234567890, "deep": {"a": [1, None]}, "": "no name", "yes": True, "none": None}
    Character.objects.filter(pk=rabbit.pk).update(aliases=["two\nlines", ""], attributes=kept)
    visitor = visit("Editor")
    page = visitor.page

    with visitor.late("**/structures.js"):
        visitor.go(f"catalog/character/{rabbit.pk}/change/")
        page.locator("#id_attributes").focus()
    expect(page.locator("#id_attributes")).to_be_focused()  # it stays a text where somebody is at it
    attributes = page.get_by_role("group", name="Attributes", exact=True)
    attributes.get_by_role("button", name="Edit in rows").click()
    page.get_by_label("Goals").fill("To be early, for once.")
    attributes.get_by_role("button", name="Edit as text").click()
    expect(page.locator("#id_attributes")).to_be_visible()
    attributes.get_by_role("button", name="Edit in rows").click()
    save(page)

    rabbit.refresh_from_db()
    assert (rabbit.goals, rabbit.aliases, rabbit.attributes) == (
        "To be early, for once.", ["two\nlines", ""], kept,
    )  # fmt: skip


def test_a_changed_row_leaves_the_others_as_they_were(
    visit: Callable[..., Visitor], rabbit: Character
) -> None:
    kept = {"big": 12345678901234567890, "deep": {"a": [1, None]}, "yes": True, "none": None}
    Character.objects.filter(pk=rabbit.pk).update(attributes={**kept, "said": "Oh dear!"})
    page = visit("Editor").go(f"catalog/character/{rabbit.pk}/change/")
    attributes = page.get_by_role("group", name="Attributes", exact=True)

    row = attributes.get_by_role("listitem").filter(has=page.locator("textarea:not(.code)"))
    row.get_by_label("Value", exact=True).fill('Oh "dear"!')
    save(page)

    rabbit.refresh_from_db()
    assert rabbit.attributes == {**kept, "said": 'Oh "dear"!'}


def test_words_are_counted_and_taken_over(visit: Callable[..., Visitor]) -> None:
    scene = Scene.objects.exclude(content=None).order_by("pk")[0]
    page = visit("Editor").go(f"catalog/scene/{scene.pk}/change/")

    page.get_by_label("Content").fill("one two\nthree")
    expect(page.locator(".field-content output")).to_have_text("3")
    page.get_by_role("button", name="Take over as word count").click()
    save(page)

    scene.refresh_from_db()
    assert scene.word_count == 3


def test_two_who_change_the_same_choose_column_by_column(
    visit: Callable[..., Visitor], rabbit: Character
) -> None:
    mine, theirs = visit("Editor"), visit("Editor", name="wendy")
    address = f"catalog/character/{rabbit.pk}/change/"
    first, second = mine.go(address), theirs.go(address)
    for label, text in (("Role", "herald"), ("Description", "Never late."), ("Age", "7")):
        second.get_by_label(label, exact=True).fill(text)
    save(second)

    first.get_by_label("Role", exact=True).fill("messenger")
    first.get_by_label("Description", exact=True).fill("Always late.")
    first.keyboard.press("Control+s")

    expect(first.get_by_role("heading", name="Somebody else changed this record")).to_be_visible()
    expect(first.get_by_text(re.compile("^wendy, "))).to_have_count(2)
    expect(first.get_by_label("Age", exact=True)).to_have_value("7")
    assert mine.wrong() == []
    choose(first, "Keep what is there now", "Role").check()
    choose(first, "Save mine", "Description").check()
    save(first)

    rabbit.refresh_from_db()
    assert (rabbit.role, rabbit.description, rabbit.age) == ("herald", "Always late.", 7)


def test_leaving_with_something_unsaved_asks_first(visit: Callable[..., Visitor], rabbit: Character) -> None:
    visitor = visit("Editor")
    page = visitor.page
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    with visitor.late("**/record.js"):  # which must not take for saved what was typed before it came
        visitor.go(f"catalog/character/{rabbit.pk}/change/")
        page.get_by_label("Goals").fill("Unsaved")
    page.get_by_role("navigation", name="Breadcrumbs").get_by_role("link", name="Home").click()
    expect(page.get_by_label("Goals")).to_have_value("Unsaved")

    assert asked == ["beforeunload"]
