"""Rows as PostgreSQL's COPY gives them, written into a workbook as they come.

Numbers and truth values are such in the sheet; all else is text, exact to the last character: times and lists as CSV
has them. A text is never run as a formula, not even when somebody edits it, where its cell has Excel's own apostrophe.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from django.db import models

from accesscontrol.errors import LimitExceeded
from catalog.table import AnyField

MAX_ROWS: Final = 1_048_575  # below the row of names
MAX_CELL_CHARS: Final = 32_767
MAX_DIGITS: Final = 15  # that a spreadsheet keeps of a number

_BLOCK_ROWS: Final = 500
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)  # so that the same rows make the same file
_SHEET: Final = "xl/worksheets/sheet1.xml"
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PARTS: Final = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/{_SHEET}" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
    '<sheet name="{title}" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font/><font><b/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="3"><xf/><xf quotePrefix="1"/><xf fontId="1" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
_HEAD: Final = (
    f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)
_TAIL: Final = "</sheetData></worksheet>"

_COPIED: Final = re.compile(r"\\(.)", re.DOTALL)
_COPY_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Cell = Callable[[str], str]


def blocks(
    rows: Iterable[bytes | memoryview], fields: Sequence[AnyField], title: str, *, escape_formulas: bool
) -> Iterator[bytes]:
    """This function will return a workbook in blocks, from rows in the text format of COPY.

    :raises LimitExceeded: there are more rows, or longer texts, than a spreadsheet can hold
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:  # type: ignore[call-overload]
        for name, content in _PARTS.items():
            archive.writestr(_part(name), _XML + content.replace("{title}", escape(title[:31])))
        with archive.open(_part(_SHEET), "w", force_zip64=True) as sheet:
            sheet.write(f"{_HEAD}{_header(fields)}".encode())
            for text in _sheet(rows, fields, escape_formulas=escape_formulas):
                sheet.write(text.encode())
                yield sink.taken()
            sheet.write(_TAIL.encode())
    yield sink.taken()


class _Sink:
    """A file that can't be sought in, from which what was written is taken."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep what is written."""
        self._blocks.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing."""

    def taken(self) -> bytes:
        """Return what was written since it was asked last."""
        found = b"".join(self._blocks)
        self._blocks.clear()
        return found


def _sheet(
    rows: Iterable[bytes | memoryview], fields: Sequence[AnyField], *, escape_formulas: bool
) -> Iterator[str]:
    """The rows as XML, some hundreds at a time."""
    cells = [_cell_of(field, escape_formulas=escape_formulas) for field in fields]
    parts: list[str] = []
    for number, row in enumerate(rows, 1):
        if number > MAX_ROWS:
            raise LimitExceeded(
                f"A sheet holds {MAX_ROWS:,} records, and these are more.",
                hint="Export them as CSV, or filter the list.",
                maximum=MAX_ROWS,
            )
        texts = bytes(row).decode().removesuffix("\n").split("\t")
        parts.append("<row>")
        parts += ["<c/>" if text == r"\N" else cell(text) for cell, text in zip(cells, texts, strict=True)]
        parts.append("</row>")
        if number % _BLOCK_ROWS == 0:
            yield "".join(parts)
            parts.clear()
    yield "".join(parts)


def _cell_of(field: AnyField, *, escape_formulas: bool) -> Cell:
    """How a column's values are written."""
    target = field.target_field if isinstance(field, models.ForeignKey) else field

    def text(value: str) -> str:
        if "\\" in value:
            value = _COPIED.sub(lambda found: _COPY_ESCAPES.get(found[1], found[1]), value)
        if len(value) > MAX_CELL_CHARS:
            raise LimitExceeded(
                f"A text in {field.column} has {len(value):,} characters, and a cell holds {MAX_CELL_CHARS:,}.",
                hint=f"Leave {field.column} out, or export as CSV.",
                column=field.column,
                maximum=MAX_CELL_CHARS,
            )
        style = ' s="1"' if escape_formulas and value.startswith(_FORMULA) else ""
        shown = escape(_UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", value))
        return f'<c t="inlineStr"{style}><is><t xml:space="preserve">{shown}</t></is></c>'

    def number(value: str) -> str:
        is_exact = len(value.strip("-0").replace(".", "")) <= MAX_DIGITS
        return f"<c><v>{value}</v></c>" if is_exact else text(value)

    def truth(value: str) -> str:
        return f'<c t="b"><v>{int(value == "t")}</v></c>'

    match target:
        case models.BooleanField():
            return truth
        case models.IntegerField() | models.DecimalField():
            return number
        case _:
            return text


def _header(fields: Sequence[AnyField]) -> str:
    names = "".join(f'<c t="inlineStr" s="2"><is><t>{field.column}</t></is></c>' for field in fields)
    return f"<row>{names}</row>"


def _part(name: str) -> Any:
    part = zipfile.ZipInfo(name, _MOMENT)
    part.compress_type = zipfile.ZIP_DEFLATED
    return part
