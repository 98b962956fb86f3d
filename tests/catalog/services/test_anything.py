"""Any value in any column: read, stored, or refused in our own words, and never a fault of the database."""

from __future__ import annotations

import contextlib
import math
import random
from decimal import Decimal
from typing import Any

import pytest
from django.db import Error, models
from django.db.models import NOT_PROVIDED

from accesscontrol.errors import InvalidInput, Refused
from catalog import registry
from catalog.errors import CheckViolation, DuplicateKey, ForeignKeyViolation, NotNullViolation
from catalog.services import conditions, queries, records
from catalog.table import Table

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63), 10**30, 10**5_000, 1.5, 1e308, 5e-324, -0.0, math.nan,
    math.inf, Decimal("1.5"), Decimal("1e4000"), Decimal("1e-4000"), Decimal("sNaN"), "", "a", "5", "\u0665", "\x00",
    "\ud800", "x" * 3_000, "%", "\\", "'", "2026-01-01", "2026-02-30", "0001-01-01", "9999-12-31T23:59:59.999999Z",
    "infinity", "{}", "null", "00000000-0000-0000-0000-000000000000", [], ["a"], [None], [[]], [1], ("a",), {},
    {"a": 1}, {"a": {"b": [1, None]}}, {"$x": 1}, {"$eq": None}, {1: 2}, b"bytes", 1j, object(),
]  # fmt: skip
OPERATORS = ["$eq", "$ne", "$gt", "$lte", "$in", "$nin", "$like", "$ilike", "$null", "$between", "$contains"]


def dice(table: Table) -> random.Random:
    return random.Random(table.name)  # noqa: S311 - the same in every run


@pytest.mark.parametrize("table", registry.all_tables(), ids=str)
def test_in_a_condition_is_read_or_refused(admin, table):
    rng = dice(table)
    read = 0
    for _ in range(300):
        column, operator, value = rng.choice(list(table.columns)), rng.choice(OPERATORS), rng.choice(VALUES)
        operand = [value, rng.choice(VALUES)] if operator in {"$in", "$nin", "$between"} else value
        where = rng.choice(
            [{column: value}, {column: {operator: operand}}, {"$not": {column: {operator: operand}}}]
        )
        with contextlib.suppress(InvalidInput):
            conditions.parse(table, where)
            if read < 6:
                queries.query_records(actor=admin, table=table, where=where, limit=1)
                read += 1
    assert read == 6


def smallest(table: Table) -> dict[str, Any]:
    """What a record of the table must have, foreign keys to nothing."""
    data: dict[str, Any] = {}
    for name, field in table.columns.items():
        if field.null or field.db_default is not NOT_PROVIDED or name == "id":
            continue
        kinds = {models.ForeignKey: 1, models.IntegerField: 1, models.DateField: "2026-01-01"}
        fallback = next((value for kind, value in kinds.items() if isinstance(field, kind)), "x")
        data[name] = field.flatchoices[0][0] if field.flatchoices else fallback
    return data


@pytest.mark.parametrize("table", [t for t in registry.all_tables() if not t.read_only], ids=str)
def test_in_a_record_is_stored_or_refused(admin, table):
    rng = dice(table)
    by_us: list[Refused] = []
    for _ in range(40):
        column, value = rng.choice(list(table.columns)), rng.choice(VALUES)
        try:
            records.insert_record(actor=admin, table=table, data={**smallest(table), column: value})
        except (ForeignKeyViolation, CheckViolation, DuplicateKey):
            pass  # rules of the database, told as such
        except (InvalidInput, NotNullViolation) as refusal:
            by_us.append(refusal)
    assert len(by_us) > 12
    assert not [refusal for refusal in by_us if isinstance(refusal.__cause__, Error)]
