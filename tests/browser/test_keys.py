"""API keys at a browser: made, copied with one click, changed, given a new secret, and revoked."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Visitor

KEY = re.compile(r"dbas_[A-Za-z0-9]{12}_[\w-]{43}")


def test_a_key_is_made_copied_narrowed_renewed_and_revoked(visit: Callable[..., Visitor]) -> None:
    somebody = visit("Writer")
    page = somebody.go("keys/add/")
    page.get_by_label("Name").fill("nightly")
    page.get_by_label("Addresses").fill("127.0.0.0/8\n2001:db8::/32")
    page.get_by_label("Add records").check()
    page.get_by_text("On single tables").click()
    page.get_by_label("read in Books").check()
    assert somebody.wrong() == []

    page.get_by_role("button", name="Make the key").click()
    shown = page.locator(".key-text code")
    text = shown.inner_text()
    assert KEY.fullmatch(text)
    shown.click()
    assert page.evaluate("String(getSelection())") == text
    assert somebody.wrong() == []

    page.get_by_role("link", name="I have copied it").click()
    row = page.get_by_role("row").filter(has_text="nightly")
    expect(row.get_by_role("cell").first).to_have_text("insert read:books")
    assert somebody.wrong() == []

    page.get_by_role("link", name="nightly", exact=True).click()
    page.get_by_label("Add records").uncheck()
    assert somebody.wrong() == []
    page.get_by_role("button", name="Save").click()
    expect(row.get_by_role("cell").first).to_have_text("read:books")

    page.get_by_role("link", name="nightly", exact=True).click()
    page.get_by_role("button", name="Make a new secret").click()
    assert KEY.fullmatch(shown.inner_text())
    assert shown.inner_text() != text

    somebody.go("keys/")
    page.get_by_role("link", name="Revoke nightly").click()
    assert somebody.wrong() == []
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_text("There is none.")).to_be_visible()
