"""Files that do harm, or would: each is refused clearly, changes nothing, and is in the trail."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalog import models
from tests.catalog.exchange import workbooks
from tests.catalog.services.builders import EVENTS
from tests.faces.exchanging import AUTHORS, IMPORT, bring, mapped, previewed, text_of, work
from tests.faces.samples import url

pytestmark = pytest.mark.usefixtures("no_navigation")


class Endless(io.RawIOBase):
    """A body that goes on as long as it is read."""

    def __init__(self, head: bytes) -> None:
        self.head, self.given = head, 0

    def read(self, size: int = -1) -> bytes:
        found = self.head or b"x" * min(max(size, 1), 1 << 16)
        self.head = b""
        self.given += len(found)
        assert self.given < 1 << 24, "it is read for ever"
        return found


MULTIPART: dict[str, Any] = {"CONTENT_TYPE": "multipart/form-data; boundary=b"}
MANY = [f"c{n}" for n in range(10_000)]


class Unreadable(io.RawIOBase):
    """What comes from a browser, and is not to be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("it was read")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where exports and uploads go in this test."""
    settings.EXPORT_DIR = tmp_path / "exports"
    return tmp_path / "exports"


class TestBadFiles:
    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("a.csv", "name\nJosé\n".encode("latin-1"), "not UTF-8"),
            ("a.csv", "name\nAnn\n".encode("utf-16"), "UTF-16"),
            ("a.csv", "name\nAnn\n".encode("utf-16-le"), "NUL"),  # without a mark
            ("a.csv", b"name\n" + b"Ann\n" * 300_000 + b"Jos\xe9\n", "not UTF-8: byte 0xE9 in line 300002"),
            ("a.csv", b"name\nAnn\xe2\x82", "not UTF-8"),
            ("a.csv", lambda: workbooks.made(["name"]), "packed"),
            ("a.csv", ",".join(MANY).encode(), "10,000 columns"),
            ("a.json", json.dumps([dict.fromkeys(MANY, 1)]).encode(), "10,000 columns"),
            ("a.xlsx", lambda: workbooks.made(MANY, range(10_000)), "more than 500 columns"),
            ("a.csv", b"na\0me\nAnn\n", "NUL"),
            ("a.csv", b'"name\nAnn\n', "never closed"),
            ("a.json", b'{"name": "Ann"', "no JSON"),
            ("a.json", b"[1, 2]", "no objects"),
            ("a.json", b"[" * 100_000, "nested too deep"),
            ("a.xlsx", b"name\nAnn\n", "no workbook"),
            ("a.xlsx", workbooks.bomb, "unpacks to"),
            ("a.xlsx", lambda: workbooks.bomb(part="xl/sharedStrings.xml"), "unpacks to"),
            ("a.xlsx", workbooks.laughing, "no workbook"),
            ("a.xls", b"\xd0\xcf\x11\xe0", "end of its name"),
            ("a", b"name\nAnn\n", "end of its name"),
        ],
    )
    def test_are_refused_clearly_and_leave_nothing(
        self, dora: Client, news: Any, folder: Path, name: str, content: Any, words: str
    ) -> None:
        answer = bring(dora, content() if callable(content) else content, name)

        assert 400 <= answer.status_code < 500
        assert words in text_of(answer)
        assert not list(folder.rglob("*.*"))
        (row,) = news(success=False)
        assert (row.operation, row.table_name) == ("IMPORT_CSV", "authors")

    @pytest.mark.parametrize(
        "data", [{"import_file": SimpleUploadedFile("a.csv", b"")}, {}, {"import_file": "a"}]
    )
    def test_one_that_is_empty_or_not_there_is_said_to_be(self, dora: Client, news: Any, data: Any) -> None:
        answer = dora.post(IMPORT, {"resource": "0", **data})

        assert answer.status_code == 400
        assert 'id="file-fault"' in text_of(answer)
        assert [row.operation for row in news(success=False)] == ["IMPORT_CSV"]

    @pytest.mark.parametrize(
        ("told", "status", "words"),
        [
            ({"CONTENT_LENGTH": str(2 << 30)}, 413, "larger than 256 MB"),
            ({"HTTP_TRANSFER_ENCODING": "chunked"}, 411, "must be said before"),
            ({"CONTENT_LENGTH": "-1"}, 411, "must be said before"),
        ],
    )
    def test_two_gigabytes_are_refused_before_they_are_read(
        self, dora: Client, news: Any, folder: Path, told: Any, status: int, words: str
    ) -> None:
        answer = dora.generic("POST", IMPORT, **{**MULTIPART, "wsgi.input": Unreadable(), **told})

        assert answer.status_code == status
        assert words in text_of(answer)
        assert [row.operation for row in news(success=False)] == ["IMPORT_CSV"]
        assert not folder.exists()

    @pytest.mark.parametrize("page", ["/admin/login/", url(AUTHORS, "add")])
    def test_no_other_page_reads_a_file(self, dora: Client, page: str) -> None:
        head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        sent = Endless(head)

        dora.generic("POST", page, **{**MULTIPART, "wsgi.input": sent, "CONTENT_LENGTH": str(2 << 30)})

        assert 0 < sent.given < 1 << 20

    def test_an_upload_needs_the_token_of_the_form(self, person: Any) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(person("Data manager"))

        assert bring(client, "name\nAnn\n").status_code == 403

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            (
                "a.csv",
                b"name,bio\nAnn\nBob,x,y\nC\0d,x\nDan,x\n",
                ["has 1 field instead of 2.", "has 3 fields instead of 2.", "NUL"],
            ),
            (
                "a.json",
                b'[{"name": "Ann", "bio": 1e999999999}, {"name": "a\\u0000b"}]',
                ["bio must be", "name "],
            ),
            (
                "a.xlsx",
                workbooks.made(
                    ["name", "bio"], ["=1+1", "x"], ["Ann"], ["Bob", "x", "y"], ["a_x0000_b", "x"]
                ),
                ["is a formula", "more cells than the first row", "name "],
            ),
        ],
    )
    def test_rows_that_are_ragged_or_hold_what_none_may_are_told(
        self, dora: Client, news: Any, name: str, content: bytes, words: list[str]
    ) -> None:
        preview = previewed(dora, content, "name", "bio", name=name)
        page = text_of(dora.get(preview))
        answer = dora.post(preview)

        for words_ in words:
            assert words_ in page
        assert answer.url == preview
        assert not models.Author.objects.exists()
        assert [row.error_code for row in news(success=False)] == ["VALIDATION_ERROR"]

    def test_a_number_of_a_billion_digits_is_not_written_out(self, dora: Client) -> None:
        content = b'[{"title": "A", "position": 1e999999999}, {"title": "B", "position": 1e-999999999}]'
        address = bring(dora, content, "a.json", page=url(EVENTS, "import")).url

        page = text_of(dora.get(mapped(dora, address, "title", "position").url))

        assert page.count("position has too many digits.") == 2

    def test_formulas_of_a_text_file_are_texts(self, dora: Client) -> None:
        names = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"]
        content = "name\n" + "".join(f'"{name}"\n' for name in names)

        work(dora.post(previewed(dora, content, "name")))

        assert list(models.Author.objects.order_by("id").values_list("name", flat=True)) == names

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
