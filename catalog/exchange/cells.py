"""What the text of a cell must look like for each kind of column, as SQL.

PostgreSQL reads more than we take: "yesterday", "1_000", "infinity". A pattern narrows it first.
"""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from psycopg import sql

from catalog.services import kinds
from catalog.table import AnyField

_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"
_ZONE = r"(Z|[+-]\d{2}(:?\d{2})?)"
_PATTERNS: tuple[tuple[type[AnyField], str], ...] = (
    (models.DateTimeField, rf"^{_DATE}([T ]{_TIME}{_ZONE}?)?$"),
    (models.DateField, rf"^{_DATE}$"),
    (models.BooleanField, r"^(t|f|true|false)$"),
    (models.DecimalField, r"^-?\d+(\.\d+)?$"),
    (models.IntegerField, r"^-?\d+$"),
)
_FURTHER: tuple[tuple[type[AnyField], str], ...] = (
    (
        models.DateTimeField,
        "{0}::timestamptz BETWEEN '0001-01-01T00:00:00Z' AND '9999-12-31T23:59:59.999999Z'",
    ),
    (models.DecimalField, f"length({{0}}) <= {kinds.MAX_DIGITS}"),
    (
        ArrayField,
        (
            "coalesce(array_ndims({0}::text[]), 1) = 1 AND coalesce(array_lower({0}::text[], 1), 1) = 1 AND "
            f"cardinality({{0}}::text[]) <= {kinds.MAX_ARRAY_ITEMS} AND array_position({{0}}::text[], NULL) IS NULL"
        ),
    ),
    (models.JSONField, f"NOT jsonb_path_exists({{0}}::jsonb, '$.**{{{{{kinds.MAX_JSON_DEPTH} to last}}}}')"),
)


def is_text(field: AnyField) -> bool:
    """This function will say whether a column takes any text as it is."""
    return isinstance(field, models.TextField)


def type_of(field: AnyField) -> str:
    """This function will return the SQL type of a column, as its model has it."""
    return str(field.cast_db_type(connection))


def converted(field: AnyField, source: sql.Composable) -> sql.Composable:
    """This function will return a cell as what its column holds; NULL where it can't be that."""
    if is_text(field):
        return source
    kind: Any = type_of(field)
    type_ = sql.SQL(kind)
    found = sql.SQL("CASE WHEN pg_input_is_valid({}, {}) THEN {}::{} END").format(
        source, sql.Literal(kind), source, type_
    )
    further = _first(_FURTHER, field)
    if further is not None:
        text: Any = further
        condition = sql.SQL(text).format(source)
        found = sql.SQL("CASE WHEN pg_input_is_valid({}, {}) THEN CASE WHEN {} THEN {}::{} END END").format(
            source, sql.Literal(kind), condition, source, type_
        )
    if (pattern := _first(_PATTERNS, field)) is not None:
        return sql.SQL("CASE WHEN {} ~ {} THEN {} END").format(source, sql.Literal(pattern), found)
    return found


def _target(field: AnyField) -> AnyField:
    return field.target_field if isinstance(field, models.ForeignKey) else field


def _first(table: tuple[tuple[type[AnyField], str], ...], field: AnyField) -> str | None:
    target = _target(field)
    return next((text for kind, text in table if isinstance(target, kind)), None)
