"""Whatever a condition asks: the SQL of its shape, with its values, is what Django makes of it itself."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F, Q
from hypothesis import given

from catalog import registry
from catalog.services import compiling, conditions, kinds
from catalog.services.compiling import compiled, compiled_anew
from catalog.services.kinds import Kind
from catalog.services.lookups import among
from catalog.table import Table
from tests.catalog.services.builders import AUDIT_LOGS, BOOKS, GOALS
from tests.catalog.services.test_properties import anything, wheres

VALUES: dict[Kind, list[Any]] = {
    Kind.INTEGER: [0, -1, 2**15 - 1, 2**15, 2**31 - 1, 2**31, -(2**63), 2**63 - 1, 2**63, 10**30, 1.5, True],
    Kind.TEXT: ["", "a", "%s", "' OR 1=1 --", "naïve", 5],
    Kind.MOMENT: [datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)],
    Kind.DATE: [date(1, 1, 1), date(9999, 12, 31), datetime(2026, 1, 2, tzinfo=UTC)],
    Kind.DECIMAL: [Decimal("1.5"), Decimal("-0.000001"), Decimal(10**30), 1, 1.5],
    Kind.FLOAT: [0.0, -1.5, 1e308, 7],
    Kind.UUID: [UUID(int=1), UUID(int=2**128 - 1)],
    Kind.FLAG: [True, False],
    Kind.LIST: [[], ["a", "b"]],
    Kind.JSON: [{}, {"a": 1}, [1], "text", True],
}


def as_told(made: tuple[str, list[Any]]) -> tuple[str, list[tuple[type, str]]]:
    """SQL and parameters, with the types that the driver goes by."""
    sql, parameters = made
    return sql, [(type(value), repr(value)) for value in parameters]


def assert_same(table: Table, *asked: Q) -> None:
    for condition in (*asked, *asked):  # the second time from what is kept
        assert as_told(compiled(table, condition)) == as_told(compiled_anew(table.model, condition)), (
            condition
        )


@anything
@given(where=wheres, other=wheres)
def test_any_where_object(where: dict[str, Any], other: dict[str, Any]) -> None:
    assert_same(BOOKS, *(conditions.parse(BOOKS, each) for each in (where, {"$not": where}, other)))


@pytest.mark.parametrize("table", registry.all_tables(), ids=str)
def test_every_comparison_of_every_column(table: Table) -> None:
    for field in table.columns.values():
        for value in VALUES[kinds.of(field)]:
            for lookup in ("", "__exact", "__gt", "__gte", "__lt", "__lte", "__isnull"):
                if lookup == "__isnull" and not isinstance(value, bool):
                    continue
                one = Q(**{f"{field.attname}{lookup}": value})
                try:
                    compiled_anew(table.model, one)
                except (TypeError, ValueError):
                    continue  # no condition at all
                assert_same(table, one, ~one, one | Q(**{f"{table.key[0]}__gt": 3}))


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        (BOOKS, Q()),
        (BOOKS, Q(Q())),
        (BOOKS, Q(Q(), id=1, _connector=Q.OR)),
        (BOOKS, Q(id=None)),
        (BOOKS, Q(pk=1)),
        (BOOKS, Q(pk__in=())),
        (BOOKS, Q(pk__in=()) | Q(id=1)),
        (BOOKS, Q(id__in=[1, 2])),
        (BOOKS, among("id", [1, 2]) & Q(title="x")),
        (BOOKS, Q(word_count=F("book_number"))),
        (BOOKS, Q(id=1) | Q(id=1)),
        (BOOKS, Q(id=1) ^ Q(title="a")),
        (BOOKS, ~(Q(genre="a") & ~Q(author_id=2, word_count__lt=5))),
        (GOALS, Q(is_active=True) & ~Q(is_active=False)),
        (GOALS, Q(is_active=1)),
        (AUDIT_LOGS, Q(user_id="ann") | Q(table_name__in=["books"])),
    ],
    ids=str,
)
def test_what_other_services_ask_for(table: Table, condition: Q) -> None:
    assert_same(table, condition)


def test_what_differs_in_values_alone_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Q] = []

    def counted(model: Any, condition: Q) -> Any:
        made.append(condition)
        return compiled_anew(model, condition)

    monkeypatch.setattr(compiling, "compiled_anew", counted)
    compiling._of_shape.cache_clear()
    for number in range(3):
        _, parameters = compiled(BOOKS, Q(id__gt=number) & ~Q(title=f"{number}", genre__isnull=True))

        assert parameters == [number, f"{number}"]
    assert len(made) == 1
    assert compiled(BOOKS, Q(id__gt=0) & ~Q(title="", genre__isnull=False)) != compiled(
        BOOKS, Q(id__gt=0) & ~Q(title="", genre__isnull=True)
    )
