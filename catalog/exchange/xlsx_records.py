"""A workbook's first sheet, row by row. What a workbook must not do to us is ruled out before it is opened."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final
from xml.etree.ElementTree import ParseError

from accesscontrol.errors import InvalidInput, LimitExceeded
from catalog.exchange.headers import MAX_NAMES
from jobs.progress import Progress

MAX_UNPACKED_BYTES: Final = 256 * 1024 * 1024
MAX_PART_BYTES: Final = 64 * 1024 * 1024  # of what is no sheet, and is read as a whole
MAX_RATIO: Final = 250  # of what is packed; XML of a table seldom passes 50
MAX_PARTS: Final = 2_000
MAX_ROWS: Final = 1_048_576

_FREE_RATIO_BYTES: Final = 16 * 1024 * 1024  # below which no ratio does harm
_SHEETS: Final = "xl/worksheets/"
_OLD: Final = b"\xd0\xcf\x11\xe0"  # Excel before 2007, or with a password
_CHECKED_EVERY: Final = 1_000  # rows
_BROKEN: Final = (
    ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError, ParseError, RuntimeError,
    TypeError, ValueError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_HINT: Final = "Save it as XLSX once more, without a password, or as CSV."

Row = tuple[Any, ...]  # of cells, which have a value and a data_type

warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")  # of what it leaves aside


@contextmanager
def opened(file: BinaryIO, progress: Progress) -> Iterator[tuple[list[Any], Iterator[Row]]]:
    """This function will open a workbook for a `with` block, which gets the first row's values and the other rows.

    Each row has as many cells as the first, and one more in which to see that there are others.

    :raises InvalidInput: it is none, or has nothing in it
    :raises LimitExceeded: it is far larger than it looks, or has too many columns
    """
    from openpyxl import load_workbook  # noqa: PLC0415 - it takes long, and few need it

    require_sound(file)
    with _translated():
        book = load_workbook(file, read_only=True, keep_links=False)
    try:
        with _translated():
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what a file says of its own size is not to be relied on
            first = next(sheet.iter_rows(max_row=1, max_col=MAX_NAMES + 1, values_only=True), ())
        names = _without_end(first)
        if not names:
            raise InvalidInput("The first sheet is empty: its first row must name the columns.")
        if len(names) > MAX_NAMES:
            raise LimitExceeded(
                f"The first sheet has more than {MAX_NAMES} columns.", hint="Delete what is not needed."
            )
        yield names, _rows(sheet, len(names), progress)
    finally:
        book.close()


def require_sound(file: BinaryIO) -> None:
    """This function will do nothing where a file is a workbook that unpacks to what we can take.

    :raises InvalidInput: it is no workbook
    :raises LimitExceeded: it unpacks to more
    """
    start = file.read(len(_OLD))
    file.seek(0)
    if start == _OLD:
        raise InvalidInput("The workbook is of an older kind, or has a password.", hint=_HINT)
    with _translated(), zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    packed, unpacked = (sum(getattr(part, name) for part in parts) for name in ("compress_size", "file_size"))
    rest = sum(part.file_size for part in parts if not part.filename.startswith(_SHEETS))
    is_bomb = unpacked > max(_FREE_RATIO_BYTES, packed * MAX_RATIO)
    if is_bomb or unpacked > MAX_UNPACKED_BYTES or rest > MAX_PART_BYTES or len(parts) > MAX_PARTS:
        raise LimitExceeded(
            f"The workbook unpacks to {unpacked // 1_000_000:,} MB in {len(parts):,} parts, which is too much.",
            hint="Save the sheet as CSV, and import that.",
            maximum=MAX_UNPACKED_BYTES,
        )
    file.seek(0)


def _rows(sheet: Any, width: int, progress: Progress) -> Iterator[Row]:
    with _translated():
        for number, row in enumerate(sheet.iter_rows(min_row=2, max_col=width + 1)):
            if number % _CHECKED_EVERY == 0:
                progress.check()
            if number > MAX_ROWS:
                raise LimitExceeded(f"A sheet has at most {MAX_ROWS:,} rows.", maximum=MAX_ROWS)
            yield row


def _without_end(values: tuple[Any, ...]) -> list[Any]:
    """The values up to the last that is one."""
    found = list(values)
    while found and found[-1] in (None, ""):
        found.pop()
    return found


@contextmanager
def _translated() -> Iterator[None]:
    """Tell in our words what the reader of workbooks can't read."""
    try:
        yield
    except _BROKEN as error:
        raise InvalidInput("The file is no workbook that can be read.", hint=_HINT) from error
