"""The beginning of a file: what its columns are called, what is in them, and where each probably goes."""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, Final

from accesscontrol.errors import InvalidInput
from catalog.exchange import csv_records, headers, json_records, xlsx_cells, xlsx_records
from catalog.exchange.formats import DELIMITERS, Format
from catalog.exchange.reading import Content
from catalog.table import Table
from jobs.progress import SILENT

SAMPLE: Final = 5
JSON_RECORDS: Final = 200  # whose names are looked at
MAX_SHOWN_CHARS: Final = 80

_ALIKE: Final = 0.84


@dataclass(frozen=True)
class Head:
    """What a file begins with: names that can be told apart, and the first rows under them."""

    names: list[str]
    rows: list[list[str]]
    delimiter: str = ","


def look(source: BinaryIO, format: Format, *, delimiter: str | None, has_headers: bool) -> Head:  # noqa: A002
    """This function will look at the beginning of a file; without a delimiter it finds the one that is there.

    :raises InvalidInput: it can't be read
    :raises LimitExceeded: it has too many columns
    """
    content = Content(source, SILENT)
    match format:
        case "json":
            return _of_json(content)
        case "xlsx":
            return _of_workbook(content)
        case _:
            return _of_csv(content, delimiter, has_headers=has_headers)


def guess(table: Table, names: Sequence[str]) -> dict[str, str | None]:
    """This function will return for each name of a file the column that it probably means, no column twice."""
    found: dict[str, str | None] = dict.fromkeys(names)
    for alike in (_is_same, _is_nearly, _is_within):
        for name in names:
            if found[name] is None:
                free = (column for column in table.columns if column not in found.values())
                found[name] = next((column for column in free if alike(name, column)), None)
    return found


def _of_csv(content: Content, delimiter: str | None, *, has_headers: bool) -> Head:
    found = list(islice(csv_records.records(content.blocks()), SAMPLE + 1))
    if not found:
        raise InvalidInput("The file is empty.")
    first = found[0]
    delimiter = delimiter or _delimiter_of(first)
    width = first.fields(delimiter.encode())
    names = csv_records.read_header(first, delimiter) if has_headers else [""] * width
    rows = [_fields(record, delimiter) for record in (found[1:] if has_headers else found)]
    return Head(headers.told_apart(names), [_short(row) for row in rows if row], delimiter)


def _fields(record: csv_records.CsvRecord, delimiter: str) -> list[str]:
    """The fields of a record as far as they can be read; a preview tells what is wrong."""
    text = record.text.decode(errors="replace").replace("\0", "\ufffd")
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


def _delimiter_of(record: csv_records.CsvRecord) -> str:
    """What stands most often between the fields of a header; a comma where nothing does."""
    outside = record.outside.decode(errors="replace")
    most = max(DELIMITERS, key=lambda delimiter: (outside.count(delimiter), delimiter == ","))
    return most if most in outside else ","


def _of_json(content: Content) -> Head:
    found = list(islice(json_records.records(content.blocks()), JSON_RECORDS))
    objects = [record for record in found if isinstance(record, Mapping)]
    names = list(dict.fromkeys(name for record in objects for name in record))
    if not names:
        raise InvalidInput("The file has no objects: give an array of them, or one on each line.")
    rows = [
        [_json_text(record.get(name)) if name in record else "" for name in names]
        for record in objects[:SAMPLE]
    ]
    if headers.told_apart(names) != names:
        raise InvalidInput("The names of the first record can't be told apart, are empty or too long.")
    return Head(names, [_short(row) for row in rows])


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _of_workbook(content: Content) -> Head:
    with xlsx_records.opened(content.whole(), SILENT) as (first, rows):
        names = list(map(_plain, first))
        sample = [[_plain(cell.value) for cell in row][: len(names)] for row in islice(rows, SAMPLE)]
    return Head(headers.told_apart(names), [_short(row) for row in sample])


def _plain(value: Any) -> str:
    try:
        return xlsx_cells.plain(value)
    except ValueError:
        return "\ufffd"


def _short(row: Sequence[str]) -> list[str]:
    return [text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…" for text in row]


def _is_same(name: str, column: str) -> bool:
    return _letters(name) == _letters(column)


def _is_nearly(name: str, column: str) -> bool:
    mine, its = _letters(name), _letters(column)
    if its in {f"{mine}id", f"{mine}number", f"{mine}num"}:
        return True
    return difflib.SequenceMatcher(None, mine, its).ratio() >= _ALIKE


def _is_within(name: str, column: str) -> bool:
    return set(column.split("_")) <= set(re.split(r"[\W_]+", name.lower()))


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
