"""Importing and exporting in the browser: from the file to the undo, by rights, and with files that do harm."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accesscontrol.models import ColumnRule
from catalog import models, registry
from catalog.admin.exchange import exports
from catalog.exchange import steps
from jobs import running
from jobs.models import Job, State
from tests.catalog.exchange import workbooks
from tests.catalog.services import builders
from tests.faces.samples import url

AUTHORS = registry.get("authors")
BOOKS = registry.get("books")
GENRES = registry.get("book_genres")
IMPORT = url(AUTHORS, "import")
EXPORT = url(AUTHORS, "export")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where exports and uploads go in this test."""
    settings.EXPORT_DIR = tmp_path / "exports"
    return tmp_path / "exports"


@pytest.fixture
def dora(person: Any, browser: Any) -> Client:
    """The browser of a data manager, who imports and exports."""
    return browser(person("Data manager", name="dora"))


Bring = Callable[..., Any]


def bring(
    client: Client, content: str | bytes, name: str = "authors.csv", *, page: str = IMPORT, **more: Any
) -> Any:
    """Upload a file."""
    data = content.encode() if isinstance(content, str) else content
    return client.post(page, {"resource": "0", "import_file": SimpleUploadedFile(name, data), **more})


def mapped(client: Client, address: str, *columns: str, on_conflict: str = "error", **more: str) -> Any:
    """Say what goes where."""
    fields = {f"to_{place}": column for place, column in enumerate(columns)}
    return client.post(address, {**fields, "on_conflict": on_conflict, **more})


def previewed(
    client: Client, content: str | bytes, *columns: str, name: str = "authors.csv", **terms: str
) -> str:
    """Come as far as the preview, and return its address."""
    answer = mapped(client, bring(client, content, name).url, *columns, **terms)
    assert answer.status_code == 302, text_of(answer)
    return str(answer.url)


def text_of(answer: Any) -> str:
    """Return a page as a person reads it."""
    return unescape(answer.content.decode())


def downloaded(answer: Any) -> bytes:
    """Return the file that was sent."""
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"], text_of(answer)
    return b"".join(answer.streaming_content)


def work(answer: Any) -> Job:
    """Do the job that an answer leads to, and return it."""
    job = Job.objects.get(pk=int(answer.url.split("/")[-3]))
    running.run(job.pk)
    job.refresh_from_db()
    return job


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

    def test_who_may_only_add_is_offered_nothing_else(self, person: Any, browser: Any) -> None:
        client = browser(person(**{"import": ["authors"], "insert": ["authors"]}))
        address = bring(client, "id,name\n1,Ann\n").url
        page = text_of(client.get(address))

        assert 'value="skip"' in page
        assert 'value="update"' not in page
        assert mapped(client, address, "id", "name", on_conflict="update").status_code == 400
        assert mapped(client, address, "id", "name", on_conflict="skip").status_code == 302

    def test_who_may_only_change_is_offered_nothing_else(self, person: Any, browser: Any) -> None:
        client = browser(person(**{"import": ["authors"], "update": ["authors"]}))
        address = bring(client, "id,name\n1,Ann\n").url

        assert mapped(client, address, "id", "name", on_conflict="skip").status_code == 400
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

    def test_hidden_columns_are_no_choice(self, dora: Client) -> None:
        role = Group.objects.get(name="Data manager")
        ColumnRule.objects.create(role=role, table_id="authors", column_name="bio", access="hidden")
        address = bring(dora, "name,bio\nAnn,x\n").url

        assert '<option value="bio"' not in text_of(dora.get(address))
        assert "bio" not in text_of(dora.get(IMPORT)).partition("What the table has")[2]
        assert mapped(dora, address, "name", "bio").status_code == 400


class TestBadFiles:
    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("a.csv", "name\nJosé\n".encode("latin-1"), "not UTF-8"),
            ("a.csv", "name\nAnn\n".encode("utf-16"), "UTF-16"),
            ("a.csv", b"name\nAnn\xe2\x82", "not UTF-8"),
            ("a.csv", workbooks.made(["name"]), "packed"),
            ("a.csv", ",".join(f"c{n}" for n in range(10_000)).encode(), "10,000 columns"),
            ("a.csv", b"na\0me\nAnn\n", "NUL"),
            ("a.csv", b'"name\nAnn\n', "never closed"),
            ("a.json", b'{"name": "Ann"', "no JSON"),
            ("a.json", b"[1, 2]", "no objects"),
            ("a.json", b"[" * 100_000, "nested too deep"),
            ("a.xlsx", b"name\nAnn\n", "no workbook"),
            ("a.xlsx", workbooks.bomb(), "unpacks to"),
            ("a.xls", b"\xd0\xcf\x11\xe0", "end of its name"),
            ("a", b"name\nAnn\n", "end of its name"),
        ],
    )
    def test_are_refused_clearly_and_leave_nothing(
        self, dora: Client, news: Any, folder: Path, name: str, content: bytes, words: str
    ) -> None:
        answer = bring(dora, content, name)

        assert 400 <= answer.status_code < 500
        assert words in text_of(answer)
        assert not list(folder.rglob("*.*"))
        (row,) = news(success=False)
        assert (row.operation, row.table_name) == ("IMPORT_CSV", "authors")

    def test_one_that_is_empty_or_not_there_is_said_to_be(self, dora: Client) -> None:
        assert "empty" in text_of(bring(dora, ""))
        assert dora.post(IMPORT, {"resource": "0"}).status_code == 400

    def test_two_gigabytes_are_refused_before_they_are_read(self, dora: Client, news: Any) -> None:
        answer = dora.generic(
            "POST", IMPORT, b"x", content_type="multipart/form-data; boundary=b", CONTENT_LENGTH=str(2 << 30)
        )

        assert answer.status_code == 413
        assert "larger than 256 MB" in text_of(answer)
        assert [row.error_code for row in news(success=False)] == ["LIMIT_EXCEEDED"]

    def test_an_upload_needs_the_token_of_the_form(self, person: Any) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(person("Data manager"))

        assert bring(client, "name\nAnn\n").status_code == 403

    def test_ragged_rows_and_nul_are_told_by_row(self, dora: Client) -> None:
        page = text_of(dora.get(previewed(dora, "name,bio\nAnn\nBob,x,y\nC\0d,x\nDan,x\n", "name", "bio")))

        assert "The row has 1 field instead of 2." in page
        assert "The row has 3 fields instead of 2." in page
        assert "NUL" in page

    def test_names_and_values_that_are_markup_are_shown_as_text(self, dora: Client) -> None:
        bad = "<script>alert(1)</script>"
        address = bring(dora, f'name,"{bad}"\n{bad},{bad}\n', f"{bad}.csv").url
        preview = mapped(dora, address, "name", "bio").url

        for page in (address, preview):
            assert bad.encode() not in dora.get(page).content

    def test_at_most_five_files_are_kept_for_one_person(self, dora: Client, folder: Path) -> None:
        addresses = [bring(dora, f"name\nAnn {n}\n").url for n in range(7)]

        assert len(list((folder / "uploads").glob("*.data"))) == 5
        assert dora.get(addresses[-1]).status_code == 200


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

    def test_no_columns_are_no_file(self, dora: Client) -> None:
        assert self.asked(dora).status_code == 400

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
