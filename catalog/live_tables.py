"""What PostgreSQL itself says of the tables in schema public, read from pg_catalog in a few queries.

It reads through any cursor, so that a test can look from within the transaction that changed something.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class Cursor(Protocol):
    """Django's cursor, or psycopg's."""

    def execute(self, query: Any, params: Any = None, /) -> Any:
        """Run a statement."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return its rows."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as PostgreSQL writes it; the default of an identity column is `identity`."""

    name: str
    type: str
    not_null: bool
    default: str | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class Constraint:
    """A primary key (p), foreign key (f), CHECK (c) or UNIQUE (u) constraint."""

    name: str
    kind: str
    columns: tuple[str, ...]
    definition: str
    references: str | None  # the table, with its schema where that is not public
    on_delete: str  # a NO ACTION, r RESTRICT, c CASCADE, n SET NULL, d SET DEFAULT
    validated: bool


@dataclass(frozen=True, slots=True)
class Index:
    """An index; its first column is None where that is an expression."""

    name: str
    unique: bool
    first_column: str | None
    partial: bool
    valid: bool
    definition: str


@dataclass(slots=True)
class LiveTable:
    """A table or anything else in the schema that looks like one."""

    name: str
    kind: str  # r table, v view, m materialized view, f foreign table, p partitioned table
    comment: str | None
    columns: dict[str, Column] = field(default_factory=dict)
    constraints: list[Constraint] = field(default_factory=list)
    indexes: list[Index] = field(default_factory=list)
    triggers: dict[str, str] = field(default_factory=dict)  # name: O enabled, A always, D disabled, R replica


_TABLES = """
SELECT c.relname, c.relkind::text, obj_description(c.oid, 'pg_class')
  FROM pg_catalog.pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
 ORDER BY c.relname
"""
_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       CASE WHEN a.attidentity <> '' THEN 'identity' ELSE pg_get_expr(d.adbin, d.adrelid) END,
       col_description(c.oid, a.attnum)
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY c.relname, a.attnum
"""
_CONSTRAINTS = """
SELECT c.relname, k.conname, k.contype::text,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS key (number, place)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.number
              ORDER BY key.place),
       pg_get_constraintdef(k.oid),
       CASE WHEN r.relnamespace <> c.relnamespace THEN r.relnamespace::regnamespace || '.' ELSE '' END || r.relname,
       k.confdeltype::text, k.convalidated
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  LEFT JOIN pg_catalog.pg_class r ON r.oid = k.confrelid AND k.confrelid <> 0
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND k.contype IN ('p', 'f', 'c', 'u')
 ORDER BY c.relname, k.conname
"""
_INDEXES = """
SELECT c.relname, i.relname, x.indisunique AND NOT x.indisprimary, a.attname, x.indpred IS NOT NULL, x.indisvalid,
       pg_get_indexdef(x.indexrelid)
  FROM pg_catalog.pg_index x
  JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
  JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[0] AND a.attnum > 0
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
 ORDER BY c.relname, i.relname
"""
_TRIGGERS = """
SELECT c.relname, t.tgname, t.tgenabled::text
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
 ORDER BY c.relname, t.tgname
"""
_BORDER = """
SELECT format('the foreign key %s of %s', k.conname, k.conrelid::regclass), k.confrelid::regclass::text
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_class r ON r.oid = k.confrelid
 WHERE k.contype = 'f' AND c.relnamespace <> r.relnamespace
   AND 'public'::regnamespace IN (c.relnamespace, r.relnamespace)
UNION
SELECT format('the view %s', w.ev_class::regclass), d.refobjid::regclass::text
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid
  JOIN pg_catalog.pg_class v ON v.oid = w.ev_class
  JOIN pg_catalog.pg_class r ON r.oid = d.refobjid
 WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
   AND v.relnamespace <> r.relnamespace AND 'public'::regnamespace IN (v.relnamespace, r.relnamespace)
"""
_EXTENSIONS = """
SELECT extname FROM pg_catalog.pg_extension WHERE extnamespace = 'public'::regnamespace ORDER BY extname
"""
_RIGHTS = """
SELECT c.relname, p.privilege
  FROM pg_catalog.pg_class c
 CROSS JOIN unnest(%(privileges)s::text[]) AS p (privilege)
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
   AND CASE WHEN p.privilege IN ('INSERT', 'UPDATE', 'REFERENCES')
            THEN has_any_column_privilege(%(role)s, c.oid, p.privilege)
            ELSE has_table_privilege(%(role)s, c.oid, p.privilege) END
"""
_INSERT_COLUMNS = """
SELECT a.attname FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = to_regclass('public.' || quote_ident(%(table)s)) AND a.attnum > 0 AND NOT a.attisdropped
   AND has_column_privilege(%(role)s, a.attrelid, a.attnum, 'INSERT')
"""
_POWERS = """
SELECT 'is a superuser' FROM pg_catalog.pg_roles WHERE rolname = %(role)s AND rolsuper
UNION ALL
SELECT 'may create roles' FROM pg_catalog.pg_roles WHERE rolname = %(role)s AND rolcreaterole
UNION ALL
SELECT format('owns %%s', c.oid::regclass) FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'app') AND pg_has_role(%(role)s, c.relowner, 'MEMBER') AND c.relkind IN ('r', 'v', 'S')
UNION ALL
SELECT format('may create objects in schema %%s', n.nspname) FROM pg_catalog.pg_namespace n
 WHERE n.nspname IN ('public', 'app') AND has_schema_privilege(%(role)s, n.oid, 'CREATE')
"""

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


