"""Importing and exporting in the browser: from the file to the undo, by rights, and with files that do harm."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from accesscontrol.models import ColumnRule
from catalog import models, registry
from catalog.admin.exchange import exports
from catalog.exchange import steps
from jobs import running
from jobs.models import Job, State
from tests.catalog.exchange import workbooks
from tests.catalog.exchange.test_import import FIRST, LAST, rows_of
from tests.catalog.services import builders
from tests.faces.exchanging import (
    AUTHORS,
    EXPORT,
    IMPORT,
    bring,
    downloaded,
    mapped,
    previewed,
    text_of,
    work,
)
from tests.faces.samples import url

pytestmark = pytest.mark.usefixtures("no_navigation")

BOOKS = registry.get("books")
CHARACTERS = registry.get("characters")
GENRES = registry.get("book_genres")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where exports and uploads go in this test."""
    settings.EXPORT_DIR = tmp_path / "exports"
    return tmp_path / "exports"


class TestImport:
    def test_from_the_file_to_the_undo(self, dora: Client, news: Any) -> None:
        brought = bring(dora, "Name of author,Life\nAnn,a life\nBob,\n")
        page = text_of(dora.get(brought.url))
        assert "Name of author" in page
        assert '<option value="name" selected>name *</option>' in page  # as it was guessed

        preview = mapped(dora, brought.url, "name", "bio").url
        page = text_of(dora.get(preview))
        assert "Import 2 rows" in page
        assert not models.Author.objects.exists()

        job = work(dora.post(preview))

        assert (job.state, job.kind) == (State.DONE, "import_csv")
        assert list(models.Author.objects.order_by("id").values_list("name", "bio")) == [
            ("Ann", "a life"), ("Bob", None),
        ]  # fmt: skip
        told = [(row.operation, row.dry_run) for row in news() if row.operation == "IMPORT_CSV"]
        assert told == [("IMPORT_CSV", True), ("IMPORT_CSV", False)]
        page = text_of(dora.get(f"/admin/jobs/job/{job.pk}/change/"))
        undo = reverse("admin:undo_change", args=[job.result["change_id"]])
        assert undo in page
        dora.post(undo)
        assert not models.Author.objects.exists()
        assert dora.get(preview).status_code == 404  # the file is forgotten

    def test_twenty_broken_rows_are_all_reported_and_nothing_happens(self, dora: Client) -> None:
        author = builders.author()
        rows = [f"{author.pk},Book {n},{'nonsense' if n % 10 == 0 else 'draft'}" for n in range(200)]
        address = bring(dora, "author_id,title,status\n" + "\n".join(rows), page=url(BOOKS, "import")).url
        preview = mapped(dora, address, "author_id", "title", "status").url

        page = text_of(dora.get(preview))
        faults = downloaded(dora.get(preview.replace("preview", "faults"))).decode("utf-8-sig")
        listed = list(csv.reader(io.StringIO(faults)))
        posted = dora.post(preview)

        assert "20 things are wrong" in page
        assert page.count("status can't be 'nonsense'") == 20
        assert [row[:2] for row in listed[1:]] == [[str(n + 1), "status"] for n in range(0, 200, 10)]
        assert posted.url == preview
        assert not Job.objects.exists()
        assert not models.Book.objects.exists()

    def test_many_faults_are_shown_in_pages(self, dora: Client) -> None:
        preview = previewed(dora, "name,bio\n" + ",x\n" * 250, "name", "bio")

        assert text_of(dora.get(preview)).count("name can't be null") == 100
        assert text_of(dora.get(f"{preview}?page=3")).count("name can't be null") == 50
        for odd in ("0", "99", "x", "-1", "9" * 30):
            assert dora.get(f"{preview}?page={odd}").status_code == 200

    def test_changes_are_shown_side_by_side_and_done(self, dora: Client) -> None:
        old = builders.author(name="Old", bio="kept")
        preview = previewed(dora, f"id,name\n{old.pk},New\n", "id", "name", on_conflict="update", match="id")

        page = text_of(dora.get(preview))
        work(dora.post(preview))

        assert "<del>Old</del>" in page
        assert "<ins>New</ins>" in page
        old.refresh_from_db()
        assert (old.name, old.bio) == ("New", "kept")

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.json", json.dumps([{"name": "Ann"}, {"name": "Bob"}]).encode()),
            ("a.jsonl", b'{"name": "Ann"}\n{"name": "Bob"}\n'),
            ("a.XLSX", workbooks.made(["name"], ["Ann"], ["Bob"])),
            ("a.tsv", b"\xef\xbb\xbfname\nAnn\nBob\n"),
        ],
    )
    def test_takes_every_kind_of_file(self, dora: Client, name: str, content: bytes) -> None:
        work(dora.post(previewed(dora, content, "name", name=name)))

        assert sorted(models.Author.objects.values_list("name", flat=True)) == ["Ann", "Bob"]

    def test_the_delimiter_is_found_and_can_be_said(self, dora: Client) -> None:
        address = bring(dora, "name;bio, short;email\nAnn;x;\n").url

        assert "bio, short" in text_of(dora.get(address))
        assert "name;bio" in text_of(dora.get(f"{address}?delimiter=,"))
        assert "column 1" in text_of(dora.get(f"{address}?headers=no"))
        assert dora.get(f"{address}?delimiter=x").status_code == 400

    def test_a_preview_that_is_too_old_is_made_again(self, dora: Client, folder: Path) -> None:
        preview = previewed(dora, "name\nAnn\n", "name")
        (kept,) = (folder / "uploads").glob("*.preview")
        kept.write_text(json.dumps({**json.loads(kept.read_text()), "expires_at": "2020-01-01T00:00:00Z"}))

        answer = dora.post(preview)

        assert answer.url == preview
        assert not Job.objects.exists()
        assert work(dora.post(preview)).state == State.DONE

    def test_what_changed_since_the_preview_is_not_imported(self, dora: Client) -> None:
        preview = previewed(dora, "id,name\n900001,Ann\n", "id", "name", on_conflict="skip")
        builders.author(id=900001, name="Somebody else")

        job = work(dora.post(preview))

        assert (job.state, job.error["code"]) == (State.FAILED, "CONFIRMATION_REQUIRED")
        assert models.Author.objects.get().name == "Somebody else"
        assert preview in text_of(dora.get(f"/admin/jobs/job/{job.pk}/change/"))

    def test_a_job_tells_others_nothing_of_what_is_in_a_file(self, dora: Client) -> None:
        preview = previewed(dora, "id,name\n900001,Ann\n", "id", "name")
        builders.author(id=900001)

        job = work(dora.post(preview))

        assert job.state == State.FAILED
        assert "900001" not in json.dumps([job.arguments, job.error, job.log])

    def test_a_large_file_is_previewed_by_a_job(self, dora: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(steps.AT_ONCE_BYTES, "csv", 3)
        preview = previewed(dora, "name\nAnn\nBob\n", "name")
        job = Job.objects.get()
        waiting = text_of(dora.get(preview))
        running.run(job.pk)

        assert f'data-job="{job.pk}"' in waiting
        assert "Import 2 rows" in text_of(dora.get(preview))
        job.refresh_from_db()
        assert job.result == {
            "table": "authors", "rows": 2, "new": 2, "changed": 0, "skipped": 0, "faulty_rows": 0,
        }  # fmt: skip

    def test_rows_of_a_junction_are_imported_too(self, dora: Client) -> None:
        book, genre = builders.book(), models.Genre.objects.order_by("id")[0]
        address = bring(dora, f"book,genre\n{book.pk},{genre.pk}\n", page=url(GENRES, "import")).url

        work(dora.post(mapped(dora, address, "book_id", "genre_id").url))

        assert models.BookGenre.objects.get().genre_id == genre.pk

    def test_somebody_elses_file_is_not_there(self, dora: Client, admin: Any, browser: Any) -> None:
        address = bring(dora, "name\nAnn\n").url

        assert browser(admin).get(address).status_code == 404
        assert browser(admin).get(f"{address}preview/").status_code == 404
        assert dora.get(address.replace("author", "series")).status_code == 404
        assert dora.get(f"{IMPORT}{'0' * 32}/").status_code == 404


class TestRoundTrip:
    @pytest.mark.parametrize("format_", ["csv", "json", "xlsx"])
    def test_lists_times_and_all_else_come_back_as_they_were(self, dora: Client, format_: str) -> None:
        series = builders.series()
        for text in (
            "",
            " x ",
            "a,b",
            'say "so"',
            "{}",
            "NULL",
            "back\\slash",
            "line\nbreak",
            "'=1+1",
            "=1+1",
            "é\u2028",
        ):
            builders.character(
                series=series, name=text, aliases=[text, "two"], attributes={"text": [text, 1.50, None]},
                created_at=FIRST,
            )  # fmt: skip
        builders.character(aliases=[], description=None, created_at=LAST)
        builders.character(
            aliases=None, description="", created_at=datetime(2024, 2, 29, 23, 59, 59, 100, tzinfo=UTC)
        )
        before = rows_of(CHARACTERS)
        boxes = {f"characterresource_{name}": "on" for name in CHARACTERS.columns}
        number = str(["csv", "json", "xlsx"].index(format_))
        form = {"resource": "0", "format": number, "formulas": "", **boxes}
        content = downloaded(dora.post(url(CHARACTERS, "export"), form))
        models.Character.objects.all().delete()

        address = bring(dora, content, f"a.{format_}", page=url(CHARACTERS, "import")).url
        job = work(dora.post(mapped(dora, address, *CHARACTERS.columns).url))

        assert (job.state, job.error) == (State.DONE, None)
        assert rows_of(CHARACTERS) == before


class TestRights:
    def test_who_may_not_import_sees_no_way_and_finds_none(
        self, person: Any, browser: Any, news: Any
    ) -> None:
        client = browser(person("Writer"))

        assert IMPORT not in text_of(client.get(url(AUTHORS, "")))
        assert client.get(IMPORT).status_code == 403
        assert bring(client, "name\nAnn\n").status_code == 403
        assert [row.error_code for row in news(success=False)] == ["PERMISSION_DENIED"] * 2

    def test_a_table_that_nobody_writes_takes_no_file(self, browser: Any, admin: Any) -> None:
        assert browser(admin).get(url(registry.get("genres"), "import")).status_code == 403

    def test_who_may_only_add_is_offered_nothing_else(self, person: Any, browser: Any, news: Any) -> None:
        client = browser(person(**{"import": ["authors"], "insert": ["authors"]}))
        address = bring(client, "id,name\n1,Ann\n").url
        page = text_of(client.get(address))

        assert 'value="skip"' in page
        assert 'value="update"' not in page
        for way in ("update", "update_only"):
            assert mapped(client, address, "id", "name", on_conflict=way).status_code == 403
        assert [(row.operation, row.error_code) for row in news(success=False)] == [
            ("IMPORT_CSV", "PERMISSION_DENIED")
        ] * 2
        assert mapped(client, address, "id", "name", on_conflict="skip").status_code == 302

    def test_who_may_only_change_is_offered_nothing_else(self, person: Any, browser: Any) -> None:
        client = browser(person(**{"import": ["authors"], "update": ["authors"]}))
        address = bring(client, "id,name\n1,Ann\n").url

        for way in ("error", "skip", "update"):
            assert mapped(client, address, "id", "name", on_conflict=way).status_code == 403
        preview = mapped(client, address, "id", "name", on_conflict="update_only").url
        assert "none is to be added" in text_of(client.get(preview))

    def test_rights_taken_away_are_gone_at_the_next_step(self, dora: Client, news: Any) -> None:
        preview = previewed(dora, "name\nAnn\n", "name")
        answer = dora.post(preview)
        User.objects.get(username="dora").groups.clear()

        job = work(answer)

        assert (job.state, job.error["code"]) == (State.FAILED, "PERMISSION_DENIED")
        assert dora.post(preview).status_code == 403
        assert not models.Author.objects.exists()

    def test_hidden_columns_are_no_choice(self, dora: Client, news: Any) -> None:
        role = Group.objects.get(name="Data manager")
        ColumnRule.objects.create(role=role, table_id="authors", column_name="bio", access="hidden")
        address = bring(dora, "name,bio\nAnn,x\n").url

        assert '<option value="bio"' not in text_of(dora.get(address))
        assert "bio" not in text_of(dora.get(IMPORT)).partition("What the table has")[2]
        assert mapped(dora, address, "name", "bio").status_code == 400
        (row,) = news(success=False)
        assert (row.operation, row.error_code) == ("IMPORT_CSV", "VALIDATION_ERROR")


class TestExport:
    def asked(self, client: Client, *columns: str, query: str = "", **more: str) -> Any:
        """Ask for a file with these columns."""
        boxes = {f"authorresource_{name}": "on" for name in columns}
        return client.post(f"{EXPORT}{query}", {"resource": "0", "format": "0", **boxes, **more})

    def test_has_exactly_what_the_list_shows(self, dora: Client) -> None:
        for name, bio in [("Ann", "x"), ("Anton", None), ("Bob", "x")]:
            builders.author(name=name, bio=bio)
        query = "?q=an&bio__isnull=0"

        listed = text_of(dora.get(f"{url(AUTHORS, '')}{query}"))
        page = text_of(dora.get(f"{EXPORT}{query}"))
        content = downloaded(self.asked(dora, "name", "bio", query=query))

        assert unescape(f"{EXPORT}{query}") in listed
        assert "Just what the list shows: 1 record." in page
        assert content == b"name,bio\nAnn,x\n"

    def test_leaves_the_trash_alone_unless_the_list_is_of_it(self, dora: Client) -> None:
        builders.book(title="Here")
        builders.book(title="Gone", deleted_at=datetime(2026, 1, 1, tzinfo=UTC))
        form = {"resource": "0", "format": "0", "bookresource_title": "on"}

        assert downloaded(dora.post(url(BOOKS, "export"), form)) == b"title\nHere\n"
        assert downloaded(dora.post(f"{url(BOOKS, 'export')}?trash=1", form)) == b"title\nGone\n"

    def test_of_ticked_records_has_just_these(self, dora: Client) -> None:
        ann, _bob, cid = (builders.author(name=name) for name in ("Ann", "Bob", "Cid"))
        page = text_of(
            dora.post(url(AUTHORS, ""), {"action": "export_chosen", "_selected_action": [ann.pk, cid.pk]})
        )

        assert f'value="{ann.pk},{cid.pk}"' in page
        content = downloaded(self.asked(dora, "name", keys=f"{ann.pk},{cid.pk}"))
        assert content == b"name\nAnn\nCid\n"
        assert self.asked(dora, "name", keys="1,x").status_code in {302, 400}

    def test_of_a_junction_has_what_its_list_shows(self, dora: Client) -> None:
        genre = models.Genre.objects.order_by("id")[0]
        one, two = builders.book(), builders.book()
        for book in (one, two):
            models.BookGenre.objects.create(book=book, genre=genre)
        page = f"{url(GENRES, 'export')}?book_id={two.pk}"
        form = {"resource": "0", "format": "0", "bookgenreresource_book_id": "on"}

        assert downloaded(dora.post(page, form)) == f"book_id\n{two.pk}\n".encode()

    def test_has_no_column_that_is_hidden(self, dora: Client) -> None:
        builders.author(bio="secret")
        role = Group.objects.get(name="Data manager")
        ColumnRule.objects.create(role=role, table_id="authors", column_name="bio", access="hidden")

        assert "bio" not in text_of(dora.get(EXPORT)).partition("Which columns")[2]
        assert b"secret" not in downloaded(self.asked(dora, "name", "bio"))
        assert dora.get(f"{EXPORT}?bio=secret").status_code == 400

    @pytest.mark.parametrize(
        ("kind", "formulas", "expected"),
        [("0", "", "=1+1"), ("0", "harmless", "'=1+1"), ("0", "exact", "=1+1"), ("1", "harmless", "=1+1")],
    )
    def test_says_how_formulas_are_written(
        self, dora: Client, kind: str, formulas: str, expected: str
    ) -> None:
        builders.author(name="=1+1")

        content = downloaded(self.asked(dora, "name", format=kind, formulas=formulas)).decode()

        assert expected in content
        assert ("'" in content) == expected.startswith("'")
        assert "apostrophe" in text_of(dora.get(EXPORT))

    def test_a_workbook_is_harmless_unless_somebody_wants_it_otherwise(self, dora: Client) -> None:
        builders.author(name="=1+1")

        def cell(**more: str) -> Any:
            return workbooks.read(downloaded(self.asked(dora, "name", format="2", **more)))["A2"]

        assert (cell().value, cell().quotePrefix) == ("=1+1", True)
        assert (cell(formulas="exact").value, cell(formulas="exact").quotePrefix) == ("=1+1", False)

    def test_a_column_may_have_the_name_of_a_field_of_the_form(self, browser: Any, admin: Any) -> None:
        models.Export.objects.create(format="sql")
        table = registry.get("exports")
        form = {"resource": "0", "format": "0", "exportresource_format": "on"}

        assert downloaded(browser(admin).post(f"{url(table, 'export')}?format=sql", form)) == b"format\nsql\n"

    def test_no_columns_are_no_file(self, dora: Client, news: Any) -> None:
        assert self.asked(dora).status_code == 400
        assert [row.operation for row in news(success=False)] == ["EXPORT_CSV"]

    def test_an_address_that_makes_no_sense_is_refused(self, dora: Client) -> None:
        assert dora.get(f"{EXPORT}?nome=x").status_code == 400

    def test_who_may_not_export_sees_no_way_and_finds_none(
        self, person: Any, browser: Any, news: Any
    ) -> None:
        client = browser(person("Viewer"))

        assert EXPORT not in text_of(client.get(url(AUTHORS, "")))
        assert "export_chosen" not in text_of(client.get(url(AUTHORS, "")))
        assert client.get(EXPORT).status_code == 403
        assert self.asked(client, "name").status_code == 403
        assert client.get(f"{EXPORT}1/").status_code == 403
        assert {row.error_code for row in news(success=False)} == {"PERMISSION_DENIED"}


class TestExportByAJob:
    @pytest.fixture
    def job(self, dora: Client, monkeypatch: pytest.MonkeyPatch) -> Job:
        """A job that has exported two authors."""
        monkeypatch.setattr(exports, "AT_ONCE_ROWS", 1)
        for name in ("Ann", "Anton", "Bob"):
            builders.author(name=name)
        form = {"resource": "0", "format": "0", "authorresource_name": "on", "authorresource_bio": "on"}
        return work(dora.post(f"{EXPORT}?q=an", form))

    def test_is_fetched_from_its_page(self, dora: Client, job: Job, news: Any) -> None:
        address = f"{EXPORT}{job.pk}/"

        assert address in text_of(dora.get(f"/admin/jobs/job/{job.pk}/change/"))
        assert downloaded(dora.get(address)) == b"name,bio\nAnn,\nAnton,\n"
        (row,) = news(operation="QUERY")
        assert row.client_info["export_file"] == job.result["export_file"]

    def test_is_nobody_elses(self, browser: Any, admin: Any, job: Job) -> None:
        client = browser(admin)

        assert f"{EXPORT}{job.pk}/" not in text_of(client.get(f"/admin/jobs/job/{job.pk}/change/"))
        assert client.get(f"{EXPORT}{job.pk}/").status_code == 404

    def test_is_of_its_table_alone(self, dora: Client, job: Job) -> None:
        assert dora.get(f"{url(BOOKS, 'export')}{job.pk}/").status_code == 404

    def test_goes_with_the_rights(self, dora: Client, job: Job) -> None:
        role = Group.objects.get(name="Data manager")
        ColumnRule.objects.create(role=role, table_id="authors", column_name="bio", access="hidden")
        assert dora.get(f"{EXPORT}{job.pk}/").status_code == 403

        User.objects.get(username="dora").groups.clear()
        assert dora.get(f"{EXPORT}{job.pk}/").status_code == 403
