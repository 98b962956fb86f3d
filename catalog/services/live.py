"""The catalog as it is: pg_catalog, read for the schema `public`.

Nothing is kept: to find out whether what was kept still holds would take PostgreSQL as long as to tell it anew. The
functions are those of catalog/schema/descriptions.sql.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

Row = dict[str, Any]

_DESCRIPTION = "SELECT app.table_description(%(table)s) AS description"
_FOREIGN_KEYS = "SELECT * FROM app.foreign_keys()"

_ROWS = """
SELECT relname AS name, greatest(reltuples::bigint, pg_stat_get_live_tuples(oid), 0) AS rows
  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""

TABLES = """
SELECT c.relname AS name,
       greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0) AS row_estimate,
       pg_total_relation_size(c.oid) AS size_bytes,
       pg_size_pretty(pg_total_relation_size(c.oid)) AS size,
       coalesce(obj_description(c.oid, 'pg_class'), '') AS description
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname LIKE %(pattern)s
 ORDER BY c.relname
"""


_COMMENTS = """
SELECT c.relname, a.attname, col_description(c.oid, a.attnum)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
   AND col_description(c.oid, a.attnum) IS NOT NULL
"""


def describe(table: str) -> Row:
    """This function will return {description, columns, indexes, constraints, foreign_keys} of a table.

    Columns, in order, are {name, type, nullable, default, description}; indexes {name, unique, primary, columns,
    predicate}; constraints, which are keys and checks, {name, type, columns, definition}. Foreign keys are those from
    and to the table, as `foreign_keys` has them.
    """
    description: Row = _read(_DESCRIPTION, table=table)[0]["description"]
    return description


def foreign_keys() -> list[Row]:
    """This function will return every foreign key of the schema.

    Each is {name, table, column, references_table, references_column, nullable, on_delete}.
    """
    return _read(_FOREIGN_KEYS)


def tables(pattern: str) -> list[Row]:
    """This function will return {name, row_estimate, size_bytes, size, description} of the tables LIKE `pattern`."""
    return _read(TABLES, pattern=pattern)


def comments() -> dict[tuple[str, str], str]:
    """This function will return the database's comment on each column that has one, by table and column."""
    with connection.cursor() as cursor:
        cursor.execute(_COMMENTS)
        return {(table, column): comment for table, column, comment in cursor.fetchall()}


def row_estimates() -> dict[str, int]:
    """This function will return how many rows each table has, about."""
    return {row["name"]: row["rows"] for row in _read(_ROWS)}


def _read(statement: str, **parameters: str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
