"""Takes the pictures of the user guide, each page light and dark. No test: `script/screenshots` runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Browser, Page

from catalog import models
from tests.browser import invented
from tests.browser.conftest import Visitor
from tests.browser.small_png import smaller

FOLDER = Path(django_settings.BASE_DIR) / "docs" / "images"
WIDTH, HEIGHT = 1280, 1000  # of a page that is lower, the page
BASE_DIR = Path("/srv/database-admin")  # which the welcome page names


def welcome(visitor: Visitor) -> None:
    """The last 24 hours."""
    visitor.go("")


def records(visitor: Visitor) -> None:
    """A list, with its filters open."""
    page = visitor.go("catalog/chapter/?status=final&status=revised")
    page.locator("summary", has_text="Filters").click()


def record(visitor: Visitor) -> None:
    """A record with short facts, a list and attributes."""
    visitor.go(f"catalog/character/{models.Character.objects.get(name='Sherlock Holmes').pk}/change/")


def history(visitor: Visitor) -> None:
    """What each change made of a book."""
    visitor.go(f"catalog/book/{hound()}/history/")


def preview(visitor: Visitor) -> None:
    """A file with faults, before anything is imported."""
    page = visitor.go("catalog/book/import/")
    file = {"name": "books.csv", "mimeType": "text/csv", "buffer": invented.FAULTY_BOOKS.encode()}
    page.get_by_label("File", exact=True).set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Preview").click()


def ties(visitor: Visitor) -> None:
    """The genres and tropes of a book, on its page."""
    page = visitor.go(f"catalog/book/{hound()}/change/")
    page.get_by_role("group", name="Genres").evaluate(
        "part => scrollTo(0, part.getBoundingClientRect().top + scrollY - 76)"
    )


def rights(visitor: Visitor) -> None:
    """All roles beside all tables."""
    visitor.go("rights/")


def audit(visitor: Visitor) -> None:
    """What the entries of the trail come to."""
    visitor.go("audit/auditlog/overview/")


def diagram(visitor: Visitor) -> None:
    """The tables, one of which is looked at."""
    page = visitor.go("diagram/")
    page.set_viewport_size({"width": WIDTH, "height": 800})
    page.get_by_role("button", name="Fit").click()
    page.get_by_role("link", name="Characters, ").first.hover()


def backups(visitor: Visitor) -> None:
    """What there is, and how it is known to be good."""
    visitor.go("backups/")


PAGES = (welcome, records, record, history, preview, ties, rights, audit, diagram, backups)


def hound() -> int:
    return models.Book.objects.get(title="The Hound of the Baskervilles").pk


@pytest.fixture
def busy_library(library: None, settings: Any, tmp_path: Path) -> None:
    """The small library, with people who work in it, on a machine that the pictures tell nothing of."""
    settings.BACKUP_DIR, settings.EXPORT_DIR = tmp_path / "backups", tmp_path / "exports"
    invented.happen()
    settings.BASE_DIR = BASE_DIR


def test_takes_pictures(visit: Callable[..., Visitor], chromium: Browser, busy_library: None) -> None:
    FOLDER.mkdir(exist_ok=True)
    workshop = chromium.new_page()
    for look in ("light", "dark"):
        for show in PAGES:
            visitor = visit("Administrator", name="ada", width=WIDTH, height=HEIGHT, dark=look == "dark")
            show(visitor)
            (FOLDER / f"{show.__name__}-{look}.png").write_bytes(smaller(taken(visitor.page), workshop))
            visitor.page.close()
    workshop.close()


def taken(page: Page) -> bytes:
    """Return a picture of the page as it stands, once it is whole, and no higher than it is."""
    page.wait_for_load_state("networkidle")
    height = page.evaluate("Math.min(innerHeight, document.documentElement.scrollHeight)")
    return page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
