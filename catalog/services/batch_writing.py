"""Writing the rows of a batch: set by set; one by one where something is at fault, to find all that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import DataError, IntegrityError, transaction

from accesscontrol.errors import Refused
from catalog.services.batch_faults import MAX_ERRORS, Faults
from catalog.services.integrity import translated
from catalog.services.rows import Rows
from catalog.table import Table

Values = Mapping[str, Any]
Indexed = Sequence[tuple[int, Values]]  # rows, each with the index of its part
Write = Callable[[Sequence[Values]], Rows]  # writes rows that have the same columns


def write_all(table: Table, rows: Indexed, write: Write, faults: Faults) -> Rows:
    """This function will write rows and return them in the order given.

    With faults that are known before, what the database refuses of the others is still looked for.

    :raises Refused: some parts are at fault; see `Faults.refuse`
    """
    if not faults:
        try:
            with transaction.atomic():
                return _by_shape([row for _, row in rows], write)
        except (IntegrityError, DataError):
            pass
    written = _one_by_one(table, rows, write, faults)
    faults.refuse()
    return written  # in another order than this they were in each other's way


def _by_shape(rows: Sequence[Values], write: Write) -> Rows:
    """Rows written with one statement for all that have the same columns, returned in the order given."""
    shapes: dict[tuple[str, ...], list[int]] = {}
    for index, row in enumerate(rows):
        shapes.setdefault(tuple(row), []).append(index)
    texts = [""] * len(rows)
    for indexes in shapes.values():
        for index, text in zip(indexes, write([rows[index] for index in indexes]).texts, strict=True):
            texts[index] = text
    return Rows(texts)


def _one_by_one(table: Table, rows: Indexed, write: Write, faults: Faults) -> Rows:
    """The rows of parts that are not at fault, each written by itself; what the database refuses is one more fault."""
    texts: list[str] = []
    for index, row in rows:
        if index in faults:
            continue
        if len(faults) >= MAX_ERRORS:
            faults.is_cut_short = True
            break
        try:
            with transaction.atomic(), translated(table, row):
                texts += write([row]).texts
        except Refused as refusal:
            faults.add(index, refusal)
    return Rows(texts)
