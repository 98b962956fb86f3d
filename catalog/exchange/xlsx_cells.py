"""What a workbook's cell has for a column, as the text that PostgreSQL reads, or why it can't be that."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.db import models

from catalog.exchange import cells
from catalog.services import kinds
from catalog.table import AnyField

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def cell(field: AnyField, value: Any, data_type: str) -> str | None:
    """This function will return a cell's value as text, None for an empty cell.

    :raises ValueError: it is a formula, an error, or can't be stored; the text goes on from the column's name
    """
    if value is None:
        return None
    if data_type == "f":
        raise ValueError("is a formula; copy the cells, and paste them as values")
    if data_type == "e":
        raise ValueError(f"has the error {str(value)[:20]}")
    text = _text(value, is_day=isinstance(field, models.DateField) and not _is_moment(field))
    return text if text or cells.is_text(field) else None


def plain(value: Any) -> str:
    """This function will return a value as text, for a header or a sample."""
    return "" if value is None else _text(value, is_day=False)


def _text(value: Any, *, is_day: bool) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return kinds.storable(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), value))
        case float():
            return format(Decimal(repr(value)), "f").removesuffix(".0")
        case datetime() if is_day and value.time() == time():
            return value.date().isoformat()
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _is_moment(field: AnyField) -> bool:
    return isinstance(field, models.DateTimeField)
