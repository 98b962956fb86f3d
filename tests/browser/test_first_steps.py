"""What everybody does first: log in, find a record, edit it; and what those see who are lost."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from playwright.sync_api import expect

from catalog.models import Book
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.usefixtures("library")


def test_somebody_logs_in_finds_a_book_and_edits_it(visit: Callable[..., Visitor]) -> None:
    visitor = visit(name="edith", is_superuser=True)
    user = User.objects.get(username="edith")
    user.set_password("correct horse")
    user.save()
    visitor.context.clear_cookies()

    page = visitor.go("")
    assert visitor.wrong() == []
    page.get_by_label("Username:").fill("edith")
    page.get_by_label("Password:").fill("incorrect")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Please enter the correct username")).to_be_visible()
    assert visitor.wrong() == []
    page.get_by_label("Username:").fill("edith")
    page.get_by_label("Password:").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    visitor.go("catalog/book/")
    page.get_by_role("link", name="Alice's Adventures in Wonderland").click()
    page.get_by_label("Title", exact=False).first.fill("Alice Underground")
    page.get_by_role("button", name=re.compile("^Save$")).click()

    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Book.objects.filter(title="Alice Underground").exists()


def test_whoever_is_lost_or_may_not_is_told_on_a_page_that_is_fit_to_be_seen(
    visit: Callable[..., Visitor],
) -> None:
    visitor = visit("Viewer")
    page = visitor.page
    page.route("**/broken/", lambda route: route.fulfill(status=500, body=render_to_string("500.html")))

    for path, heading in (
        ("nowhere/", "Not found"), ("auth/group/", "You can't do this"), ("broken/", "Something went wrong")
    ):  # fmt: skip
        visitor.go(path)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert visitor.wrong() == [], path

    assert [re.search("status of ([0-9]+)", fault)[1] for fault in visitor.faults] == ["404", "403", "500"]
    visitor.faults.clear()
