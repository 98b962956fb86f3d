"""Going back: to a version of a record, behind a whole operation, out of the trash."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from accesscontrol.actor import Actor, Channel
from audit.models import AuditLog
from catalog import models, registry
from catalog.services import batch, records
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.usefixtures("library")

CHAPTERS = registry.get("chapters")
AUTHORS = registry.get("authors")
BOOKS = registry.get("books")


def agent() -> Actor:
    user, _ = User.objects.get_or_create(username="agent", defaults={"is_superuser": True})
    return Actor(user, Channel.MCP)


def test_a_chapter_is_set_back_to_what_it_was(visit: Callable[..., Visitor]) -> None:
    chapter = models.Chapter.objects.exclude(content=None).order_by("id")[0]
    old = chapter.content or ""
    words = old.replace("the", "THE", 1)
    records.update_records(
        actor=agent(),
        table=CHAPTERS,
        data={"content": words, "title": "Spoilt"},
        where={"id": chapter.pk},
    )
    visitor = visit("Editor", width=360, dark=True)
    page = visitor.go(f"catalog/chapter/{chapter.pk}/change/")

    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("heading", name=re.compile("History of"))).to_be_visible()
    expect(page.locator("ins", has_text="THE").first).to_be_visible()
    expect(page.get_by_text("Agent (MCP)").first).to_be_visible()
    assert visitor.violations() == []
    assert visitor.overflow() <= 0
    page.locator(".version-actions a", has_text="go back").last.click()
    expect(page.get_by_role("heading", name="What differs from now")).to_be_visible()
    assert visitor.violations() == []
    assert visitor.overflow() <= 0
    page.get_by_label("Title", exact=True).uncheck()
    page.get_by_role("button", name="Set the ticked columns back").click()

    expect(page.get_by_text("Set back.")).to_be_visible()
    chapter.refresh_from_db()
    assert (chapter.content, chapter.title) == (old, "Spoilt")


def test_an_operation_is_undone_from_the_audit_trail(visit: Callable[..., Visitor]) -> None:
    there = models.Author.objects.count()
    change = batch.insert_records(
        actor=agent(), table=AUTHORS, records=[{"name": f"Unwanted {number}"} for number in range(12)]
    )
    key = change.records[0]["id"]
    later = records.update_records(
        actor=agent(), table=AUTHORS, data={"name": "Wanted"}, where={"id": key}
    ).change_id
    entry = AuditLog.objects.get(change_id=change.change_id)
    visitor = visit("Editor")
    page = visitor.go(f"audit/auditlog/{entry.pk}/change/")

    page.get_by_role("link", name="Undo this operation…").click()
    expect(page.get_by_text("It can't be undone: 1 record")).to_be_visible()
    expect(page.get_by_role("cell", name="has another name")).to_be_visible()
    assert page.get_by_role("button", name=re.compile("Undo it")).count() == 0
    assert visitor.violations() == []
    page.get_by_role("link", name=f"#{key}").first.click()  # the record's history: its last change first
    page.locator(f"#change-{later}").get_by_role("link", name="Undo this operation…").click()
    page.get_by_role("button", name="Undo it: 1 record").click()
    expect(page.get_by_text("Undone: 1 record.")).to_be_visible()
    visitor.go(f"audit/auditlog/undo/{change.change_id}/")
    assert visitor.violations() == []
    page.get_by_role("button", name="Undo it: 12 records").click()

    expect(page.get_by_text("Undone: 12 records.")).to_be_visible()
    assert models.Author.objects.count() == there


def test_a_book_goes_into_the_trash_and_back_and_for_good(visit: Callable[..., Visitor]) -> None:
    book = models.Book.objects.create(title="Short-lived", author=models.Author.objects.order_by("id")[0])
    models.BookGenre.objects.create(book=book, genre=models.Genre.objects.order_by("id")[0])
    visitor = visit("Data manager")
    page = visitor.go(f"catalog/book/{book.pk}/delete/")

    expect(page.get_by_role("row", name=re.compile("Book genres"))).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name="Move to the trash").click()
    visitor.go("catalog/book/?trash=1")
    page.get_by_role("link", name="Short-lived").click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Restored 1 book.")).to_be_visible()
    records.delete_records(actor=agent(), table=BOOKS, where={"id": book.pk})
    visitor.go(f"catalog/book/{book.pk}/change/")
    page.get_by_role("link", name="Delete for good…").click()
    expect(page.get_by_role("cell", name="goes with it")).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name="Delete for good").click()

    expect(page.get_by_text("Deleted for good: 1 book.")).to_be_visible()
    assert not models.Book.objects.filter(pk=book.pk).exists()
    assert not models.BookGenre.objects.filter(book_id=book.pk).exists()
