"""What describes the tables, as plain queries of pg_catalog."""

from __future__ import annotations

from typing import Any

Statement = tuple[str, Any]

_DESCRIPTION = "SELECT coalesce(obj_description(%(table)s::regclass, 'pg_class'), '') AS description"
_COLUMNS = """
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
       CASE WHEN a.attidentity <> '' THEN 'generated' ELSE pg_get_expr(d.adbin, d.adrelid) END AS default,
       coalesce(col_description(a.attrelid, a.attnum), '') AS description
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = %(table)s::regclass AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum
"""
_CONSTRAINTS = """
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
_INDEXES = """
SELECT i.relname AS name, x.indisunique AS "unique", x.indisprimary AS "primary",
       (SELECT array_agg(pg_get_indexdef(x.indexrelid, n, true) ORDER BY n)
          FROM generate_series(1, x.indnkeyatts) AS n) AS columns,
       pg_get_expr(x.indpred, x.indrelid) AS predicate
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
 WHERE x.indrelid = %(table)s::regclass
 ORDER BY x.indisprimary DESC, i.relname
"""
_FOREIGN_KEYS = """
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


def of_description(table: str) -> list[Statement]:
    """This function will return the queries of pg_catalog that the description of a table needs."""
    named = {"table": f"public.{table}"}
    return [
        (_DESCRIPTION, named),
        (_COLUMNS, named),
        (_CONSTRAINTS, named),
        (_INDEXES, named),
        *of_relations(),
    ]


def of_relations() -> list[Statement]:
    """This function will return the query of pg_catalog that tells how tables refer to each other."""
    return [(_FOREIGN_KEYS, {})]
