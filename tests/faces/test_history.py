"""The history of a record in the admin, and the way back to a version."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accesscontrol.models import ColumnRule
from catalog import models, registry
from catalog.services import records
from tests.faces.samples import made, url

pytestmark = pytest.mark.usefixtures("no_navigation")

AUTHORS = registry.get("authors")
BOOKS = registry.get("books")
CHAPTERS = registry.get("chapters")
FORGED = '<script>alert("x")</script>'


@pytest.fixture
def client(browser: Any, admin: Any) -> Any:
    return browser(admin)


def update(actor: Any, table: Any, key: int, **data: Any) -> Any:
    return records.update_records(actor=actor, table=table, data=data, where={"id": key})


def shown(answer: Any) -> str:
    """The text of a page's main part: its tags are gone, its differences marked."""
    text = answer.content.decode().split('id="content-main"', 1)[1].split("</main>", 1)[0]
    text = re.sub(r'<span class="visually-hidden">.*?</span>', "", text)
    text = re.sub(r"<del>(.*?)</del>", r"[-\1-]", text, flags=re.DOTALL)
    text = re.sub(r"<ins>(.*?)</ins>", r"{+\1+}", text, flags=re.DOTALL)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)))


def version_urls(answer: Any) -> list[str]:
    return re.findall(r'href="([^"]+/history/\d+/(?:after|before)/)"', answer.content.decode())


def to_post(answer: Any, *columns: str) -> dict[str, Any]:
    return {"columns": list(columns), "state": answer.context["comparison"].state}


