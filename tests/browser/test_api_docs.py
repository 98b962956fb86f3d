"""The page of the REST API: from this server alone, under its security policy, light and dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from guardian.shortcuts import assign_perm
from playwright.sync_api import Locator, expect

from accesscontrol.models import CatalogTable
from tests.browser import looking
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.django_db(transaction=True)

DOCS = "/api/v1/docs/"
SWAGGERS_OWN = (
    "heading-order",
    "nested-interactive",
    "region",
    "scrollable-region-focusable",
)  # are not ours to mend


@pytest.fixture
def reader(transactional_db: None) -> str:
    """A role that reads books; of a whole library the page has thirty times as much to draw."""
    role = Group.objects.create(name="Reader of books")
    assign_perm("read", role, CatalogTable.objects.get(pk="books"))
    return role.name


def wrong(visitor: Visitor, part: Locator) -> list[str]:
    """Return what is wrong with a part of the page, but for how Swagger UI is built."""
    parts = part.evaluate_handle("(part) => [part]")
    found = looking.violations(visitor.page, visitor.known, parts)
    return [fault for fault in found if not fault.startswith(SWAGGERS_OWN)]


def test_it_shows_what_its_reader_may_do_and_lets_them_try(
    visit: Callable[..., Visitor], reader: str
) -> None:
    visitor = visit(reader)
    page, hosts = visitor.page, set()
    page.on("request", lambda request: hosts.add(request.url.split("/api/")[0].split("/static/")[0]))

    page.goto(f"{visitor.address}{DOCS}")

    expect(page.locator(".info .title")).to_contain_text("Database Admin Server")
    for is_dark in (True, False):
        page.emulate_media(color_scheme="dark" if is_dark else "light")
        expect(page.locator("html.dark-mode")).to_have_count(int(is_dark))
        assert wrong(visitor, page.locator("body")) == []
    tag = page.locator("#operations-tag-books")
    tag.click()
    expect(page.locator("[id='operations-books-get_books']")).to_be_visible()
    expect(page.locator("[id='operations-books-post_books']")).to_have_count(0)
    me = page.locator("[id='operations-account-get_me']")
    page.locator("#operations-tag-account").click()
    me.locator("button.opblock-summary-control").click()
    me.get_by_role("button", name="Try it out").click()
    me.get_by_role("button", name="Execute").click()
    expect(me.locator(".live-responses-table td.response-col_status").last).to_contain_text("200")
    assert hosts == {visitor.address}
    assert wrong(visitor, me) == []


def test_strangers_are_led_to_the_login(client: Client) -> None:
    answer = client.get(DOCS)

    assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={DOCS}")
