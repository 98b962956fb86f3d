"""Pages show whole records: whoever may not know of a column gets no page that would tell of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from accesscontrol.models import ColumnRule
from audit.models import AuditLog
from catalog import registry
from catalog.services import records
from tests.catalog.services import builders

BOOKS = registry.get("books")


@pytest.fixture
def told(admin: Any, editor: Any) -> AuditLog:
    """An entry of the trail about a column that is hidden from editors."""
    book = builders.book(title="Told", word_count=4711)
    records.update_records(actor=admin, table=BOOKS, data={"word_count": 815}, where={"id": book.pk})
    ColumnRule.objects.create(
        role=Group.objects.get(name="Editor"), table_id="books", column_name="word_count", access="hidden"
    )
    return AuditLog.objects.filter(operation="UPDATE").latest("id")


@pytest.mark.parametrize("page", ["", "add/", "{key}/change/", "{key}/delete/", "?q=4711", "?word_count=815"])
def test_a_table_with_a_hidden_column_has_no_pages(
    browser: Any, editor: Any, told: AuditLog, page: str
) -> None:
    answer = browser(editor).get(f"/admin/catalog/book/{page.format(key=told.record_id)}")

    assert answer.status_code == 403
    assert "815" not in answer.content.decode()


def test_other_tables_do_not_name_its_records(browser: Any, editor: Any, told: AuditLog) -> None:
    chapter = builders.chapter(book=builders.book(title="A title that might be hidden"))

    page = browser(editor).get(f"/admin/catalog/chapter/{chapter.pk}/change/")

    assert page.status_code == 200
    assert "A title that might be hidden" not in page.content.decode()


def test_the_trail_is_masked(browser: Any, editor: Any, admin: Any, told: AuditLog) -> None:
    address = f"/admin/audit/auditlog/{told.pk}/change/"

    assert "815" in browser(admin).get(address).content.decode()
    page = browser(editor).get(address).content.decode()

    assert "815" not in page
    assert "word_count" not in page


@pytest.mark.parametrize(
    "question", ["changes__contains=815", "error_message=x", "changes__word_count__new=815"]
)
def test_no_address_asks_for_what_is_masked(browser: Any, editor: Any, told: AuditLog, question: str) -> None:
    answer = browser(editor).get(f"/admin/audit/auditlog/?{question}")

    assert answer.status_code == 400
    assert not answer.context["entries"]
