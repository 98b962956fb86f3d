"""The program of the manual, as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from accesscontrol.actor import Actor
from catalog.models import Book

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

FILES = {
    "authors": "id,name\n7,Lewis Carroll\n",
    "series": "id,author_id,title\n3,7,Wonderland\n",
    "books": "id,author_id,series_id,title,word_count\n5,7,3,Alice,100\n6,7,,Snark,\n",
}


@pytest.fixture
def run(
    live_server: Any, editor: Actor, key: Callable[..., str], tmp_path: Path
) -> Callable[[], subprocess.CompletedProcess[str]]:
    text = key(editor, "read", "insert", "update", "export")

    def run() -> subprocess.CompletedProcess[str]:
        program = Path(settings.BASE_DIR) / "docs" / "examples" / "load_over_rest.py"
        return subprocess.run(
            [sys.executable, str(program), str(tmp_path), f"--server={live_server.url}", "--to=out.csv"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "DBADMIN_API_KEY": text},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def test_loads_edits_exports_and_reads_its_trail(
    run: Callable[[], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    for table, text in FILES.items():
        (tmp_path / f"{table}.csv").write_text(text, encoding="utf-8")

    done = run()

    assert (done.returncode, done.stderr) == (0, "")
    assert "books           2 loaded" in done.stdout
    assert "100 became 140" in done.stdout
    assert Book.objects.get(pk=5).word_count == 140
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").count("\n") == 3
    assert "EXPORT_CSV" in done.stdout

    again = run()  # what is there already is not loaded twice

    assert (again.returncode, again.stderr) == (0, "")
    assert "140 became 180" in again.stdout
    assert Book.objects.count() == 2


def test_an_empty_folder_is_told(run: Callable[[], subprocess.CompletedProcess[str]]) -> None:
    done = run()

    assert done.returncode == 1
    assert "There is none of authors, series, books" in done.stderr
