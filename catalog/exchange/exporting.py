"""Exporting: rows of a table into a file, by PostgreSQL's own COPY, through the rights of the caller."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Refused
from accesscontrol.policy import Operation
from audit.work import Work
from catalog import models
from catalog.exchange import store, writing
from catalog.exchange.formats import Format, require_format
from catalog.exchange.frame import long_transaction
from catalog.exchange.layout import Layout
from catalog.exchange.selection import Selection
from catalog.exchange.writing import Written
from catalog.services import fingerprint
from catalog.services.ordering import OrderTerms
from catalog.table import Table
from jobs.progress import SILENT, Progress


@dataclass(frozen=True)
class Exported:
    """The file that an export made."""

    export_file: str
    table: str
    record_count: int
    size_bytes: int
    sha256: str
    format: Format


def export(
    *,
    actor: Actor,
    table: Table,
    format: Format,  # noqa: A002 - what callers call it
    columns: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    order_by: OrderTerms | None = None,
    limit: int | None = None,
    delimiter: str = ",",
    include_headers: bool = True,
    pretty: bool = False,
    include_deleted: bool = False,
    escape_formulas: bool = False,
    words: str = "",
    progress: Progress = SILENT,
) -> Exported:
    """This function will write the records that match `where` into a new file, by default in the order of their keys.

    JSON is an array of the objects that a query answers with. CSV is PostgreSQL's: nothing is NULL, "" the empty text.
    Both hold every value exactly, unless `escape_formulas` puts an apostrophe before what a spreadsheet would run; in
    a workbook that apostrophe is the cell's, and the text stays exact. With `words` only what a search for them
    finds is written. The file, its row in `exports` and its row in the audit trail are all there, or none of them.

    :raises Forbidden: the actor may not export, or not read, the table
    :raises InvalidInput: an unknown column, operator, format or delimiter, a bad value
    :raises LimitExceeded: a spreadsheet can't hold it
    :raises StoreFailed: the disk is full, or fails
    :raises Cancelled: `progress` says that nobody wants it any more
    """
    policy.require(actor, Operation.EXPORT, table)
    policy.require(actor, Operation.READ, table)
    require_format(format)
    layout = Layout(format, delimiter, include_headers, pretty, escape_formulas)
    layout.require_known()
    work = Work(layout.operation, actor, table.name)
    selection = Selection(
        actor, table, columns, where, limit, order_by=order_by, include_deleted=include_deleted, words=words
    )
    work.entry.query_hash = fingerprint.of(where, table.name, columns, order_by, limit, include_deleted)
    progress.begin(f"Export {table.name}")
    written = Written()
    with store.files().create() as file, _deleted_unless_kept() as published, long_transaction(progress):
        writing.put(layout.blocks(selection, table, written), file, written, progress)
        name = store.publish(file, table, format)
        published.append(name)
        found = Exported(name, table.name, written.records, written.size, written.digest.hexdigest(), format)
        _record(found)
        work.entry.record_count = found.record_count
        work.entry.client_info["export_file"] = name
        work.finish()
    return found


@contextlib.contextmanager
def _deleted_unless_kept() -> Iterator[list[str]]:
    """Delete the files named where the transaction is rolled back; not where nobody knows whether it was."""
    names: list[str] = []
    try:
        yield names
    except BaseException as error:
        if not (isinstance(error, Refused) and error.details.get("outcome") == "unknown"):
            for name in names:
                store.files().delete(name)
        raise


def _record(found: Exported) -> None:
    """Write the export's row in the catalog."""
    models.Export.objects.create(
        table_name=found.table,
        format=found.format,
        file_name=found.export_file,
        row_count=found.record_count,
        size_bytes=found.size_bytes,
        sha256=found.sha256,
        status="done",
    )
