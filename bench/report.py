"""The table: on the screen, and in docs/performance.md between two marks."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench.measure import Result

MEASURED, PAGES = "measured", "measured of pages"  # the sections
API, BACKUPS = "measured of the API", "measured of backups"
UNITS = {"ms": 1, "s": 1_000}


def begin(section: str) -> str:
    """This function will return the mark before a section."""
    return f"<!-- {section}: written by script/bench -->"


def end(section: str) -> str:
    """This function will return the mark behind a section."""
    return f"<!-- end of {section} -->"


def table(results: Sequence[Result], *, unit: str = "ms") -> str:
    """This function will return the results as a table in Markdown, with times in ms or s."""
    per = UNITS[unit]
    lines = ["| work | floor | ours | floor | | at most | holds |", "|---|---|---:|---:|---:|---|---|"]
    lines += [
        f"| {r.name} | {r.floor_is} | {r.ours_ms / per:.2f} {unit} | {r.floor_ms / per:.2f} {unit}"
        f" | {r.verdict} | {r.limit} | {'yes' if r.holds else 'NO'} |"
        for r in results
    ]
    return "\n".join(lines)


def machine(connection: psycopg.Connection[Any]) -> str:
    """This function will say what kind of machine this is, and nothing that names it."""
    version = connection.info.server_version // 10_000
    return (
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()},"
        f" PostgreSQL {version}, {datetime.now(UTC):%Y-%m-%d}"
    )


def write(path: Path, section: str, text: str) -> None:
    """This function will put a text between the marks of a document's section."""
    document = path.read_text(encoding="utf-8")
    before, _, rest = document.partition(begin(section))
    _, mark, after = rest.partition(end(section))
    if not mark:
        raise ValueError(f"{path.name} has no place for the table: {begin(section)} … {end(section)}")
    path.write_text(f"{before}{begin(section)}\n{text}\n{mark}{after}", encoding="utf-8")
