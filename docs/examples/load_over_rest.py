"""A program over REST: loads a folder of CSV files, edits with two writers at once, exports, and reads its own trail.

    DBADMIN_API_KEY=dbas_… .venv/bin/python docs/examples/load_over_rest.py FOLDER

The folder has authors.csv, series.csv and books.csv, or some of them, with the columns as their first line; empty
cells are left out. A load that was interrupted can be started again: each batch has an Idempotency-Key of its own.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

ORDER = ("authors", "series", "books")  # tables that others refer to first
BATCH = 1_000
EDITS = 20  # of each of the two writers
INTEGERS = {"bigint", "integer", "smallint"}


class Refused(Exception):
    """The server refused a request; `problem` is what it says."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.problem: dict[str, Any] = answer.json()
        super().__init__(
            f"{self.problem['code']}: {self.problem['message']} {self.problem['hint'] or ''}".rstrip()
        )


def ask(client: httpx.Client, method: str, path: str, **how: Any) -> httpx.Response:
    """Send a request and return its answer."""
    answer = client.request(method, path, **how)
    if answer.is_error:
        raise Refused(answer)
    return answer


def load(client: httpx.Client, folder: Path) -> None:
    """Insert every record of every file, by batches."""
    if not any((folder / f"{table}.csv").exists() for table in ORDER):
        raise FileNotFoundError(f"There is none of {', '.join(ORDER)} as .csv in {folder}.")
    for table in ORDER:
        file = folder / f"{table}.csv"
        if file.exists():
            columns = ask(client, "GET", f"schema/{table}/columns/?include_metadata=true").json()["columns"]
            rows = list(records(file, {column["name"]: column["type"] for column in columns}))
            started = perf_counter()
            for start in range(0, len(rows), BATCH):
                insert(client, table, rows[start : start + BATCH])
            print(f"{table:10} {len(rows):6} loaded {len(rows) / (perf_counter() - started):8.0f} records/s")


def insert(client: httpx.Client, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert a batch, once, however often it is tried."""
    body = json.dumps(rows, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": hashlib.sha256(table.encode() + body).hexdigest(),
        "Prefer": "return=minimal",
    }
    ask(client, "POST", f"{table}/", content=body, headers=headers)


def records(file: Path, types: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield each record, its values as the columns' types want them in JSON."""
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {
                name: int(text) if types.get(name) in INTEGERS else text for name, text in row.items() if text
            }


def edit_together(client: httpx.Client) -> None:
    """Let two writers count up one number of one record: each edit of both is there in the end."""
    book = ask(client, "GET", "books/?limit=1&fields=id,title").json()["records"][0]
    path = f"books/{book['id']}/"
    before = ask(client, "GET", path).json()["word_count"] or 0
    with ThreadPoolExecutor(2) as writers:
        lost = sum(writers.map(lambda _: edit(client, path), range(2)))
    after = ask(client, "GET", path).json()["word_count"]
    print(
        f"\n{2 * EDITS} edits of {book['title']!r} by two: {before} became {after}, {lost} were tried again"
    )
    if after != before + 2 * EDITS:
        raise RuntimeError("An edit was lost.")


def edit(client: httpx.Client, path: str) -> int:
    """Add one to a book's words, EDITS times; return how often another was quicker."""
    done = late = 0
    while done < EDITS:
        found = ask(client, "GET", path)
        data = {"word_count": (found.json()["word_count"] or 0) + 1}
        try:
            ask(client, "PATCH", path, json=data, headers={"If-Match": found.headers["ETag"]})
            done += 1
        except Refused as refused:
            if refused.status != httpx.codes.PRECONDITION_FAILED:
                raise
            late += 1
    return late


def export(client: httpx.Client, file: Path) -> None:
    """Write all books into a file, as they come."""
    with client.stream("GET", "books/export/?format=csv") as answer, file.open("wb") as target:
        if answer.is_error:
            answer.read()
            raise Refused(answer)
        for block in answer.iter_bytes():
            target.write(block)
    print(f"\nExported to {file}: {file.stat().st_size:,} bytes")


def tell_trail(client: httpx.Client, since: datetime) -> None:
    """Print what the audit trail says of all this."""
    asked = {"start_date": since.isoformat()}
    summary = ask(client, "GET", "audit/summary/", params=asked).json()
    print("\nThe audit trail of these requests")
    for row in summary["by_operation"]:
        times = f"{row['avg_execution_time_ms']:.2f} ms each"
        print(f"{row['count']:6}  {row['operation']:20} {row['failed']} failed, {times}")


def run(options: argparse.Namespace, key: str) -> None:
    """Do all of it over one client."""
    since = datetime.now(UTC)
    headers = {"Authorization": f"Bearer {key}", "User-Agent": Path(__file__).stem}
    with httpx.Client(base_url=f"{options.server}/api/v1/", headers=headers, timeout=60) as client:
        load(client, options.folder)
        edit_together(client)
        export(client, options.to)
        tell_trail(client, since)


def main() -> int:
    """Read the command line, and say what went wrong in one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="authors.csv, series.csv, books.csv")
    parser.add_argument("--server", default="http://127.0.0.1:8000", help="(http://127.0.0.1:8000)")
    parser.add_argument(
        "--to", type=Path, default=Path("books.csv"), help="the file of the export (books.csv)"
    )
    try:
        run(parser.parse_args(), os.environ["DBADMIN_API_KEY"])
    except KeyError:
        print("Set DBADMIN_API_KEY to an API key.", file=sys.stderr)
    except (Refused, RuntimeError, FileNotFoundError, httpx.TransportError) as error:
        print(error, file=sys.stderr)
    else:
        return 0
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
