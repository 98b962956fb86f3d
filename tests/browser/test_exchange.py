"""Importing and exporting with a browser: a file with faults, the mended one, its job, and a file out again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from catalog import models
from jobs import running
from jobs.models import Job
from tests.browser.conftest import Visitor

BROKEN = "Full name,Mail,Notes\nAnn,ann@example.com,x\n,nobody@example.com,y\n" + "Bob,ann@example.com,z\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> None:
    """Exports and uploads of this test."""
    settings.EXPORT_DIR = tmp_path / "exports"


def bring(page: Page, content: str) -> None:
    """Choose a file, and go on to its columns."""
    file = {"name": "authors.csv", "mimeType": "text/csv", "buffer": content.encode()}
    page.get_by_label("File", exact=True).set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Go on").click()


def test_a_file_with_faults_is_mended_and_imported(visit: Callable[..., Visitor]) -> None:
    visitor = visit("Data manager")
    page = visitor.go("catalog/author/")
    page.get_by_role("link", name="Import", exact=True).click()
    bring(page, BROKEN)
    wrong = visitor.wrong()
    expect(page.get_by_label("Full name")).to_have_value("name")
    page.get_by_label("Mail").select_option("email")
    page.get_by_label("Notes").select_option("")
    page.get_by_role("button", name="Preview").click()

    expect(page.get_by_role("heading", name="2 things are wrong")).to_be_visible()
    expect(page.get_by_role("row", name="name can't be null")).to_be_visible()
    wrong += visitor.wrong()

    page.get_by_role("link", name="Bring the mended file").click()
    bring(page, BROKEN.replace("\n,", "\nCid,").replace("Bob,ann", "Bob,bob"))
    page.get_by_label("Mail").select_option("email")
    page.get_by_role("button", name="Preview").click()
    wrong += visitor.wrong()
    page.get_by_role("button", name="Import 3 rows").click()
    expect(page.get_by_role("heading", name="State")).to_be_visible()
    running.run(Job.objects.get().pk)
    expect(page.get_by_role("link", name="Undo the import")).to_be_visible()  # by itself
    wrong += visitor.wrong()

    assert not wrong, "\n".join(wrong)
    assert sorted(models.Author.objects.values_list("name", flat=True)) == ["Ann", "Bob", "Cid"]


def test_the_file_has_what_the_list_shows(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    for name in ("Ann", "Anton", "Bob"):
        models.Author.objects.create(name=name)
    visitor = visit("Data manager")
    page = visitor.go("catalog/author/?q=an")
    page.get_by_role("link", name="Export", exact=True).click()
    page.get_by_role("button", name="None").click()
    page.get_by_role("checkbox", name="name").check()
    wrong = visitor.violations()

    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()

    download.value.save_as(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "name\nAnn\nAnton\n"
    assert not wrong, "\n".join(wrong)
