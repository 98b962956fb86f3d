"""The catalog as it is: pg_catalog, read for the schema `public`.

Descriptions are kept for five minutes, and dropped as soon as a change of the schema shows: every look
begins with the fingerprint of pg_catalog, one query, so that no process needs to be told.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from django.db import connection

Row = dict[str, Any]

KEPT_S = 300

# xmin changes with every change of a row of pg_catalog, and with nothing else: not with VACUUM or ANALYZE. Columns,
# defaults and comments are looked up by table: joined at once, PostgreSQL would read those of its own tables too.
_FINGERPRINT = """
SELECT (SELECT ARRAY[count(*), sum(c.oid::bigint), sum(c.xmin::text::bigint), sum(a.number), sum(a.changed),
                     sum(e.changed), sum(d.number), sum(d.changed)]::text
          FROM pg_class c
          LEFT JOIN LATERAL (
               SELECT count(*) AS number, sum(xmin::text::bigint) AS changed FROM pg_attribute
                WHERE attrelid = c.oid AND c.relkind NOT IN ('i', 'S')) a ON true
          LEFT JOIN LATERAL (
               SELECT sum(xmin::text::bigint) AS changed FROM pg_attrdef
                WHERE adrelid = c.oid AND c.relkind NOT IN ('i', 'S')) e ON true
          LEFT JOIN LATERAL (
               SELECT count(*) AS number, sum(xmin::text::bigint) AS changed FROM pg_description
                WHERE objoid = c.oid AND classoid = 'pg_class'::regclass AND c.relkind NOT IN ('i', 'S')) d ON true
         WHERE c.relnamespace = 'public'::regnamespace)
    || (SELECT ARRAY[count(*), sum(xmin::text::bigint)]::text
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace) AS fingerprint
"""

DESCRIPTION = "SELECT coalesce(obj_description(%(table)s::regclass, 'pg_class'), '') AS description"

COLUMNS = """
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
       CASE WHEN a.attidentity <> '' THEN 'generated' ELSE pg_get_expr(d.adbin, d.adrelid) END AS default,
       coalesce(col_description(a.attrelid, a.attnum), '') AS description
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = %(table)s::regclass AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum
"""

CONSTRAINTS = """
SELECT c.conname AS name,
       CASE c.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check' END AS type,
       (SELECT array_agg(a.attname ORDER BY k.position)
          FROM unnest(c.conkey) WITH ORDINALITY AS k (number, position)
          JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number) AS columns,
       pg_get_constraintdef(c.oid) AS definition
  FROM pg_constraint c
 WHERE c.conrelid = %(table)s::regclass AND c.contype IN ('p', 'u', 'c')
 ORDER BY c.contype DESC, c.conname
"""

INDEXES = """
SELECT i.relname AS name, x.indisunique AS "unique", x.indisprimary AS "primary",
       (SELECT array_agg(pg_get_indexdef(x.indexrelid, n, true) ORDER BY n)
          FROM generate_series(1, x.indnkeyatts) AS n) AS columns,
       pg_get_expr(x.indpred, x.indrelid) AS predicate
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
 WHERE x.indrelid = %(table)s::regclass
 ORDER BY x.indisprimary DESC, i.relname
"""

FOREIGN_KEYS = """
SELECT c.conname AS name, r.relname AS table, a.attname AS column, p.relname AS references_table,
       b.attname AS references_column, NOT a.attnotnull AS nullable,
       CASE c.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'r' THEN 'restrict'
                          ELSE 'no action' END AS on_delete
  FROM pg_constraint c
  JOIN pg_class r ON r.oid = c.conrelid JOIN pg_class p ON p.oid = c.confrelid
  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
  JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
 WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
 ORDER BY r.relname, a.attname
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

# By database, what was read, and of which table: the fingerprint before it was read, when, and what it was.
_kept: dict[tuple[Any, ...], tuple[str, float, list[Row]]] = {}


class Live:
    """One look at pg_catalog: what it shows belongs to one state of the schema."""

    def __init__(self, *, refresh: bool = False) -> None:
        if refresh:
            forget()
        # Taken before the rest is read: what is newer than its fingerprint is merely read again.
        self._fingerprint = str(_read(_FINGERPRINT)[0]["fingerprint"])

    def description(self, table: str) -> str:
        """This function will return the comment of a table."""
        return str(self._look(DESCRIPTION, table)[0]["description"])

    def columns(self, table: str) -> list[Row]:
        """This function will return {name, type, nullable, default, description} of each column, in order."""
        return self._look(COLUMNS, table)

    def constraints(self, table: str) -> list[Row]:
        """This function will return {name, type, columns, definition} of the keys and checks of a table."""
        return self._look(CONSTRAINTS, table)

    def indexes(self, table: str) -> list[Row]:
        """This function will return {name, unique, primary, columns, predicate} of the indexes of a table."""
        return self._look(INDEXES, table)

    def foreign_keys(self) -> list[Row]:
        """This function will return every foreign key of the schema.

        Each is {name, table, column, references_table, references_column, nullable, on_delete}.
        """
        return self._look(FOREIGN_KEYS)

    def _look(self, statement: str, table: str = "") -> list[Row]:
        """What a statement says, as it is kept or read anew; the caller's own, to change as it likes."""
        key = (connection.settings_dict["NAME"], statement, table)
        fingerprint, made_at, found = _kept.get(key, ("", 0.0, []))
        if fingerprint != self._fingerprint or monotonic() - made_at >= KEPT_S:
            found = _read(statement, table=f"public.{table}")
            _kept[key] = self._fingerprint, monotonic(), found
        return [_copy(row) for row in found]


def forget() -> None:
    """This function will drop all that is kept of pg_catalog in this process."""
    _kept.clear()


def tables(pattern: str) -> list[Row]:
    """This function will return {name, row_estimate, size_bytes, size, description} of the tables LIKE `pattern`.

    Sizes are those of now: they are never kept.
    """
    return _read(TABLES, pattern=pattern)


def _copy(row: Row) -> Row:
    """A row that its holder may change: its lists are of texts."""
    return {name: list(value) if isinstance(value, list) else value for name, value in row.items()}


def _read(statement: str, **parameters: str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
