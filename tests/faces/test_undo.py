"""Undoing an operation from the audit trail."""

from __future__ import annotations

from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group

from accesscontrol.models import ColumnRule
from audit.models import AuditLog
from catalog import models, registry
from catalog.services import batch, records
from jobs import kinds
from jobs.models import Job
from jobs.progress import SILENT
from tests.faces.samples import made, url

AUTHORS = registry.get("authors")
BOOKS = registry.get("books")
CHARACTERS = registry.get("characters")
NAMES = [{"name": f"Author {number}"} for number in range(8)]


@pytest.fixture
def client(browser: Any, admin: Any) -> Any:
    return browser(admin)


def undo_url(change: Any) -> str:
    return f"/admin/audit/auditlog/undo/{getattr(change, 'change_id', change)}/"


def entry_url(change: Any) -> str:
    return f"/admin/audit/auditlog/{AuditLog.objects.get(change_id=change.change_id).pk}/change/"


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_numbers_of_many_have_their_thousands_apart(client: Any, admin: Any) -> None:
    names = [{"name": f"Author {number}"} for number in range(1_000)]
    changes = [batch.insert_records(actor=admin, table=AUTHORS, records=names[:size]) for size in (1_000, 5)]
    models.Author.objects.update(name="Wanted")

    page, small = (text_of(client.get(undo_url(change))) for change in changes)

    assert "It can't be undone: 1,000 records are" in page
    assert "It can't be undone: 5 records are" in small
    assert "And 995 more." in page


def test_a_batch_is_shown_first_and_taken_back_whole(client: Any, admin: Any, news: Any) -> None:
    change = batch.insert_records(actor=admin, table=AUTHORS, records=NAMES)
    assert undo_url(change) in text_of(client.get(entry_url(change)))
    news()

    page = client.get(undo_url(change))

    assert "Delete 8 records that it added" in text_of(page)
    assert "Author 0" in text_of(page)
    assert "And 3 more." in text_of(page)
    assert "Undo it: 8 records" in text_of(page)
    assert models.Author.objects.count() == 8
    assert [(row.operation, row.record_count) for row in news()] == [("QUERY", 8)]

    answer = client.post(undo_url(change), follow=True)

    assert not models.Author.objects.exists()
    assert "Undone: 8 records." in text_of(answer)
    (undone,) = news(operation="UNDO")
    assert (undone.success, undone.record_count, undone.channel) == (True, 8, "admin")
    assert undone.client_info["undoes"] == str(change.change_id)
    assert undo_url(undone.change_id) in text_of(answer)  # which can be undone too


def test_an_update_shows_what_each_record_becomes(client: Any, admin: Any) -> None:
    author = made(AUTHORS, name="First name")
    change = records.update_records(
        actor=admin, table=AUTHORS, data={"name": "Second name"}, where={"id": author.pk}
    )

    page = text_of(client.get(undo_url(change)))

    assert "Set 1 record back" in page
    assert "Second</del>" in page
    assert "First</ins>" in page
    client.post(undo_url(change))
    assert models.Author.objects.get(pk=author.pk).name == "First name"


def test_what_was_undone_says_by_whom(client: Any, admin: Any) -> None:
    author = made(AUTHORS, name="Old")
    change = records.update_records(actor=admin, table=AUTHORS, data={"name": "New"}, where={"id": author.pk})
    client.post(undo_url(change))
    undone = AuditLog.objects.get(operation="UNDO")

    page = text_of(client.get(undo_url(change)))

    assert "It was undone by ada" in page
    assert f"/admin/audit/auditlog/{undone.pk}/change/" in page
    client.post(undo_url(undone.change_id))
    assert "It was undone" not in text_of(client.get(undo_url(change)))


def test_a_deletion_brings_back_what_went_along(client: Any, admin: Any) -> None:
    appearance = made(registry.get("scenes")) and made(CHARACTERS)
    models.CharacterScene.objects.create(character=appearance, scene=models.Scene.objects.get())
    change = records.delete_records(
        actor=admin, table=CHARACTERS, where={"id": appearance.pk}, soft_delete=False
    )

    page = text_of(client.get(undo_url(change)))
    client.post(undo_url(change))

    assert page.count("Bring 1 deleted record back") == 2
    assert models.CharacterScene.objects.filter(character=appearance.pk).exists()


def test_is_refused_with_all_reasons_where_records_changed_since(client: Any, admin: Any, news: Any) -> None:
    authors = [made(AUTHORS, name=f"Old {number}") for number in range(4)]
    change = records.update_records(
        actor=admin, table=AUTHORS, data={"bio": "x"}, where={"id": {"$in": [a.pk for a in authors]}}
    )
    records.update_records(actor=admin, table=AUTHORS, data={"bio": "y"}, where={"id": authors[0].pk})
    records.delete_records(actor=admin, table=AUTHORS, where={"id": authors[1].pk})
    news()

    page = text_of(client.get(undo_url(change)))

    assert "2 records are no longer as the operation left them" in page
    assert "has another bio" in page
    assert "was deleted since" in page
    assert url(AUTHORS, "history", authors[0]) in page
    assert "Undo it" not in page

    answer = client.post(undo_url(change))

    assert answer.status_code == 200
    assert "no longer as the change left them" in text_of(answer)
    assert set(models.Author.objects.values_list("bio", flat=True)) == {"x", "y"}
    assert [(r.operation, r.table_name, r.error_code) for r in news(success=False)] == [
        ("UNDO", "authors", "CONFLICT")
    ]


