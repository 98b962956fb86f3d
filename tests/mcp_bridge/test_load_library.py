"""The example of the manual, as a person runs it."""

from __future__ import annotations

import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mcp
import pytest
from django.conf import settings
from mcp import Client

from audit.models import AuditLog
from catalog.models import Book, Chapter, CharacterScene
from mcp_bridge import auth, server
from tests.mcp_bridge.conftest import wired

pytestmark = pytest.mark.django_db(transaction=True)

EXAMPLE = Path(settings.BASE_DIR, "docs", "examples", "load_library.py")
FILES = {
    "authors": "id,name\n7,Lewis Carroll\n",
    "books": "id,author_id,title,status,published_at\n5,7,Alice,published,1865-11-01\n6,7,Snark,,\n",
    "chapters": "id,book_id,chapter_num,title\n1,5,1,Rabbit\n2,5,2,Pool\n3,6,1,Landing\n",
    "scenes": "id,chapter_id,scene_num\n1,1,1\n2,2,1\n3,2,2\n",
    "characters": 'id,name,aliases\n1,Alice Liddell,"[""Alice""]"\n2,The 100% Rabbit,\n3,The Mouse,\n',
    "character_scenes": "character_id,scene_id\n1,1\n1,2\n1,3\n2,1\n3,2\n3,3\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for table, text in FILES.items():
        (tmp_path / f"{table}.csv").write_text(text, encoding="utf-8")
    return tmp_path


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_as_a_person_does(database_environment: dict[str, str], editor: object) -> Run:
    """Return a function that runs the example, which starts the server."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        server = f"--server={shlex.quote(sys.executable)} manage.py mcp_serve"
        return subprocess.run(
            [sys.executable, EXAMPLE, *map(str, arguments), "--user=edith", server],
            cwd=settings.BASE_DIR, env=database_environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    return run


@pytest.fixture
def run(editor: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the example in this process, as it runs the server: to start both takes seconds."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = [str(EXAMPLE), *map(str, arguments), "--user=edith"]
        wires = wired(server.build(auth.by_name("edith")))
        monkeypatch.setattr(mcp, "Client", lambda _command, **options: Client(wires, **options))
        monkeypatch.setattr(sys, "argv", words)
        with (
            ThreadPoolExecutor(1) as thread,
            pytest.raises(SystemExit) as ended,
        ):  # this one may have an event loop
            thread.submit(runpy.run_path, str(EXAMPLE), run_name="__main__").result()
        return subprocess.CompletedProcess(words, ended.value.code, *capsys.readouterr())

    return run


def test_runs_as_the_manual_says(run_as_a_person_does, folder):
    done = run_as_a_person_does(folder, "--companions-of", "alice")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Who shares most of the 3 scenes of Alice Liddell" in done.stdout


def test_loads_in_the_order_of_the_keys_and_answers(run, folder):
    done = run(folder, "--companions-of", "alice")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["authors", "1", "inserted", "0", "there", "already"] in [line[:6] for line in lines]
    assert ["2", "Alice,", "by", "Lewis", "Carroll"] in lines
    assert ["2", "The", "Mouse"] in lines
    assert "Who shares most of the 3 scenes of Alice Liddell" in done.stdout
    assert "18  INSERT               0 failed" in done.stdout
    assert "edith by load_library: AUDIT_SUMMARY" in done.stdout
    assert CharacterScene.objects.count() == 6
    assert Book.objects.get(pk=6).status == "draft"
    assert AuditLog.objects.filter(operation="INSERT", success=True).count() == 18


def test_a_second_run_adds_nothing(run, folder):
    run(folder)
    again = run(folder)
    assert again.returncode == 0
    assert "authors                   0 inserted      1 there already" in again.stdout
    assert Chapter.objects.count() == 3


def test_loads_by_batches_what_is_missing_and_takes_the_last_batch_back_and_forth(run, folder):
    (folder / "character_scenes.csv").write_text("character_id,scene_id\n1,1\n", encoding="utf-8")
    assert run(folder, "--batches").returncode == 0
    (folder / "character_scenes.csv").write_text(FILES["character_scenes"], encoding="utf-8")
    done = run(folder, "--batches", "--undo-last")
    assert (done.returncode, done.stderr) == (0, "")
    assert "character_scenes          5 inserted      1 there already" in done.stdout
    assert "Undone: 5 records" in done.stdout
    assert CharacterScene.objects.count() == 6
    assert AuditLog.objects.filter(operation="BATCH_INSERT", success=True).count() == 7
    assert AuditLog.objects.filter(operation="UNDO", success=True).count() == 2


def test_a_bad_record_of_a_batch_is_told_with_file_and_line(run, folder):
    (folder / "chapters.csv").write_text("id,book_id,chapter_num\n1,5,1\n2,99,2\n", encoding="utf-8")
    done = run(folder, "--batches")
    assert done.returncode == 1
    assert "chapters.csv, line 3: FOREIGN_KEY_VIOLATION" in done.stderr


def test_a_bad_record_is_told_with_file_and_line(run, folder):
    (folder / "chapters.csv").write_text("id,book_id,chapter_num\n1,5,1\n2,99,2\n", encoding="utf-8")
    done = run(folder)
    assert done.returncode == 1
    (told,) = done.stderr.splitlines()
    assert told.endswith(
        "chapters.csv, line 3: FOREIGN_KEY_VIOLATION: book_id: there is no record 99 in books."
    )


@pytest.mark.parametrize(("name", "number"), [("the", 2), ("1%t", 0)])
def test_a_character_must_be_one(run, folder, name, number):
    done = run(folder, "--companions-of", name)
    assert (done.returncode, done.stderr.split(" are ")[0]) == (1, f"{number} characters")


def test_an_empty_folder_is_told(run, tmp_path):
    assert run(tmp_path).stderr == f"There is no CSV file in {tmp_path}.\n"
