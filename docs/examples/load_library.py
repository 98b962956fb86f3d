"""An agent without a model: loads a folder of CSV files over MCP, and asks the library about it.

    .venv/bin/python docs/examples/load_library.py FOLDER --companions-of "Alice"
    .venv/bin/python docs/examples/load_library.py FOLDER --batches --undo-last

Each file is named after its table and has the columns as its first line; empty cells are left out. Records that are
there already are passed over, so that an interrupted load can be started again.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from pathlib import Path
from time import perf_counter
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import Implementation

ROOT = Path(__file__).resolve().parents[2]
PAGE = 1_000


class Refused(Exception):
    """The server refused a call; `error` is its error object."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']} {error['hint'] or ''}".rstrip())
        self.error = error


async def ask(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool and return its answer."""
    result = await client.call_tool(tool, arguments)
    answer: dict[str, Any] = result.structured_content
    if result.is_error:
        raise Refused(answer)
    return answer


async def load(client: Client, folder: Path, *, batches: bool) -> str | None:
    """Insert every record of every file, tables that others refer to first; return the last change_id."""
    last = None
    files = {path.stem: path for path in sorted(folder.glob("*.csv"))}
    if not files:
        raise FileNotFoundError(f"There is no CSV file in {folder}.")
    schemas = {table: await ask(client, "db_get_schema", table=table) for table in files}
    parents = {
        table: {key["references_table"] for key in schema["foreign_keys"]} & files.keys() - {table}
        for table, schema in schemas.items()
    }
    for table in TopologicalSorter(parents).static_order():
        types = {column["name"]: column["type"] for column in schemas[table]["columns"]}
        rows = list(records(files[table], types))
        size = PAGE if batches else 1
        started = perf_counter()
        inserted = 0
        for start in range(0, len(rows), size):
            try:
                count, change_id = await insert(client, table, rows[start : start + size], batches=batches)
            except Refused as refused:
                line, _ = rows[start + refused.error["details"].get("index", 0)]
                raise RuntimeError(f"{files[table]}, line {line}: {refused}") from refused
            inserted += count
            last = change_id or last
        rate = len(rows) / (perf_counter() - started)
        known = len(rows) - inserted
        print(f"{table:20} {inserted:6} inserted {known:6} there already {rate:8.0f} records/s")
    return last


async def insert(
    client: Client, table: str, rows: list[tuple[int, dict[str, Any]]], *, batches: bool
) -> tuple[int, str | None]:
    """Insert what is not there yet of one batch, or of one record; return how many, and the change_id."""
    wanted = [data for _, data in rows]
    while wanted:
        try:
            if batches:
                answer = await ask(client, "db_batch_insert", table=table, records=wanted)
            else:
                answer = await ask(client, "db_insert_record", table=table, data=wanted[0])
        except Refused as refused:
            known = {error["index"] for error in errors_of(refused)}
            wanted = [data for index, data in enumerate(wanted) if index not in known]
        else:
            return len(wanted), answer["change_id"]
    return 0, None


def errors_of(refused: Refused) -> list[dict[str, Any]]:
    """Return the errors of a batch, or of one record, if all they say is that it is there already."""
    errors: list[dict[str, Any]] = refused.error["details"].get(
        "errors", [{"index": 0, "code": refused.error["code"]}]
    )
    if any(error["code"] != "DUPLICATE_KEY" for error in errors):
        raise refused
    return errors


async def undo(client: Client, change_id: str) -> None:
    """Take a change back, and the undo too: what is there afterwards is what was there before."""
    undone = await ask(client, "db_undo_change", change_id=change_id)
    print(f"\nUndone: {undone['undone']} records of the last change")
    again = await ask(client, "db_undo_change", change_id=undone["change_id"])
    print(f"And the undo undone: {again['undone']} records")


def records(file: Path, types: dict[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, values) of each record, each value as the column's type wants it in JSON."""
    with file.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        for row in reader:
            yield (
                reader.line_num,
                {name: value_of(text, types.get(name)) for name, text in row.items() if text},
            )


def value_of(text: str, column_type: str | None) -> Any:
    """Return a cell as a JSON value; dates, decimals and what the table does not know stay text."""
    if column_type in {"bigint", "integer", "smallint", "double precision", "boolean", "jsonb", "text[]"}:
        return json.loads(text)
    return text


async def tell_chapters(client: Client) -> None:
    """Print how many chapters each book has."""
    groups = await ask(
        client,
        "db_query_records",
        table="chapters",
        group_by=["book_id"],
        aggregate={"chapters": {"fn": "count"}},
        order_by=[{"column": "chapters", "direction": "desc"}],
        limit=PAGE,
    )
    ids = [group["book_id"] for group in groups["records"]]
    books = await ask(
        client,
        "db_query_records",
        table="books",
        where={"id": {"$in": ids}},
        expand=["author_id"],
        limit=PAGE,
    )
    named = {book["id"]: f"{book['title']}, by {book['author']['name']}" for book in books["records"]}
    print("\nChapters of each book")
    for group in groups["records"]:
        print(f"{group['chapters']:6}  {named.get(group['book_id'], '(in the trash)')}")


async def tell_companions(client: Client, name: str) -> None:
    """Print with whom the character of that name shares most scenes."""
    character = await find_character(client, name)
    appearances = await ask(
        client,
        "db_query_records",
        table="character_scenes",
        columns=["scene_id"],
        where={"character_id": character["id"]},
        limit=PAGE,
    )
    scenes = [appearance["scene_id"] for appearance in appearances["records"]]
    shared = await ask(
        client,
        "db_query_records",
        table="character_scenes",
        where={"scene_id": {"$in": scenes}, "character_id": {"$ne": character["id"]}},
        group_by=["character_id"],
        aggregate={"scenes": {"fn": "count"}},
        order_by=[{"column": "scenes", "direction": "desc"}],
        limit=5,
    )
    ids = [companion["character_id"] for companion in shared["records"]]
    found = await ask(client, "db_query_records", table="characters", where={"id": {"$in": ids}})
    named = {record["id"]: record["name"] for record in found["records"]}
    print(f"\nWho shares most of the {len(scenes)} scenes of {character['name']}")
    for companion in shared["records"]:
        print(f"{companion['scenes']:6}  {named[companion['character_id']]}")


async def find_character(client: Client, name: str) -> dict[str, Any]:
    """Return the one character whose name has all these words."""
    words = [word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for word in name.split()]
    has_each = [{"name": {"$ilike": f"%{word}%"}} for word in words]
    found = await ask(client, "db_query_records", table="characters", where={"$and": has_each}, limit=10)
    if found["total"] != 1:
        names = ", ".join(record["name"] for record in found["records"])
        raise LookupError(f"{found['total']} characters are called {name!r}: {names or 'try another word'}.")
    character: dict[str, Any] = found["records"][0]
    return character


async def tell_trail(client: Client, since: datetime) -> None:
    """Print what the audit trail says of all this."""
    summary = await ask(client, "db_get_audit_summary", start_date=since.isoformat())
    print("\nThe audit trail of these calls")
    for row in summary["by_operation"]:
        times = f"{row['avg_execution_time_ms']:.2f} ms each"
        print(f"{row['count']:6}  {row['operation']:20} {row['failed']} failed, {times}")
    print("The last of them")
    trail = await ask(client, "db_query_audit_logs", start_date=since.isoformat(), limit=8)
    for log in trail["logs"]:
        who = f"{log['user_id']} by {log['client_info'].get('client')}"
        outcome = f"{log['record_count']} records" if log["success"] else log["error_code"]
        print(f"{log['timestamp'][:23]}  {who}: {log['operation']} {log['table_name'] or ''}, {outcome}")


async def run(options: argparse.Namespace) -> None:
    """Do all of it over one connection."""
    since = datetime.now(UTC)
    command, *arguments = shlex.split(options.server)
    server = StdioServerParameters(
        command=command,
        args=[*arguments, "--user", options.user],
        cwd=ROOT,
        env={**os.environ, "LOG_LEVEL": "WARNING"},  # one line per call is more than a person wants to see
    )
    async with Client(server, client_info=Implementation(name=Path(__file__).stem, version="1")) as client:
        last = await load(client, options.folder.resolve(), batches=options.batches)
        if options.undo_last and last:
            await undo(client, last)
        await tell_chapters(client)
        if options.companions_of:
            await tell_companions(client, options.companions_of)
        await tell_trail(client, since)


def main() -> int:
    """Read the command line, and say what went wrong in one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="CSV files, each named after its table")
    parser.add_argument("--user", default="admin", help="the account to act for (admin)")
    parser.add_argument("--batches", action="store_true", help=f"insert {PAGE} records a call")
    parser.add_argument(
        "--undo-last", action="store_true", help="take the last change back, and the undo too"
    )
    parser.add_argument("--companions-of", metavar="NAME", help="a character; some words of the name will do")
    parser.add_argument(
        "--server", default="script/mcp", metavar="COMMAND", help="what starts the server (script/mcp)"
    )
    status = 0
    try:
        asyncio.run(run(parser.parse_args()))
    except* (Refused, RuntimeError, LookupError, FileNotFoundError) as errors:
        print("\n".join(map(str, leaves(errors))), file=sys.stderr)
        status = 1
    return status


def leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    """Yield the errors in a group of errors; the client's tasks wrap what is raised among them."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


if __name__ == "__main__":
    raise SystemExit(main())