def test_what_the_database_does_not_allow_is_told_when_it_is_tried(client: Any, admin: Any) -> None:
    change = batch.insert_records(actor=admin, table=AUTHORS, records=[{"name": "x"}])
    made(BOOKS, author_id=change.records[0]["id"], author=models.Author.objects.get())

    answer = client.post(undo_url(change))

    assert "still refers" in text_of(answer)
    assert models.Author.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_of_nothing_is_not_found(client: Any, method: str, news: Any) -> None:
    answer = getattr(client, method)(undo_url(uuid4()))

    assert answer.status_code == 404
    assert [(r.operation, r.error_code) for r in news(success=False)] == [("UNDO", "NOT_FOUND")]


@pytest.mark.parametrize("method", ["get", "post"])
def test_needs_the_opposite_right_and_is_not_offered_without(
    browser: Any, writer: Any, admin: Any, news: Any, method: str
) -> None:
    change = batch.insert_records(actor=admin, table=AUTHORS, records=NAMES)
    client = browser(writer)
    entry = client.get(entry_url(change))
    assert entry.status_code == 200
    assert undo_url(change) not in text_of(entry)
    history = client.get(url(AUTHORS, "history", models.Author.objects.first()))
    assert undo_url(change) not in text_of(history)
    news()

    answer = getattr(client, method)(undo_url(change))

    assert answer.status_code == 403
    assert models.Author.objects.count() == 8
    assert [(r.operation, r.table_name, r.error_code) for r in news(success=False)] == [
        ("UNDO", "authors", "PERMISSION_DENIED")
    ]


@pytest.mark.parametrize("method", ["get", "post"])
def test_is_not_for_who_does_not_see_every_column(browser: Any, editor: Any, admin: Any, method: str) -> None:
    book = made(BOOKS, description="Old")
    change = records.update_records(
        actor=admin, table=BOOKS, data={"description": "Secret"}, where={"id": book.pk}
    )
    ColumnRule.objects.create(
        role=Group.objects.get(name="Editor"), table_id="books", column_name="description", access="hidden"
    )
    client = browser(editor)

    answer = getattr(client, method)(undo_url(change))

    assert answer.status_code == 403
    assert "Secret" not in text_of(answer)
    assert undo_url(change) not in text_of(client.get(entry_url(change)))
    assert models.Book.objects.get(pk=book.pk).description == "Secret"


def test_samples_are_for_those_who_may_read_the_table(browser: Any, person: Any, admin: Any) -> None:
    change = batch.insert_records(actor=admin, table=AUTHORS, records=[{"name": "Private"}])

    page = text_of(browser(person(delete=["authors"])).get(undo_url(change)))

    assert "Delete 1 record that it added" in page
    assert "Private" not in page


def test_reads_and_dry_runs_have_nothing_to_undo(client: Any, admin: Any) -> None:
    author = made(AUTHORS)
    client.get(url(AUTHORS, "change", author))
    entry = AuditLog.objects.latest("id")

    assert "/undo/" not in text_of(client.get(f"/admin/audit/auditlog/{entry.pk}/change/"))


class TestOfMany:
    def test_is_a_job(self, client: Any, admin: Any, news: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr("catalog.admin.trail.undoing.MAX_AT_ONCE", 5)
        change = batch.insert_records(actor=admin, table=AUTHORS, records=NAMES)

        answer = client.post(undo_url(change))

        job = Job.objects.get(kind="undo")
        assert answer.url == f"/admin/jobs/job/{job.pk}/change/"
        assert models.Author.objects.count() == 8
        done = kinds.get("undo").run(job.actor(), job.arguments, SILENT)
        assert done["records"] == 8
        assert not models.Author.objects.exists()
        assert [row.record_count for row in news(operation="UNDO")] == [8]
        assert client.get(undo_url(done["change_id"])).status_code == 200

    def test_is_not_looked_at_one_by_one(self, client: Any, admin: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr("catalog.services.undo_preview.MAX_LOOKED_AT", 5)
        change = batch.insert_records(actor=admin, table=AUTHORS, records=NAMES)

        page = text_of(client.get(undo_url(change)))

        assert "Delete 8 records that it added" in page
        assert "too many to look at each" in page
        assert "Author 0" not in page

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_needs_the_opposite_right_too(
        self, browser: Any, writer: Any, admin: Any, news: Any, monkeypatch: Any, method: str
    ) -> None:
        monkeypatch.setattr("catalog.services.undo_preview.MAX_LOOKED_AT", 5)
        monkeypatch.setattr("catalog.admin.trail.undoing.MAX_AT_ONCE", 5)
        change = batch.insert_records(actor=admin, table=AUTHORS, records=NAMES)
        news()

        answer = getattr(browser(writer), method)(undo_url(change))

        assert answer.status_code == 403
        assert not Job.objects.exists()
        assert [row.error_code for row in news(success=False)] == ["PERMISSION_DENIED"]
