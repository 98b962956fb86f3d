"""The page of the REST API: from this server alone, under its security policy, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

pytestmark = pytest.mark.django_db(transaction=True)

DOCS = "/api/v1/docs/"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_shows_what_its_reader_may_do_and_lets_them_try(visit: Callable[..., Any], dark: bool) -> None:
    visitor = visit("Viewer", dark=dark)
    page, hosts = visitor.page, set()
    page.on("request", lambda request: hosts.add(request.url.split("/api/")[0].split("/static/")[0]))

    page.goto(f"{visitor.address}{DOCS}")

    expect(page.locator(".info .title")).to_contain_text("Database Admin Server")
    expect(page.locator("html.dark-mode")).to_have_count(int(dark))
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


def test_strangers_are_led_to_the_login(client: Client) -> None:
    answer = client.get(DOCS)

    assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={DOCS}")
