"""script/bench on very little data: that it measures everything, not how fast it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from bench import __main__ as bench
from bench import report
from bench.measure import Case, Limit, Result, measure

ROWS = [
    "query 10 rows", "query 1,000 rows", "update one row", "insert one row", "batch insert 1,000", "batch update 100",
    "batch delete 100", "get_schema", "list_tables", "relationships to depth 2",
    "audit page of 100", "audit summary of a month", "MCP call, query 10 rows", "MCP server from start to tools/list",
    "export 1,500 rows as CSV", "export 1,500 rows as JSON", "import 1,500 rows of CSV",
    "preview 1,500 rows of CSV", "preview 1,500 rows of JSON", "preview 1,500 rows of XLSX",
    "import 1,500 rows of CSV, half of them new",
]  # fmt: skip
PAGES = [
    "list of scenes", "search for a title", "search for a title that is not there", "a scene", "history of a scene",
    "search in all tables",
]  # fmt: skip


API = [
    "GET one record", "GET a page of 100", "POST one record", "POST 1,000 records at once",
    "export 15,000 rows as CSV",
]  # fmt: skip


BACKUPS = [
    "full backup of 1 MB", "incremental backup after 1 % of 1 MB changed", "1,000 rows inserted, their keys noted",
    "10,000 rows updated, their keys noted", "full restore of 1 MB", "deep validation of 1 MB",
    "backup and encrypted copy offsite of 1 MB, to moto", "backup and encrypted copy offsite of 1 MB, to rclone",
]  # fmt: skip
MEMORY = [
    "the MCP server", "a process that previews and imports 1,500 rows", "a web process", "`manage.py backup`",
]  # fmt: skip
LITTLE = ["--quick", "--scenes", "1500", "--audit-rows", "500", "--backup-mb", "1"]


@pytest.mark.long
def test_it_measures_every_row_beside_its_floor() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *bench.NAMES, *LITTLE],
        cwd=settings.BASE_DIR, env=os.environ | {"WEB_WORKERS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()]
    table = {row[0]: row for row in cells if len(row) == 7 and row[2].endswith("s") and row[0] != "work"}
    assert list(table) == ROWS + PAGES + API + BACKUPS
    for _, floor, ours, floor_time, figure, limit, holds in table.values():
        assert floor
        assert limit
        assert figure
        assert float(ours.split()[0]) > 0
        assert float(floor_time.split()[0]) > 0
        assert holds in {"yes", "NO"}
    for whose in MEMORY:
        assert f"Peak memory of {whose}" in done.stdout
    assert done.stdout.count("1,500 scenes, 500 audit rows.") == 3


def test_an_unknown_name_is_refused_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "raed"])

    with pytest.raises(SystemExit) as ended:
        bench.main()

    assert ended.value.code == 2
    assert "there is no raed; there are read, write" in capsys.readouterr().err


def test_works_are_run_in_turns_and_each_first_as_often() -> None:
    turns: list[str] = []
    case = Case("c", lambda: turns.append("o"), lambda: turns.append("f"), Limit(ratio=1), "f", seconds=0)

    result = measure(case, min_rounds=4, warm_up=0)

    assert "".join(turns) == "fooffoof"
    assert result.rounds == 4


@pytest.mark.parametrize(
    ("ours", "limit", "holds", "verdict"),
    [
        (20.0, Limit(ratio=2), True, "2.00 \N{MULTIPLICATION SIGN}"),
        (20.1, Limit(ratio=2), False, "2.01 \N{MULTIPLICATION SIGN}"),
        (12.0, Limit(above_ms=2), True, "+2.00 ms"),
        (12.1, Limit(above_ms=2), False, "+2.10 ms"),
        (59.0, Limit(ratio=6, total_ms=1000), True, "5.90 \N{MULTIPLICATION SIGN}"),
        (59.0, Limit(ratio=6, total_ms=50), False, "5.90 \N{MULTIPLICATION SIGN}"),
    ],
)
def test_a_limit_is_kept_or_not(ours: float, limit: Limit, holds: bool, verdict: str) -> None:
    result = Result("c", ours, 10.0, 5, limit, "f")

    assert (result.holds, result.verdict) == (holds, verdict)


def test_the_table_is_put_between_the_marks_of_the_document(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    begin, end = report.begin(report.BACKUPS), report.end(report.BACKUPS)
    document.write_text(f"before\n{begin}\nold\n{end}\nafter\n")

    report.write(document, report.BACKUPS, "new")

    assert document.read_text() == f"before\n{begin}\nnew\n{end}\nafter\n"


def test_a_document_without_a_place_for_the_table_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("nothing")

    with pytest.raises(ValueError, match="no place"):
        report.write(document, report.MEASURED, "new")
    assert document.read_text() == "nothing"
