"""Tools that carry records out of a table and into it, as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from accesscontrol.policy import Operation
from catalog.exchange import store
from catalog.exchange.services import Exported, Imported, Source, export, import_records
from jobs.progress import Progress
from mcp_bridge.arguments import TableArguments, word
from mcp_bridge.tool import ADDS, CHANGES, tool
from mcp_bridge.tools.backups import DryRun, PlanToken
from mcp_bridge.tools.records import Where

Delimiter = Annotated[
    str, Field(min_length=1, max_length=1, description="What stands between fields: , ; | : ~ ^ or a tab.")
]
OnConflict = Annotated[
    Literal["error", "skip", "update"],
    BeforeValidator(word),
    Field(description="What becomes of a record that is there already: refuse the file, keep it, or update it."),
]  # fmt: skip
FileName = Annotated[
    str | None,
    Field(
        max_length=255,
        description="An export of this table, or import_TABLE_1.csv in the server's folder of exports.",
    ),
]


class Export(TableArguments):
    columns: list[str] | None = Field(None, min_length=1, description="Columns to export. Default: all.")
    where: Where | None = None
    limit: int | None = Field(None, ge=1, description="Most records to export. Default: all.")
    include_deleted: bool = Field(False, description="Export records in the trash as well.")


class ExportJson(Export):
    pretty: bool = Field(False, description="Each column on a line of its own.")


@tool(title="Export as JSON", operation="EXPORT_JSON", effect=ADDS, right=Operation.EXPORT)
def db_export_json(actor: Actor, arguments: ExportJson, progress: Progress) -> Exported:
    """Write records of a table into a JSON file on the server: an array of the objects that db_query_records returns.

    In the order of their keys, any number of them, every value exact; db_import_json reads the file.
    Example: {"table": "books", "where": {"status": "published"}}
    """
    return export(actor=actor, format="json", progress=progress, **dict(arguments))


class ExportCsv(Export):
    delimiter: Delimiter = ","
    include_headers: bool = Field(True, description="Name the columns in the first row.")
    escape_formulas: bool = Field(
        False,
        description="Put an apostrophe before texts that a spreadsheet would run as a formula: for files that people"
        " open there. The texts are then no longer exact.",
    )


@tool(title="Export as CSV", operation="EXPORT_CSV", effect=ADDS, right=Operation.EXPORT)
def db_export_csv(actor: Actor, arguments: ExportCsv, progress: Progress) -> Exported:
    """Write records of a table into a CSV file on the server, UTF-8; nothing between delimiters is null, "" no text.

    In the order of their keys, any number of them, every value exact; db_import_csv reads the file. Texts that begin
    with = + - or @ stay as they are, and a spreadsheet may run them: see escape_formulas.
    Example: {"table": "books", "columns": ["id", "title"]}
    """
    return export(actor=actor, format="csv", progress=progress, **dict(arguments))


class Import(TableArguments):
    file_name: FileName = None
    on_conflict: OnConflict = "error"
    dry_run: DryRun = False
    plan_token: PlanToken = None


class ImportJson(Import):
    data: list[dict[str, Any]] | str | None = Field(
        None, description="Records, each {column: value}; or JSON text: an array, or an object on each line."
    )


@tool(title="Import JSON", operation="IMPORT_JSON", effect=CHANGES, right=Operation.IMPORT)
def db_import_json(actor: Actor, arguments: ImportJson, progress: Progress) -> Imported:
    """Insert records from JSON, any number of them: all or nothing. Give `data`, or `file_name`.

    A record that is there already is found by its key, or where the data has none by another unique value.
    Columns that a record does not name get their default, or in an update stay. id, created_at, updated_at and
    deleted_at may be given. Try it with dry_run first: `errors` then lists what is wrong, by row and column.
    Two calls: the first is refused with CONFIRMATION_REQUIRED and a plan; repeat it with `details.plan_token`.
    Example: {"table": "tropes", "data": [{"name": "Found family"}], "dry_run": true}
    VALIDATION_ERROR: records are at fault, and nothing was imported; `details.errors` lists them.
    """
    data = arguments.data
    text = json.dumps(data) if isinstance(data, list) else data
    with _source(actor, arguments, text) as source:
        return _import(actor, arguments, source, progress, format="json")


class ImportCsv(Import):
    data: str | None = Field(None, description="CSV text.")
    has_headers: bool = Field(
        True, description="The first row names the columns; false: they come in the table's order."
    )
    delimiter: Delimiter = ","


@tool(title="Import CSV", operation="IMPORT_CSV", effect=CHANGES, right=Operation.IMPORT)
def db_import_csv(actor: Actor, arguments: ImportCsv, progress: Progress) -> Imported:
    """Insert records from CSV, any number of them: all or nothing. Give `data`, or `file_name`.

    Nothing between delimiters is null, "" no text; lists are {a,"b c"}, JSON is JSON. A record that is there already is
    found by its key, or where the file has none by another unique value; columns that it does not name stay.
    Try it with dry_run first: `errors` then lists what is wrong, by row (the header not counted) and column.
    Two calls: the first is refused with CONFIRMATION_REQUIRED and a plan; repeat it with `details.plan_token`.
    Example: {"table": "tropes", "data": "name,category\\nFound family,character\\n", "dry_run": true}
    VALIDATION_ERROR: rows are at fault, and nothing was imported; `details.errors` lists them.
    """
    with _source(actor, arguments, arguments.data) as source:
        return _import(
            actor, arguments, source, progress,
            format="csv", has_headers=arguments.has_headers, delimiter=arguments.delimiter,
        )  # fmt: skip


def _import(
    actor: Actor, arguments: Import, source: Source, progress: Progress, **options: Any
) -> Imported:  # fmt: skip
    return import_records(
        actor=actor,
        table=arguments.table,
        source=source,
        on_conflict=arguments.on_conflict,
        dry_run=arguments.dry_run,
        plan_token=arguments.plan_token,
        progress=progress,
        **options,
    )


@contextmanager
def _source(actor: Actor, arguments: Import, text: str | None) -> Iterator[Source]:
    """What is to be imported: the text, or the file that is named."""
    if (text is None) == (arguments.file_name is None):
        raise InvalidInput("Give either data or file_name.", argument="data")
    if text is not None:
        try:
            content = text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"data has a character at position {error.start} that PostgreSQL can't store.",
                argument="data",
            ) from error
        yield content
        return
    with store.open_for_import(actor, arguments.table, str(arguments.file_name)) as file:
        yield file


TOOLS = (db_export_json, db_export_csv, db_import_json, db_import_csv)
