"""Which columns of a table hold short texts, and which one names a record."""

from __future__ import annotations

from django.core.validators import MaxLengthValidator
from django.db import models

from catalog.table import AnyField, Table

SHORT_CHARS = 500  # a text that may be longer is no name, and gets an area to be typed into


def max_chars(column: AnyField) -> int:
    """This function will return the greatest length that a text may have, 0 where there is none."""
    limits = [int(v.limit_value) for v in column.validators if isinstance(v, MaxLengthValidator)]
    return min(limits, default=0)


def is_short(column: AnyField) -> bool:
    """This function will say whether a column holds texts that fit on a line."""
    return isinstance(column, models.TextField) and 0 < max_chars(column) <= SHORT_CHARS


def label(table: Table) -> str | None:
    """This function will return the text by which people know a record: its title, or else its first text."""
    texts = [n for n, f in table.columns.items() if isinstance(f, models.TextField) and not f.flatchoices]
    required = [name for name in texts if not table.columns[name].null]
    return table.title_column or next(iter([*required, *texts]), None)
