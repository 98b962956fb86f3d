"""The rows of a file as a temporary table of texts, numbered, with what the reader found wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from django.db import connection
from psycopg import Copy, sql

from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from catalog.exchange import csv_records, headers, json_cells, json_records, xlsx_cells, xlsx_records
from catalog.exchange.csv_records import CsvRecord
from catalog.exchange.headers import Mapping_
from catalog.exchange.reading import Content
from catalog.table import Table

MAX_SHAPES: Final = 1_000
WHOLE_ROW: Final = ""  # the column of a fault that is about no single one

_BLOCK_BYTES: Final = 256 * 1024
_LEFT_OUT: Final = "_left_out_"


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
    table: Table,
    content: Content,
    require: Require,
    *,
    has_headers: bool,
    delimiter: str,
    mapping: Mapping_ | None = None,
) -> Staged:
    """This function will put the rows of a CSV file into the staging table.

    `table` is what the actor may know of it; `require` refuses columns that they may not set. Without a `mapping` the
    header names columns; without a header they come in the table's order, or for a mapping are called column 1 ….

    :raises InvalidInput: no UTF-8, no header, or one with unknown or repeated names
    """
    found = csv_records.records(content.blocks())
    first = next(found, None)
    if first is None:
        raise InvalidInput("The file is empty.")
    if has_headers:
        names = csv_records.read_header(first, delimiter)
    else:
        names = [""] * first.fields(delimiter.encode())
        found = chain([first], found)
    if mapping is not None:
        targets: Sequence[str | None] = headers.mapped(table, names, mapping)
    else:
        targets = headers.named(table, names) if has_headers else list(table.columns)[: len(names)]
    columns = tuple(name for name in targets if name is not None)
    require(columns)
    placed = [name or f"{_LEFT_OUT}{place}" for place, name in enumerate(targets)]
    _make(placed)
    staged = Staged(columns)
    statement = sql.SQL("COPY pg_temp.import_rows (_row, _faults, {}) FROM STDIN (FORMAT csv, DELIMITER {})").format(
        sql.SQL(", ").join(map(sql.Identifier, placed)), sql.Literal(delimiter)
    )  # fmt: skip
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in _csv_blocks(found, staged, delimiter.encode(), len(placed)):
            copy.write(block)
    return staged


def _csv_blocks(
    found: Iterable[CsvRecord], staged: Staged, delimiter: bytes, expected: int
) -> Iterator[bytes]:
    """The records with their numbers and faults before them; of one at fault nothing else."""
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


def stage_xlsx(
    table: Table, content: Content, require: Require, *, mapping: Mapping_ | None = None
) -> Staged:
    """This function will put the rows of a workbook's first sheet into the staging table, as `stage_csv` does.

    :raises InvalidInput: it is no workbook, or its first row does not name columns
    :raises LimitExceeded: it unpacks to more than we can take
    """
    with xlsx_records.opened(content.whole(), content.progress) as (first, rows):
        names = list(map(xlsx_cells.plain, first))
        targets: Sequence[str | None] = (
            headers.named(table, names) if mapping is None else headers.mapped(table, names, mapping)
        )
        columns = tuple(name for name in targets if name is not None)
        require(columns)
        _make(columns)
        staged = Staged(columns)
        statement = sql.SQL("COPY pg_temp.import_rows (_row, _faults, {}) FROM STDIN").format(
            sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                if any(cell.value is not None for cell in row):
                    staged.rows += 1
                    copy.write_row(_xlsx_row(table, staged.rows, row, targets))
    return staged


def _xlsx_row(
    table: Table, number: int, row: xlsx_records.Row, targets: Sequence[str | None]
) -> tuple[int | str | None, ...]:
    """A row with its number and its faults before it."""
    faults, values = {}, []
    for name, cell in zip(targets, row, strict=False):
        if name is None:
            continue
        try:
            values.append(xlsx_cells.cell(table.columns[name], cell.value, cell.data_type))
        except ValueError as error:
            values.append(None)
            faults[name] = f"{name} {error}."
    wanted = sum(name is not None for name in targets)
    values += [None] * (wanted - len(values))  # a row ends with its last cell
    if len(row) > len(targets) and row[len(targets)].value is not None:
        faults = {WHOLE_ROW: f"The row has more cells than the first row, which has {len(targets)}."}
    return number, json.dumps(faults) if faults else None, *values


def stage_json(
    table: Table, content: Content, require: Require, *, mapping: Mapping_ | None = None
) -> Staged:
    """This function will put the records of a JSON file into the staging table; its terms are those of `stage_csv`.

    :raises InvalidInput: no UTF-8, or no JSON
    """
    if mapping is not None:
        headers.require_targets(table, list(mapping.values()))
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
            _write_json(copy, table, rows, _renamed(record, mapping), shapes, require)
    named = frozenset[str]().union(*shapes)
    return Staged(tuple(name for name in columns if name in named), rows, list(shapes))


def _renamed(record: object, mapping: Mapping_ | None) -> object:
    """A record whose members have the names of columns; what the mapping does not know stays, and is a fault."""
    if mapping is None or not isinstance(record, Mapping):
        return record
    renamed = [(mapping.get(name, name), value) for name, value in record.items()]
    members = [(name, value) for name, value in renamed if name is not None]
    names = [name for name, _ in members]
    twice = next((name for name in names if names.count(name) > 1), None)
    if isinstance(record, json_records.Repeated):
        twice = record.name
    return dict(members) if twice is None else json_records.Repeated(members, twice)


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
            cells[name] = json_cells.cell(table.columns[name], record[name])
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
