"""Backups at a browser: drawn, and the plan of a restore beside today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import expect

from accesscontrol.actor import Actor, Channel
from backups import services
from catalog.models import Author
from tests.browser.conftest import Visitor


@pytest.fixture
def file(transactional_db: None, settings: Any, tmp_path: Any) -> str:
    """A backup of nearly nothing, after which an author came."""
    settings.BACKUP_DIR = tmp_path / "backups"
    user = User.objects.create_user("otis")
    user.groups.add(Group.objects.get(name="Backup operator"))
    made = services.create_full(actor=Actor(user, Channel.COMMAND))
    Author.objects.create(name="Mary Shelley")
    return made.backup_file


def test_an_operator_sees_ages_and_sizes_and_what_a_restore_would_change(
    visit: Callable[..., Visitor], file: str
) -> None:
    somebody = visit("Backup operator")
    page = somebody.go("backups/")
    drawn = "[...document.querySelectorAll('figure canvas')].map((canvas) => Boolean(window.Chart.getChart(canvas)))"
    assert page.evaluate(drawn) == [True, True]
    for summary in page.locator("figure summary").all():
        summary.click()
    assert somebody.wrong() == []

    page.get_by_role("link", name=file).click()
    expect(page.get_by_role("heading", name="What is known of it")).to_be_visible()
    assert somebody.wrong() == []
    page.get_by_role("button", name="See what would change").first.click()

    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="authors", exact=True))
    expect(row.get_by_role("cell")).to_contain_text(["1", "0", "\N{MINUS SIGN}1", "0"])
    assert somebody.wrong() == []
