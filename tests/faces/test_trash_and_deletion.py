"""What a deletion says first, and deleting from the trash for good."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from catalog import models, registry
from catalog.services import records
from tests.faces.samples import made, url

AUTHORS = registry.get("authors")
BOOKS = registry.get("books")
CHAPTERS = registry.get("chapters")
CHARACTERS = registry.get("characters")
SCENES = registry.get("scenes")
GOALS = registry.get("writing_goals")


@pytest.fixture
def client(browser: Any, admin: Any) -> Any:
    return browser(admin)


def shown(answer: Any) -> str:
    text = answer.content.decode().split("<h1>", 1)[1].split("</main>", 1)[0]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


def trashed(actor: Any, table: Any, **values: Any) -> Any:
    record = made(table, is_bare=True, **values)
    records.delete_records(actor=actor, table=table, where={"id": record.pk})
    return record


class TestDeletion:
    def test_into_the_trash_says_what_hangs_on_the_record(self, client: Any) -> None:
        book = made(BOOKS, title="Keep calm")
        chapter = made(CHAPTERS, book=book, title="Chapter the first")
        made(SCENES, chapter=chapter)
        made(SCENES, chapter=chapter)

        text = shown(client.get(url(BOOKS, "delete", book)))

        assert "Move to the trash?" in text
        assert re.search(r"Chapters 1 Chapter the first stays", text)
        assert re.search(r"Scenes through Chapters 2 stays", text)

    @pytest.mark.parametrize(
        ("table", "told"), [(BOOKS, "Moved book “Gone” to the trash."), (AUTHORS, "Deleted author “Gone”.")]
    )
    def test_says_what_was_done_and_offers_to_undo_it(
        self, client: Any, news: Any, table: Any, told: str
    ) -> None:
        record = made(table, is_bare=True, **{"title" if table is BOOKS else "name": "Gone"})
        news()

        page = client.post(url(table, "delete", record), {"post": "yes"}, follow=True)

        (entry,) = news(operation="DELETE")
        undo = reverse("admin:undo_change", args=[entry.change_id])
        assert f'{told} <a href="{undo}">Undo…</a>' in unescape(page.content.decode())

    @pytest.mark.parametrize("table", [BOOKS, AUTHORS])
    def test_offers_no_undo_to_who_may_only_delete(self, browser: Any, person: Any, table: Any) -> None:
        record = made(table, is_bare=True)
        remover = browser(person(read=[table.name], delete=[table.name]))

        page = remover.post(url(table, "delete", record), {"post": "yes"}, follow=True).content.decode()

        assert re.search("Moved book|Deleted author", page)
        assert "Undo…" not in page

    def test_for_good_says_what_stands_in_the_way_and_offers_nothing(self, client: Any, admin: Any) -> None:
        author = made(AUTHORS)
        made(BOOKS, author=author, title="In use")
        trashed(admin, BOOKS, author=author, title="In the bin")

        page = client.get(url(AUTHORS, "delete", author))

        text = shown(page)
        assert "can't be deleted" in text
        assert re.search(r"Books 2 1 in the trash In use In the bin \(in the trash\) stands in the way", text)
        assert "Delete for good</" not in page.content.decode()
        assert 'class="danger"' not in page.content.decode()

    def test_for_good_of_what_nothing_hangs_on_can_be_done(self, client: Any) -> None:
        author = made(AUTHORS)

        page = client.get(url(AUTHORS, "delete", author))
        client.post(url(AUTHORS, "delete", author), {"post": "yes"})

        assert "Nothing hangs on it." in shown(page)
        assert 'value="Delete for good"' in page.content.decode()
        assert not models.Author.objects.exists()

    def test_of_several_counts_for_all_of_them(self, client: Any) -> None:
        books = [made(BOOKS), made(BOOKS)]
        for book in books:
            made(CHAPTERS, book=book, is_bare=True, title=f"Of {book.pk}")

        form = {"action": "delete_chosen", "_selected_action": [book.pk for book in books]}
        text = shown(client.post(url(BOOKS, ""), form))

        assert "Delete 2 books?" in text
        assert re.search(rf"Chapters 2 Of {books[0].pk} Of {books[1].pk} stays", text)

    def test_says_of_tables_that_one_may_not_read_only_that_they_refer(
        self, browser: Any, person: Any
    ) -> None:
        author = made(AUTHORS)
        made(BOOKS, author=author, title="Private")

        text = shown(
            browser(person(read=["authors"], delete=["authors"])).get(url(AUTHORS, "delete", author))
        )

        assert "Private" not in text
        assert "Records of tables that you may not read refer to it too." in text

    def test_takes_no_more_queries_for_more_records(
        self, client: Any, django_assert_max_num_queries: Any
    ) -> None:
        few, many = made(BOOKS), made(BOOKS)
        made(CHAPTERS, book=few)
        for _ in range(9):
            made(CHAPTERS, book=many)
        client.get(url(BOOKS, "delete", few))

        with django_assert_max_num_queries(100) as first:
            client.get(url(BOOKS, "delete", few))
        with django_assert_max_num_queries(len(first)):
            client.get(url(BOOKS, "delete", many))

    def test_without_the_right_says_nothing_and_does_nothing(
        self, browser: Any, writer: Any, news: Any
    ) -> None:
        author = made(AUTHORS)
        client = browser(writer)
        news()

        answers = [
            client.get(url(AUTHORS, "delete", author)),
            client.post(url(AUTHORS, "delete", author), {"post": "yes"}),
        ]

        assert [answer.status_code for answer in answers] == [403, 403]
        assert models.Author.objects.exists()
        assert [row.error_code for row in news(success=False)] == ["PERMISSION_DENIED"] * 2


class TestPurge:
    def test_asks_and_deletes_for_good(self, client: Any, admin: Any, news: Any) -> None:
        character = trashed(admin, CHARACTERS, name="Going")
        scene = made(SCENES, is_bare=True, title="Stays")
        models.CharacterScene.objects.create(character=character, scene=scene)
        assert (
            url(CHARACTERS, "purge", character)
            in client.get(url(CHARACTERS, "change", character)).content.decode()
        )
        news()

        page = client.get(url(CHARACTERS, "purge", character))
        assert models.Character.objects.exists()
        client.post(url(CHARACTERS, "purge", character), {"post": "yes"})

        assert "Delete 1 character for good?" in shown(page)
        assert "Character scenes" in shown(page)
        assert "goes with it" in shown(page)
        assert not models.Character.objects.exists()
        assert not models.CharacterScene.objects.exists()
        (row,) = news(operation="PURGE")
        assert (row.success, row.record_id, row.channel) == (True, str(character.pk), "admin")

    def test_of_what_is_referred_to_is_refused(self, client: Any, admin: Any, news: Any) -> None:
        book = trashed(admin, BOOKS)
        made(CHAPTERS, book=book, is_bare=True, title="Orphan")
        news()

        page = client.get(url(BOOKS, "purge", book))
        answer = client.post(url(BOOKS, "purge", book), {"post": "yes"}, follow=True)

        assert re.search(r"Chapters 1 Orphan stands in the way", shown(page))
        assert 'class="danger"' not in page.content.decode()
        assert "chapters (book_id): 1" in answer.content.decode()
        assert models.Book.objects.exists()
        assert [(r.operation, r.error_code) for r in news(success=False)] == [
            ("PURGE", "FOREIGN_KEY_VIOLATION")
        ]

    def test_of_chosen_ones_asks_and_deletes_them_together(self, client: Any, admin: Any, news: Any) -> None:
        books = [trashed(admin, BOOKS), trashed(admin, BOOKS)]
        kept = trashed(admin, BOOKS)
        form = {"action": "purge_chosen", "_selected_action": [book.pk for book in books]}
        trash = f"{url(BOOKS, '')}?trash=1"
        assert 'value="purge_chosen"' in client.get(trash).content.decode()
        assert 'value="purge_chosen"' not in client.get(url(BOOKS, "")).content.decode()

        page = client.post(trash, form)
        assert models.Book.objects.count() == 3
        news()
        client.post(trash, form | {"post": "yes"})

        assert "Delete 2 books for good?" in shown(page)
        assert [book.pk for book in models.Book.objects.all()] == [kept.pk]
        assert [row.record_count for row in news(operation="PURGE")] == [2]

    def test_never_touches_what_is_in_use(self, client: Any, news: Any) -> None:
        goal, book = made(GOALS, is_bare=True), made(BOOKS)
        news()

        assert client.post(url(BOOKS, "purge", book), {"post": "yes"}).status_code == 404
        assert client.post(url(GOALS, "purge", goal), {"post": "yes"}).status_code == 404
        form = {"action": "purge_chosen", "_selected_action": [book.pk], "post": "yes"}
        client.post(url(BOOKS, ""), form)
        client.post(f"{url(BOOKS, '')}?trash=1", form)

        assert models.Book.objects.exists()
        assert models.WritingGoal.objects.exists()
        assert [row.record_count for row in news(operation="PURGE", success=True)] in ([], [0])

    def test_is_for_whom_that_right_is(self, browser: Any, admin: Any, editor: Any, news: Any) -> None:
        book = trashed(admin, BOOKS)
        client = browser(editor)
        assert "purge" not in client.get(url(BOOKS, "change", book)).content.decode()
        trash = f"{url(BOOKS, '')}?trash=1"
        assert 'value="purge_chosen"' not in client.get(trash).content.decode()
        news()

        answers = [
            client.get(url(BOOKS, "purge", book)),
            client.post(url(BOOKS, "purge", book), {"post": "yes"}),
            client.post(trash, {"action": "purge_chosen", "_selected_action": [book.pk], "post": "yes"}),
        ]

        assert [answer.status_code for answer in answers] == [403, 403, 403]
        assert models.Book.objects.exists()
        assert [(r.operation, r.error_code) for r in news(success=False)] == [
            ("PURGE", "PERMISSION_DENIED")
        ] * 3