def read_tables(cursor: Cursor) -> dict[str, LiveTable]:
    """This function will return everything in schema public that looks like a table, by name."""
    tables = {row[0]: LiveTable(*row) for row in _rows(cursor, _TABLES)}
    for name, *values in _rows(cursor, _COLUMNS):
        tables[name].columns[values[0]] = Column(*values)
    for name, constraint, kind, columns, *values in _rows(cursor, _CONSTRAINTS):
        tables[name].constraints.append(Constraint(constraint, kind, tuple(columns), *values))
    for name, *values in _rows(cursor, _INDEXES):
        if name in tables:
            tables[name].indexes.append(Index(*values))
    for name, trigger, enabled in _rows(cursor, _TRIGGERS):
        tables[name].triggers[trigger] = enabled
    return tables


def read_border(cursor: Cursor) -> Sequence[tuple[str, str]]:
    """This function will return (what, table it refers to) for all that crosses the border of schema public."""
    return [(what, table) for what, table in _rows(cursor, _BORDER)]


def read_extensions(cursor: Cursor) -> list[str]:
    """This function will return the extensions that were made in schema public."""
    return [name for (name,) in _rows(cursor, _EXTENSIONS)]


def read_rights(cursor: Cursor, role: str) -> dict[str, set[str]]:
    """This function will return {table: privileges} of a role, those on single columns included."""
    rights: dict[str, set[str]] = {}
    for table, privilege in _rows(cursor, _RIGHTS, role=role, privileges=list(PRIVILEGES)):
        rights.setdefault(table, set()).add(privilege)
    return rights


def read_insert_columns(cursor: Cursor, role: str, table: str) -> set[str]:
    """This function will return the columns of a table that a role may insert."""
    return {column for (column,) in _rows(cursor, _INSERT_COLUMNS, role=role, table=table)}


def read_powers(cursor: Cursor, role: str) -> list[str]:
    """This function will say what makes a role more than it should be: ownership, creation, superuser."""
    return [power for (power,) in _rows(cursor, _POWERS, role=role)]


def _rows(cursor: Cursor, query: str, **params: Any) -> Iterable[tuple[Any, ...]]:
    cursor.execute(query, params or None)
    return cursor.fetchall()