class TestHistory:
    def test_shows_words_that_changed_who_when_and_through_which_face(self, client: Any, admin: Any) -> None:
        chapter = made(CHAPTERS, content="It was a dark night.", status="draft")
        update(admin, CHAPTERS, chapter.pk, content="It was a stormy night.", status="final")

        page = client.get(url(CHAPTERS, "history", chapter))

        text = shown(page)
        assert "It was a [-dark-]{+stormy+} night." in text
        assert "[-Draft-]{+Final+}" in text.replace("-] {+", "-]{+")
        assert "ada" in text
        assert "Command line" in text
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", text)
        entry = re.search(r"/admin/audit/auditlog/\d+/change/", page.content.decode())
        assert entry
        assert client.get(entry[0]).status_code == 200

    def test_names_the_records_that_are_referred_to(self, client: Any, admin: Any) -> None:
        old, new = made(AUTHORS, name="Mary"), made(AUTHORS, name="Percy")
        book = made(BOOKS, author=old)
        update(admin, BOOKS, book.pk, author_id=new.pk)

        text = shown(client.get(url(BOOKS, "history", book)))

        assert f"Mary (#{old.pk})" in text
        assert f"Percy (#{new.pk})" in text

    def test_leads_from_page_to_page(self, client: Any, admin: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr("catalog.admin.history.PAGE", 2)
        author = made(AUTHORS, name="0")
        for number in range(1, 6):
            update(admin, AUTHORS, author.pk, name=str(number))

        page = client.get(url(AUTHORS, "history", author))
        seen = [shown(page)]
        while link := re.search(r'href="([^"]*\?before=\d+)"', page.content.decode()):
            page = client.get(unescape(link[1]))
            seen.append(shown(page))

        assert len(seen) == 3
        assert all(f"{{+{n}+}}" in seen[(5 - n) // 2] for n in range(1, 6))
        assert "the oldest version that is kept" in seen[-1]

    def test_shows_what_one_operation_did(self, client: Any, admin: Any) -> None:
        author = made(AUTHORS, name="0")
        change = update(admin, AUTHORS, author.pk, name="1")
        update(admin, AUTHORS, author.pk, name="2")

        text = shown(client.get(f"{url(AUTHORS, 'history', author)}?change={change.change_id}"))

        assert "{+1+}" in text
        assert "{+2+}" not in text

    def test_of_a_record_that_is_gone_offers_to_undo_its_deletion(self, client: Any, admin: Any) -> None:
        author = made(AUTHORS, name="Gone")
        change = records.delete_records(actor=admin, table=AUTHORS, where={"id": author.pk})

        page = client.get(url(AUTHORS, "change", author), follow=True)  # where bookmarks lead

        assert page.redirect_chain == [(url(AUTHORS, "history", author), 302)]
        assert page.status_code == 200
        assert "This record is gone" in shown(page)
        assert page.context["name"] == "Gone"
        assert f"/admin/audit/auditlog/undo/{change.change_id}/" in page.content.decode()

    def test_of_nothing_is_not_found(self, client: Any) -> None:
        for key in ("0", "999999", "abc", "1:2"):
            assert client.get(f"/admin/catalog/book/{key}/history/").status_code in {400, 404}
            page = client.get(f"/admin/catalog/book/{key}/change/", follow=True)
            assert page.redirect_chain == [("/admin/catalog/book/", 302)]
            assert f"There is no record “{key}” here." in page.content.decode()
        book = made(BOOKS)
        for address in ("?before=x", "?change=x", "?before=" + "9" * 40):
            assert client.get(url(BOOKS, "history", book) + address).status_code == 400
        for page in ("0/after/", "999/before/", "1/sideways/"):
            assert client.get(f"{url(BOOKS, 'history', book)}{page}").status_code == 404

    def test_has_no_word_of_a_hidden_column(self, browser: Any, admin: Any, editor: Any) -> None:
        book = made(BOOKS, title="Old", description="Hush")
        update(admin, BOOKS, book.pk, title="New", description="Secret")
        ColumnRule.objects.create(
            role=Group.objects.get(name="Editor"),
            table_id="books",
            column_name="description",
            access="hidden",
        )

        reader = browser(editor)
        page = reader.get(url(BOOKS, "history", book))
        pages = [page, *(reader.get(address) for address in version_urls(page))]

        for page in pages:
            assert "Secret" not in page.content.decode()
            assert "escription" not in page.content.decode()

    def test_shows_markup_as_text(self, client: Any, admin: Any) -> None:
        chapter = made(CHAPTERS, title=FORGED, content=f"a {FORGED} b")
        update(admin, CHAPTERS, chapter.pk, content=f"c {FORGED} d")

        page = client.get(url(CHAPTERS, "history", chapter))
        pages = [page, *(client.get(address) for address in version_urls(page))]

        assert len(pages) > 2
        assert all(FORGED not in page.content.decode() for page in pages)

    def test_is_audited_as_one_read(self, client: Any, admin: Any, news: Any) -> None:
        author = made(AUTHORS)
        update(admin, AUTHORS, author.pk, name="x")
        news()

        client.get(url(AUTHORS, "history", author))

        (row,) = news()
        assert (row.operation, row.table_name, row.record_id, row.channel) == (
            "QUERY",
            "authors",
            str(author.pk),
            "admin",
        )

    def test_needs_the_right_to_read(self, browser: Any, nobody: Any, admin: Any, news: Any) -> None:
        author = made(AUTHORS, name="Private")
        update(admin, AUTHORS, author.pk, name="More private")
        news()

        page = browser(nobody).get(url(AUTHORS, "history", author))

        assert page.status_code == 403
        assert "rivate" not in page.content.decode()
        assert [row.error_code for row in news(success=False)] == ["PERMISSION_DENIED"]

    def test_costs_the_same_for_many_versions(
        self, client: Any, admin: Any, django_assert_max_num_queries: Any
    ) -> None:
        few, many = made(BOOKS), made(BOOKS)
        update(admin, BOOKS, few.pk, title="x", author_id=made(AUTHORS).pk)
        for number in range(12):
            update(admin, BOOKS, many.pk, title=str(number), author_id=made(AUTHORS).pk)
        client.get(url(BOOKS, "history", few))

        with django_assert_max_num_queries(100) as first:
            client.get(url(BOOKS, "history", few))
        with django_assert_max_num_queries(len(first)):
            client.get(url(BOOKS, "history", many))

    @pytest.mark.parametrize("name", ["characters", "locations", "writing_goals", "writing_sessions"])
    def test_goes_back_to_values_of_every_kind(self, client: Any, admin: Any, name: str) -> None:
        table = registry.get(name)
        record = made(table)
        before = table.model._default_manager.values().get(pk=record.pk)
        empty = {n: None for n, f in table.columns.items() if f.null and n != "deleted_at"}
        update(admin, table, record.pk, **empty)
        page = client.get(url(table, "history", record))
        address = next(found for found in version_urls(page) if found.endswith("/before/"))
        version = client.get(address)
        differing = version.context["comparison"].differing
        answer = client.post(address, to_post(version, *differing))

        assert answer.status_code == 302
        now = table.model._default_manager.values().get(pk=record.pk)
        assert {**now, "updated_at": None} == {**before, "updated_at": None}


class TestVersion:
    def test_sets_back_the_columns_that_are_ticked(self, client: Any, admin: Any, news: Any) -> None:
        book = made(BOOKS, title="First", description="x")
        update(admin, BOOKS, book.pk, title="Second", description="y")
        (address,) = (a for a in version_urls(client.get(url(BOOKS, "history", book))) if "before" in a)
        version = client.get(address)
        assert "[-Second-]{+First+}" in shown(version).replace("-] {+", "-]{+")
        news()

        answer = client.post(address, to_post(version, "title"), follow=True)

        book.refresh_from_db()
        assert (book.title, book.description) == ("First", "y")
        assert "Set back." in answer.content.decode()
        assert "[-Second-]{+First+}" in shown(answer).replace("-] {+", "-]{+")
        (row,) = news(operation="UPDATE")
        assert (row.record_id, row.channel) == (str(book.pk), "admin")
        assert "reverted_to" in row.client_info

    def test_changed_meanwhile_is_refused_and_shown_anew(self, client: Any, admin: Any, news: Any) -> None:
        book = made(BOOKS, title="First")
        update(admin, BOOKS, book.pk, title="Second")
        (address,) = (a for a in version_urls(client.get(url(BOOKS, "history", book))) if "before" in a)
        form = to_post(client.get(address), "title")
        update(admin, BOOKS, book.pk, title="Meanwhile")
        news()

        answer = client.post(address, form)

        assert answer.status_code == 200
        assert "was changed since you looked at it" in unescape(answer.content.decode())
        assert "Meanwhile" in shown(answer)
        assert models.Book.objects.get(pk=book.pk).title == "Meanwhile"
        assert [(r.operation, r.error_code) for r in news(success=False)] == [("UPDATE", "CONFLICT")]

    @pytest.mark.parametrize("columns", [[], ["id"], ["deleted_at"], ["nonsense"], ["title", "updated_at"]])
    def test_a_forged_form_changes_nothing(self, client: Any, admin: Any, columns: list[str]) -> None:
        book = made(BOOKS, title="First")
        update(admin, BOOKS, book.pk, title="Second")
        before = models.Book.objects.values().get(pk=book.pk)
        (address,) = (a for a in version_urls(client.get(url(BOOKS, "history", book))) if "before" in a)

        answer = client.post(address, to_post(client.get(address), *columns))

        assert answer.status_code == 200
        assert models.Book.objects.values().get(pk=book.pk) == before

    def test_a_reader_sees_it_and_can_not_go_back(
        self, browser: Any, viewer: Any, admin: Any, news: Any
    ) -> None:
        book = made(BOOKS, title="First")
        update(admin, BOOKS, book.pk, title="Second")
        reader = browser(viewer)
        page = reader.get(url(BOOKS, "history", book))
        assert "go back" not in shown(page)
        (address,) = (a for a in version_urls(page) if "before" in a)
        version = reader.get(address)
        assert 'type="checkbox"' not in version.content.decode()
        assert 'type="submit" class="default"' not in version.content.decode()
        news()

        answer = reader.post(address, to_post(version, "title"))

        assert answer.status_code == 403
        assert models.Book.objects.get(pk=book.pk).title == "Second"
        assert [r.error_code for r in news(success=False)] == ["PERMISSION_DENIED"]

    def test_a_column_that_is_read_only_for_the_person_stays(
        self, browser: Any, writer: Any, admin: Any
    ) -> None:
        book = made(BOOKS, title="First", word_count=1)
        update(admin, BOOKS, book.pk, title="Second", word_count=2)
        ColumnRule.objects.create(
            role=Group.objects.get(name="Writer"),
            table_id="books",
            column_name="word_count",
            access="read_only",
        )
        client = browser(writer)
        (address,) = (a for a in version_urls(client.get(url(BOOKS, "history", book))) if "before" in a)
        version = client.get(address)
        assert re.search(r'value="word_count" disabled', version.content.decode())

        refused = client.post(address, to_post(version, "title", "word_count"))
        assert refused.status_code == 200
        assert models.Book.objects.get(pk=book.pk).title == "Second"
        client.post(address, to_post(version, "title"))

        book.refresh_from_db()
        assert (book.title, book.word_count) == ("First", 2)

    def test_of_what_is_in_the_trash_has_no_way_back(self, client: Any, admin: Any) -> None:
        book = made(BOOKS, title="First")
        update(admin, BOOKS, book.pk, title="Second")
        records.delete_records(actor=admin, table=BOOKS, where={"id": book.pk})
        page = client.get(url(BOOKS, "history", book))
        assert "in the trash" in shown(page)
        address = next(a for a in version_urls(page) if "before" in a)
        version = client.get(address)
        assert 'type="checkbox"' not in version.content.decode()

        client.post(address, to_post(version, "title"))

        assert models.Book.objects.get(pk=book.pk).title == "Second"

    def test_a_post_without_its_token_is_refused(self, person: Any, admin: Any) -> None:
        book = made(BOOKS, title="First")
        update(admin, BOOKS, book.pk, title="Second")
        client = Client(enforce_csrf_checks=True)
        client.force_login(person(is_superuser=True))
        (address,) = (a for a in version_urls(client.get(url(BOOKS, "history", book))) if "before" in a)

        answer = client.post(address, to_post(client.get(address), "title"))

        assert answer.status_code == 403
        assert models.Book.objects.get(pk=book.pk).title == "Second"


class TestJunction:
    def test_has_a_history_and_a_way_back_too(self, client: Any, admin: Any) -> None:
        table = registry.get("character_scenes")
        character, scene = made(registry.get("characters")), made(registry.get("scenes"), title="At sea")
        row = models.CharacterScene.objects.create(character=character, scene=scene, role="hero")
        where = {"character_id": character.pk, "scene_id": scene.pk}
        records.update_records(actor=admin, table=table, data={"role": "villain"}, where=where)

        page = client.get(f"/admin/catalog/characterscene/{character.pk}:{scene.pk}/history/")
        assert page.context["name"] == f"{character.name} and At sea"
        assert "[-hero-]{+villain+}" in shown(page).replace("-] {+", "-]{+")
        address = next(found for found in version_urls(page) if found.endswith("/before/"))
        answer = client.post(address, to_post(client.get(address), "role"), follow=True)

        assert answer.status_code == 200
        assert models.CharacterScene.objects.get(**where).role == row.role == "hero"
