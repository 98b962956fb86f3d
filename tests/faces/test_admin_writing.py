"""Refusals, the trash, and forged requests in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from catalog import models, registry
from tests.faces.samples import form_of, made, url

pytestmark = pytest.mark.usefixtures("no_navigation")

AUTHORS = registry.get("authors")
BOOKS = registry.get("books")
CHAPTERS = registry.get("chapters")
SCENES = registry.get("scenes")
SERIES = registry.get("series")


@pytest.fixture
def client(browser: Any, admin: Any) -> Any:
    return browser(admin)


class TestRefusals:
    def test_a_conflict_stands_at_its_fields_with_what_was_typed_and_is_audited(
        self, client: Any, news: Any
    ) -> None:
        series = made(SERIES)
        made(BOOKS, series=series, book_number=1)
        other = made(BOOKS, series=series, book_number=2, title="Old")
        news()

        form = form_of(BOOKS, other) | {"book_number": "1", "title": "Typed"}
        answer = client.post(url(BOOKS, "change", other), form)

        assert answer.status_code == 200
        errors = answer.context["adminform"].form.errors
        assert errors.keys() == {"series", "book_number"}
        assert 'value="Typed"' in answer.content.decode()
        other.refresh_from_db()
        assert (other.title, other.book_number) == ("Old", 2)
        (entry,) = news(success=False)
        assert (entry.operation, entry.table_name, entry.error_code) == ("UPDATE", "books", "DUPLICATE_KEY")

    def test_a_reference_into_the_trash_is_refused_at_its_field(self, client: Any, news: Any) -> None:
        chapter = made(CHAPTERS)
        book = made(BOOKS)
        client.post(url(BOOKS, "delete", book), {"post": "yes"})
        news()

        form = form_of(CHAPTERS, chapter) | {"book": str(book.pk)}
        answer = client.post(url(CHAPTERS, "change", chapter), form)

        assert "in the trash" in str(answer.context["adminform"].form.errors["book"])
        assert [row.error_code for row in news(success=False)] == ["FOREIGN_KEY_VIOLATION"]

    def test_a_record_whose_parent_is_in_the_trash_can_still_be_edited(self, client: Any) -> None:
        chapter = made(CHAPTERS)
        client.post(url(BOOKS, "delete", chapter.book), {"post": "yes"})

        answer = client.post(url(CHAPTERS, "change", chapter), form_of(CHAPTERS, chapter) | {"title": "New"})

        assert answer.status_code == 302
        assert models.Chapter.objects.get(pk=chapter.pk).title == "New"
        assert "in the trash" in client.get(url(CHAPTERS, "change", chapter)).content.decode()

    def test_a_rule_over_several_columns_is_told(self, client: Any) -> None:
        goals = registry.get("writing_goals")
        goal = made(goals)
        form = form_of(goals, goal) | {"starts_on": "2025-01-02", "ends_on": "2025-01-01"}

        errors = client.post(url(goals, "change", goal), form).context["adminform"].form.errors

        assert errors.keys() <= {"starts_on", "ends_on", "__all__"}
        assert errors

    def test_deleting_for_good_names_what_stands_in_the_way(self, client: Any, news: Any) -> None:
        author = made(BOOKS).author
        news()

        answer = client.post(url(AUTHORS, "delete", author), {"post": "yes"}, follow=True)

        assert "books (author_id): 1" in answer.content.decode()
        assert models.Author.objects.filter(pk=author.pk).exists()
        assert [(r.operation, r.error_code) for r in news(success=False)] == [
            ("DELETE", "FOREIGN_KEY_VIOLATION")
        ]


class TestTrash:
    def test_shows_what_was_deleted_and_gives_it_back(self, client: Any, news: Any) -> None:
        book = made(BOOKS, title="Lost and found")
        client.post(url(BOOKS, "delete", book), {"post": "yes"})

        assert "Lost and found" not in client.get(url(BOOKS, "")).content.decode().split('id="changelist"')[1]
        assert "Lost and found" in client.get(f"{url(BOOKS, '')}?trash=1").content.decode()
        page = client.get(url(BOOKS, "change", book)).content.decode()
        assert "In the trash" in page
        assert 'name="_save"' not in page
        news()

        client.post(url(BOOKS, "restore", book))

        book.refresh_from_db()
        assert book.deleted_at is None
        assert [(r.operation, r.record_id) for r in news(success=True)] == [("RESTORE_RECORDS", str(book.pk))]

    def test_chosen_records_go_and_come_back_together(self, client: Any, news: Any) -> None:
        books = [made(BOOKS), made(BOOKS)]
        chosen = {"_selected_action": [book.pk for book in books]}

        asked = client.post(url(BOOKS, ""), {"action": "delete_chosen", **chosen})
        assert "Delete 2 books?" in asked.content.decode()
        assert not models.Book.objects.exclude(deleted_at=None).exists()
        news()
        client.post(url(BOOKS, ""), {"action": "delete_chosen", "post": "yes", **chosen})
        (deleted,) = news(operation="DELETE")
        listed = {str(book.pk) for book in books}
        assert deleted.record_count == 2
        assert {record["key"] for record in deleted.changes["records"]} == listed
        assert models.Book.objects.exclude(deleted_at=None).count() == 2

        asked = client.post(f"{url(BOOKS, '')}?trash=1", {"action": "restore_chosen", **chosen})
        assert "Restore 2 books?" in asked.content.decode()
        assert models.Book.objects.exclude(deleted_at=None).count() == 2
        assert [row.dry_run for row in news(operation="RESTORE_RECORDS")] == [True]
        client.post(f"{url(BOOKS, '')}?trash=1", {"action": "restore_chosen", "post": "yes", **chosen})

        assert not models.Book.objects.exclude(deleted_at=None).exists()
        (restored,) = news(operation="RESTORE_RECORDS")
        assert {record["key"] for record in restored.changes["records"]} == listed

    def test_chosen_records_that_can_not_come_back_are_told_before_anybody_agrees(
        self, client: Any, news: Any
    ) -> None:
        chapter = made(CHAPTERS)
        client.post(url(CHAPTERS, "delete", chapter), {"post": "yes"})
        client.post(url(BOOKS, "delete", chapter.book), {"post": "yes"})
        chosen = {"action": "restore_chosen", "_selected_action": chapter.pk}

        answer = client.post(f"{url(CHAPTERS, '')}?trash=1", chosen, follow=True)

        assert "Restore books first." in answer.content.decode()
        assert models.Chapter.objects.get(pk=chapter.pk).deleted_at is not None

    def test_refuses_what_it_can_not_give_back_and_says_why(self, client: Any, news: Any) -> None:
        chapter = made(CHAPTERS)
        client.post(url(CHAPTERS, "delete", chapter), {"post": "yes"})
        client.post(url(BOOKS, "delete", chapter.book), {"post": "yes"})
        news()

        answer = client.post(url(CHAPTERS, "restore", chapter), follow=True)

        assert "Restore books first." in answer.content.decode()
        assert [(r.operation, r.error_code) for r in news(success=False)] == [("RESTORE_RECORDS", "CONFLICT")]

    def test_a_reader_can_not_restore(self, client: Any, browser: Any, viewer: Any, news: Any) -> None:
        book = made(BOOKS)
        client.post(url(BOOKS, "delete", book), {"post": "yes"})
        reader = browser(viewer)
        assert "Restore" not in reader.get(url(BOOKS, "change", book)).content.decode()
        news()

        reader.post(url(BOOKS, "restore", book))

        assert models.Book.objects.get(pk=book.pk).deleted_at
        assert [r.error_code for r in news(success=False)] == ["PERMISSION_DENIED"]

    def test_a_trashed_record_is_not_changed_by_a_direct_post(self, client: Any, news: Any) -> None:
        book = made(BOOKS, title="As it was")
        form = form_of(BOOKS, book) | {"title": "Forged"}
        client.post(url(BOOKS, "delete", book), {"post": "yes"})
        news()

        answer = client.post(url(BOOKS, "change", book), form)

        assert answer.status_code == 403
        assert models.Book.objects.get(pk=book.pk).title == "As it was"
        assert [r.operation for r in news(success=False)] == ["UPDATE"]

    def test_more_than_a_call_may_write_is_refused_before_it_begins(
        self, client: Any, news: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("catalog.admin.picked.MAX_AFFECTED", 1)
        books = [made(BOOKS), made(BOOKS)]
        news()

        form = {"action": "delete_chosen", "select_across": "1", "_selected_action": books[0].pk}
        answer = client.post(url(BOOKS, ""), form, follow=True)

        assert "At most 1 records can be chosen" in answer.content.decode()
        assert [(r.operation, r.error_code) for r in news(success=False)] == [("DELETE", "LIMIT_EXCEEDED")]


class TestForged:
    @pytest.mark.parametrize("column", ["id", "created_at", "updated_at", "deleted_at", "author_id"])
    def test_a_field_that_the_page_does_not_offer_is_refused_and_audited(
        self, client: Any, news: Any, column: str
    ) -> None:
        book = made(BOOKS, title="As it was")
        before = models.Book.objects.filter(pk=book.pk).values().get()
        news()

        form = form_of(BOOKS, book) | {"title": "New", column: "1"}
        answers = [client.post(url(BOOKS, "change", book), form), client.post(url(BOOKS, "add"), form)]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert models.Book.objects.filter(pk=book.pk).values().get() == before
        assert models.Book.objects.count() == 1
        assert [r.error_code for r in news(success=False)] == ["VALIDATION_ERROR"] * 2

    def test_a_post_without_its_token_is_refused(self, person: Any) -> None:
        book = made(BOOKS, title="As it was")
        client = Client(enforce_csrf_checks=True)
        client.force_login(person(is_superuser=True))

        answers = [
            client.post(url(BOOKS, "change", book), form_of(BOOKS, book) | {"title": "Forged"}),
            client.post(url(BOOKS, "delete", book), {"post": "yes"}),
            client.post(url(SCENES, "add"), {}),
        ]

        assert [answer.status_code for answer in answers] == [403, 403, 403]
        assert models.Book.objects.get(pk=book.pk).title == "As it was"

    def test_rights_taken_away_are_gone_at_the_next_request(self, browser: Any, person: Any) -> None:
        book, user = made(BOOKS), person("Editor")
        client = browser(user)
        assert client.get(url(BOOKS, "change", book)).status_code == 200

        user.groups.clear()

        assert client.get(url(BOOKS, "change", book)).status_code == 403

    def test_nothing_that_a_page_loads_breaks_the_content_security_policy(self, client: Any) -> None:
        book = made(BOOKS)
        pages = ["/admin/", url(BOOKS, ""), url(BOOKS, "change", book), url(BOOKS, "delete", book)]
        for page in (*pages, "/admin/auth/group/1/change/", "/admin/auth/user/", "/admin/audit/auditlog/"):
            answer = client.get(page, follow=True)
            text = answer.content.decode()
            assert "style-src 'self'" in answer["Content-Security-Policy"]
            assert "<style" not in text
            assert " style=" not in text
            assert " onclick=" not in text
            assert "<script>" not in text

    def test_a_search_for_anything_is_survived(self, client: Any) -> None:
        made(BOOKS)
        for words in ("%00", "'", "%25", "\\", "(" * 50, '"', "😀", "1" * 40):
            assert client.get(f"{url(BOOKS, '')}?q={words}").status_code == 200
