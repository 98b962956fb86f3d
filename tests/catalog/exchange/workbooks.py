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


def bomb(megabytes: int = 20) -> bytes:
    """Return a workbook whose sheet is small only as long as it is packed."""
    file = io.BytesIO(made(["name"], ["Ann"]))
    packed = zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED)
    with packed as archive, archive.open("xl/worksheets/sheet2.xml", "w") as part:
        for _ in range(megabytes):
            part.write(b" " * 1024 * 1024)
    return file.getvalue()
