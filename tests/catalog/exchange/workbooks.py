"""Workbooks for tests: as others write them, and as nobody should."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook, load_workbook


def made(*rows: Sequence[Any]) -> bytes:
    """Return a workbook with these rows in its first sheet."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def read(content: bytes) -> Any:
    """Return the first sheet of a workbook."""
    return load_workbook(io.BytesIO(content)).worksheets[0]


def bomb(megabytes: int = 20, part: str = "xl/worksheets/sheet2.xml") -> bytes:
    """Return a workbook of which one part is small only as long as it is packed."""
    file = io.BytesIO(made(["name"], ["Ann"]))
    packed = zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED)
    with packed as archive, archive.open(part, "w") as opened:
        for _ in range(megabytes):
            opened.write(b" " * 1024 * 1024)
    return file.getvalue()


def laughing() -> bytes:
    """Return a workbook whose sheet says little, a billion times."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    sheet = (
        f'<!DOCTYPE worksheet [<!ENTITY l0 "lol">{entities}]>'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row>'
        '<c t="inlineStr"><is><t>&l9;</t></is></c></row></sheetData></worksheet>'
    )
    source, file = zipfile.ZipFile(io.BytesIO(made(["name"]))), io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, sheet if name == "xl/worksheets/sheet1.xml" else source.read(name))
    return file.getvalue()
