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

BEGIN = "<!-- measured: written by script/bench -->"
END = "<!-- end of measured -->"


def table(results: Sequence[Result]) -> str:
    """This function will return the results as a table in Markdown."""
    lines = ["| work | floor | ours | floor | | at most | holds |", "|---|---|---:|---:|---:|---|---|"]
    lines += [
        f"| {r.name} | {r.floor_is} | {r.ours_ms:.2f} ms | {r.floor_ms:.2f} ms | {r.verdict} | {r.limit}"
        f" | {'yes' if r.holds else 'NO'} |"
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


def write(path: Path, text: str) -> None:
    """This function will put a text between the marks of a document."""
    document = path.read_text(encoding="utf-8")
    before, _, rest = document.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{path.name} has no place for the table: {BEGIN} … {END}")
    path.write_text(f"{before}{BEGIN}\n{text}\n{mark}{after}", encoding="utf-8")
