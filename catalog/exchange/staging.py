"""The rows of a file as a temporary table of texts, numbered, with what the reader found wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from django.db import connection
from psycopg import Copy, sql

from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from catalog.exchange import csv_records, json_records
from catalog.exchange.csv_records import CsvRecord
from catalog.exchange.json_cells import cell
from catalog.exchange.reading import Content
from catalog.table import Table

MAX_SHAPES: Final = 1_000
WHOLE_ROW: Final = ""  # the column of a fault that is about no single one

_BLOCK_BYTES: Final = 256 * 1024


@dataclass
class Staged:
    """What a file has: the columns that it names, and which of them not every record does.

    `shapes` says which columns records of each shape have.
    """

    columns: tuple[str, ...]
    rows: int = 0
    shapes: list[frozenset[str]] = field(default_factory=list)

    def lacking(self, column: str) -> list[int]:
        """This function will return the shapes of records without a column."""
        return [number for number, names in enumerate(self.shapes) if column not in names]


Require = Callable[[Iterable[str]], None]


def stage_csv(
    table: Table, content: Content, require: Require, *, has_headers: bool, delimiter: str
) -> Staged:
    """This function will put the rows of a CSV file into the staging table.

    `table` is what the actor may know of it; `require` refuses columns that they may not set.

    :raises InvalidInput: no UTF-8, no header, or one with unknown or repeated names
    """
    found = csv_records.records(content.blocks())
    first = next(found, None)
    if first is None:
        raise InvalidInput("The file is empty.")
    if has_headers:
        columns = _header(table, csv_records.read_header(first, delimiter))
    else:
        columns = tuple(table.columns)[: first.fields(delimiter.encode())]
        found = chain([first], found)
    require(columns)
    _make(columns)
    staged = Staged(columns)
    statement = sql.SQL("COPY pg_temp.import_rows (_row, _faults, {}) FROM STDIN (FORMAT csv, DELIMITER {})").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Literal(delimiter)
    )  # fmt: skip
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in _csv_blocks(found, staged, delimiter.encode()):
            copy.write(block)
    return staged


def _csv_blocks(found: Iterable[CsvRecord], staged: Staged, delimiter: bytes) -> Iterator[bytes]:
    """The records with their numbers and faults before them; of one at fault nothing else."""
    expected = len(staged.columns)
    empty = delimiter * 2
    lines: list[bytes] = []
    size = 0
    for record in found:
        if not record.text and expected > 1:
            continue  # a line of nothing, as at the end of many a file
        staged.rows += 1
        if fault := record.fault(delimiter, expected):
            told = json.dumps({WHOLE_ROW: fault}).replace('"', '""').encode()
            line = b'%d%b"%b"%b\n' % (staged.rows, delimiter, told, delimiter * expected)
        else:
            line = b"%d%b%b\n" % (staged.rows, empty, record.text)
        lines.append(line)
        size += len(line)
        if size >= _BLOCK_BYTES:
            yield b"".join(lines)
            lines.clear()
            size = 0
    yield b"".join(lines)


def _header(table: Table, names: list[str]) -> tuple[str, ...]:
    unknown = [name for name in names if name not in table.columns]
    if unknown:
        shown = ", ".join(repr(quoted(name)) for name in unknown[:10])
        raise InvalidInput(
            f"{table.name} has no column {shown}.{did_you_mean(unknown[0], table.columns)}",
            table=table.name,
            columns=[quoted(name) for name in unknown[:10]],
            allowed=list(table.columns),
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidInput(
            f"The header has {', '.join(repeated)} more than once.", table=table.name, columns=repeated
        )
    return tuple(names)


def stage_json(table: Table, content: Content, require: Require) -> Staged:
    """This function will put the records of a JSON file into the staging table; its terms are those of `stage_csv`.

    :raises InvalidInput: no UTF-8, or no JSON
    """
    columns = tuple(table.columns)
    _make(columns)
    shapes: dict[frozenset[str], int] = {}
    rows = 0
    statement = sql.SQL("COPY pg_temp.import_rows (_row, _faults, _shape, {}) FROM STDIN").format(
        sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for record in json_records.records(content.blocks()):
            rows += 1
            _write_json(copy, table, rows, record, shapes, require)
    named = frozenset[str]().union(*shapes)
    return Staged(tuple(name for name in columns if name in named), rows, list(shapes))


def _write_json(
    copy: Copy, table: Table, row: int, record: object, shapes: dict[frozenset[str], int], require: Require
) -> None:
    if not isinstance(record, Mapping):
        copy.write_row(
            (row, json.dumps({WHOLE_ROW: "A record must be an object."}), None, *[None] * len(table.columns))
        )
        return  # fmt: skip
    shape = frozenset(name for name in record if name in table.columns)
    if shape not in shapes:
        require(shape)
        if len(shapes) == MAX_SHAPES:
            raise InvalidInput(f"Records name columns in more than {MAX_SHAPES} ways.", row=row)
        shapes[shape] = len(shapes)
    faults = _faults(table, record)
    cells = {}
    for name in shape:
        try:
            cells[name] = cell(table.columns[name], record[name])
        except ValueError as error:
            faults[name] = f"{name} {error}."
    told = json.dumps(faults) if faults else None
    copy.write_row((row, told, shapes[shape], *map(cells.get, table.columns)))


def _faults(table: Table, record: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the names of a record."""
    unknown = next((name for name in record if name not in table.columns), None)
    if unknown is not None:
        proposal = did_you_mean(unknown, table.columns)
        return {WHOLE_ROW: f"{table.name} has no column {quoted(unknown)!r}.{proposal}"}
    if isinstance(record, json_records.Repeated):
        return {WHOLE_ROW: f"{quoted(record.name)!r} is there twice."}
    return {}


def _make(columns: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app.make_import_rows(%s)", [list(columns)])
