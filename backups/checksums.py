"""What tables hold, in a number that does not depend on the order of their rows; and where sequences are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from psycopg import Cursor, sql

from backups.manifest import SequenceState, TableState

# Whatever the settings of role, database and server: the same row is the same text.
PINNED: Final = (
    "SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL TimeZone = 'UTC';"
    "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL xmloption = 'content';"
    "SET LOCAL search_path = ''; SET LOCAL lc_monetary = 'C'"
)
# A sum of bigint is exact, however large: it is a numeric.
_TABLE: Final = "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM ONLY {} t"
_SEQUENCES: Final = """
SELECT c.relname FROM pg_catalog.pg_class c
 WHERE c.relkind = 'S' AND c.relnamespace = %s::regnamespace
   AND (%s::text[] IS NULL OR EXISTS (
        SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
           AND d.deptype IN ('a', 'i') AND t.relname = ANY(%s)))
 ORDER BY c.relname
"""


def of(
    cursor: Cursor[Any], tables: Iterable[str], schema: str = "public"
) -> Iterator[tuple[str, TableState]]:
    """This function will yield each table's name and state, as the transaction of the cursor sees it.

    The transaction must have run PINNED.
    """
    for table in tables:
        cursor.execute(sql.SQL(_TABLE).format(sql.Identifier(schema, table)))
        rows, checksum = cursor.fetchone() or (0, "0")
        yield table, TableState(rows=rows, checksum=checksum)


def sequences(
    cursor: Cursor[Any], schema: str = "public", tables: list[str] | None = None
) -> dict[str, SequenceState]:
    """This function will return where each sequence is, of the whole schema or of some tables.

    Sequences know no snapshots: read after one was taken, they are at its rows or past them.
    """
    names = [row[0] for row in cursor.execute(_SEQUENCES, [schema, tables, tables])]
    found = {}
    for name in names:
        cursor.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name)))
        last_value, is_called = cursor.fetchone() or (0, False)
        found[name] = SequenceState(last_value=last_value, is_called=is_called)
    return found
