"""What the text of a cell must look like for each kind of column, as SQL.

PostgreSQL reads more than we take: "yesterday", "1_000", "infinity". A pattern narrows it first.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    (models.DateTimeField, "{value} BETWEEN '0001-01-01T00:00:00Z' AND '9999-12-31T23:59:59.999999Z'"),
    (models.DecimalField, f"length({{text}}) <= {kinds.MAX_DIGITS}"),
    (
        ArrayField,
        (
            "coalesce(array_ndims({value}), 1) = 1 AND coalesce(array_lower({value}, 1), 1) = 1 AND "
            f"cardinality({{value}}) <= {kinds.MAX_ARRAY_ITEMS} AND array_position({{value}}, NULL) IS NULL"
        ),
    ),
    (models.JSONField, f"NOT jsonb_path_exists({{value}}, '$.**{{{{{kinds.MAX_JSON_DEPTH} to last}}}}')"),
)
# Of what PostgreSQL would have written so itself, no pattern need be asked, which takes up to five times as long.
_AS_WRITTEN: tuple[tuple[type[AnyField], str], ...] = (
    (models.DateTimeField, "{value}::text IN ({text}, {text} || ' 00:00:00+00')"),
    (models.IntegerField, "{value}::text = {text}"),
)


def is_text(field: AnyField) -> bool:
    """This function will say whether a column takes any text as it is."""
    return isinstance(field, models.TextField)


def type_of(field: AnyField) -> str:
    """This function will return the SQL type of a column, as its model has it."""
    return str(field.cast_db_type(connection))


def converted(field: AnyField, source: sql.Composable) -> sql.Composable:
    """This function will return a cell as what its column holds; NULL where it can't be that.

    A time without a zone is of the session's, which is to be UTC.
    """
    if is_text(field):
        return source
    kind: Any = type_of(field)
    read = sql.SQL("{}::{}").format(source, sql.SQL(kind))
    is_asked = "{value}" in (_first(_FURTHER, field) or "")  # and so it is better read once
    value: sql.Composable = sql.SQL("c.value") if is_asked else read
    if conditions := list(_conditions(field, source, value)):
        value = sql.SQL("CASE WHEN {} THEN {} END").format(sql.SQL(" AND ").join(conditions), value)
    if is_asked:
        value = sql.SQL("(SELECT {} FROM (SELECT {} AS value OFFSET 0) c)").format(value, read)
    return sql.SQL("CASE WHEN pg_input_is_valid({}, {}) THEN {} END").format(source, sql.Literal(kind), value)


def read(field: AnyField, source: sql.Composable) -> sql.Composable:
    """This function will return a cell that is known to be what its column holds, which takes a tenth of the time."""
    if is_text(field):
        return source
    kind: Any = type_of(field)
    return sql.SQL("{}::{}").format(source, sql.SQL(kind))


def _conditions(field: AnyField, source: sql.Composable, value: sql.Composable) -> Iterator[sql.Composable]:
    """What else is asked of a value that PostgreSQL can read."""

    def about(condition: str) -> sql.Composable:
        text: Any = condition
        return sql.SQL(text).format(text=source, value=value)

    if (pattern := _first(_PATTERNS, field)) is not None:
        matches = sql.SQL("{} ~ {}").format(source, sql.Literal(pattern))
        as_written = _first(_AS_WRITTEN, field)
        yield sql.SQL("({} OR {})").format(about(as_written), matches) if as_written else matches
    if (further := _first(_FURTHER, field)) is not None:
        yield about(further)


def _target(field: AnyField) -> AnyField:
    return field.target_field if isinstance(field, models.ForeignKey) else field


def _first(table: tuple[tuple[type[AnyField], str], ...], field: AnyField) -> str | None:
    target = _target(field)
    return next((text for kind, text in table if isinstance(target, kind)), None)
