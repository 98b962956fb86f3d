"""One record per group: group_by and aggregate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Avg, Count, Max, Min, QuerySet, Sum
from django.db.models.functions import Cast

from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from catalog import registry
from catalog.services import ordering
from catalog.services.names import listed
from catalog.services.rows import Output
from catalog.table import AnyField, Table

FUNCTIONS = ("count", "sum", "avg", "min", "max", "count_distinct")
MAX_AGGREGATES = 20


def apply(
    table: Table,
    rows: QuerySet[Any],
    group_by: Sequence[str],
    aggregate: Mapping[str, Mapping[str, Any]],
    order_by: Sequence[Mapping[str, Any]],
) -> tuple[QuerySet[Any, Any], list[Output]]:
    """This function will return the query of the groups and what each record shows: columns, then aggregates.

    Without `group_by` there is one record for all rows. Groups come in the order of their columns
    unless `order_by` names columns of the group or aggregates.

    :raises InvalidInput: an unknown column or function, or one that has no meaning for a column's type
    """
    groups = [_grouped(table, name) for name in listed(group_by, "group_by", table.columns)]
    measures = _measures(table, aggregate, taken=group_by)
    outputs = [Output.of(field) for field in groups] + [output for output, _ in measures]
    found = rows.order_by()
    if not groups:
        found = found.annotate(everything=models.Value(1)).values("everything")
    else:
        found = found.values(*(field.attname for field in groups))
    found = found.annotate(**{output.source: expression for output, expression in measures})
    if not measures:
        found = found.distinct()
    found = found.values_list(
        *(field.attname for field in groups), *(output.source for output, _ in measures)
    )
    sources = {str(field.column): field.attname for field in groups} | {o.name: o.source for o, _ in measures}
    order = ordering.of_groups(sources, order_by, default=[field.attname for field in groups])
    return found.order_by(*(term.sql() for term in order)), outputs


def can_group(field: AnyField) -> bool:
    """This function will say whether rows can be grouped by a column."""
    return not isinstance(field, models.JSONField)


def _grouped(table: Table, name: str) -> AnyField:
    field = table.column(name)
    if not can_group(field):
        raise InvalidInput(f"{name} is jsonb: rows can't be grouped by it.", table=table.name, column=name)
    return field


def _measures(
    table: Table, aggregate: Mapping[str, Mapping[str, Any]], *, taken: Sequence[str]
) -> list[tuple[Output, Any]]:
    """Each aggregate as what the record shows and the expression behind it."""
    if not isinstance(aggregate, Mapping):
        raise InvalidInput('aggregate must be an object of {name: {"fn": …, "column": …}}.')
    if len(aggregate) > MAX_AGGREGATES:
        raise InvalidInput(f"At most {MAX_AGGREGATES} aggregates a query.", maximum=MAX_AGGREGATES)
    measures = []
    for index, (name, spec) in enumerate(aggregate.items()):
        if not registry.is_identifier(name) or name in taken:
            raise InvalidInput(
                f"{quoted(name)!r} can't name an aggregate: give small letters, digits and underscores,"
                " and no column of group_by.",
            )
        fn, field = _read(table, name, spec)
        is_decimal = isinstance(field, models.DecimalField) and fn in {"sum", "min", "max"}
        measures.append((Output(name, f"measure_{index}", as_text=is_decimal), _expression(fn, field)))
    return measures


def _read(table: Table, name: str, spec: object) -> tuple[str, AnyField | None]:
    """The function and the column of one aggregate."""
    if not isinstance(spec, Mapping) or not set(spec) <= {"fn", "column"}:
        raise InvalidInput(f'aggregate.{name} must be {{"fn": …, "column": …}}.', allowed=list(FUNCTIONS))
    fn, column = spec.get("fn"), spec.get("column")
    if fn not in FUNCTIONS:
        raise InvalidInput(
            f"There is no aggregate function {quoted(fn)!r}.{did_you_mean(fn, FUNCTIONS)}",
            allowed=list(FUNCTIONS),
        )
    if column is None:
        if fn != "count":
            raise InvalidInput(f"aggregate.{name} needs a column: only count counts rows without one.")
        return fn, None
    field = table.column(column)
    if not has_meaning(fn, field):
        raise InvalidInput(f"{fn} has no meaning for {column}.", table=table.name, column=column)
    return fn, field


def has_meaning(fn: str, field: AnyField) -> bool:
    """This function will say whether a function can be taken of a column's type."""
    if fn in {"sum", "avg"}:
        is_number = isinstance(field, models.IntegerField | models.FloatField | models.DecimalField)
        return is_number and not field.primary_key
    if fn in {"min", "max"}:
        return not isinstance(field, models.JSONField | ArrayField | models.BooleanField | models.UUIDField)
    return not isinstance(field, models.JSONField) or fn == "count"


def _expression(fn: str, field: AnyField | None) -> Any:
    """The SQL function over a column; without one, over rows."""
    name = field.attname if field else "*"
    match fn:
        case "count":
            return Count(name)
        case "count_distinct":
            return Count(name, distinct=True)
        case "sum":
            return Sum(name)
        case "avg":
            return Cast(Avg(name), models.FloatField())
        case "min":
            return Min(name)
        case _:
            return Max(name)
