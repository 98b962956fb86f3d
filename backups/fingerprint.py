"""A short name for the structure of a schema: the same in a restored copy, and on another server."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from psycopg import Cursor

# No numbers that a restore gives anew: of columns only their order. The columns tell what may not be NULL: constraints
# for that are new in PostgreSQL 18. A trigger that calls another schema's function belongs to the server.
_LINES: Final = """
SELECT pg_catalog.format('column|%%s|%%s|%%s|%%s|%%s|%%s|%%s|%%s|%%s', c.relname, c.relkind,
           row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname,
           pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated, a.attidentity,
           pg_catalog.pg_get_expr(d.adbin, d.adrelid))
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relnamespace = %(schema)s::regnamespace
UNION ALL
SELECT pg_catalog.format('index|%%s', pg_catalog.pg_get_indexdef(i.indexrelid))
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
 WHERE c.relnamespace = %(schema)s::regnamespace
UNION ALL
SELECT pg_catalog.format('constraint|%%s|%%s|%%s', n.conrelid::regclass, n.conname,
           pg_catalog.pg_get_constraintdef(n.oid))
  FROM pg_catalog.pg_constraint n
 WHERE n.connamespace = %(schema)s::regnamespace AND n.contype <> 'n'
UNION ALL
SELECT pg_catalog.format('trigger|%%s|%%s', pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled)
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid AND p.pronamespace = c.relnamespace
 WHERE c.relnamespace = %(schema)s::regnamespace AND NOT t.tgisinternal
UNION ALL
SELECT pg_catalog.format('function|%%s', pg_catalog.pg_get_functiondef(p.oid))
  FROM pg_catalog.pg_proc p
 WHERE p.pronamespace = %(schema)s::regnamespace AND p.prokind IN ('f', 'p')
"""


def of(cursor: Cursor[Any], schema: str = "public") -> str:
    """This function will return the sha256 of all that makes up a schema, in the transaction of the cursor.

    The transaction must have run checksums.PINNED: an empty search path lets every name be written in full.
    """
    lines = sorted(row[0] for row in cursor.execute(_LINES, {"schema": schema}))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
