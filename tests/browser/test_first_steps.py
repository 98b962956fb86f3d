"""What everybody does first: log in, find a record, edit it."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect

from catalog.models import Book
from tests.browser.conftest import PATIENCE_MS

pytestmark = pytest.mark.usefixtures("library")


def test_somebody_logs_in_finds_a_book_and_edits_it(chromium: Browser, live_server, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    User.objects.create_user("edith", password="correct horse", is_staff=True, is_superuser=True)
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE_MS)

    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username:").fill("edith")
    page.get_by_label("Password:").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{live_server.url}/admin/catalog/book/")
    page.get_by_role("link", name="Alice's Adventures in Wonderland").click()
    page.get_by_label("Title", exact=False).first.fill("Alice Underground")
    page.get_by_role("button", name=re.compile("^Save$")).click()

    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Book.objects.filter(title="Alice Underground").exists()
    page.close()
