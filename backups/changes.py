"""What changed between two snapshots, as SQL that psql and we can read.

The log says which keys were touched: its entries that the later snapshot sees and the earlier did not. It may name more
keys than rows have changed, never fewer, whatever the order of commits. All rows of these keys are taken away, and what
there is of them now is put in their place; so it does not matter what happened to them, or in which order.
"""

from __future__ import annotations

from typing import Any, Final

from psycopg import Cursor, sql

from backups import script
from backups.manifest import Changes, Manifest, SequenceState
from backups.streams import Sink
from jobs.progress import Progress

_SINCE: Final = (
    "l.txid >= pg_snapshot_xmin({parent}::pg_snapshot)"
    " AND NOT pg_visible_in_snapshot(l.txid, {parent}::pg_snapshot)"
)
_TABLES: Final = (
    "SELECT l.table_name, bool_or(l.keys IS NULL) FROM app.change_log l WHERE {since} GROUP BY 1 ORDER BY 1"
)
# Each key once, and whether the first statement that touched it brought it.
_KEYS: Final = (
    "SELECT {of_k}, min(l.id * 2 + l.is_new::int) & 1 = 1 AS is_new FROM app.change_log l,"
    " unnest({arrays}) AS k ({key}) WHERE l.table_name = {table} AND {since} GROUP BY {of_k}"
)
_COUNTS: Final = (
    "SELECT count(*), count(*) FILTER (WHERE t.{first} IS NOT NULL AND k.is_new),"
    " count(*) FILTER (WHERE t.{first} IS NULL AND NOT k.is_new) FROM ({keys}) k LEFT JOIN {relation} t USING ({key})"
)
_COLUMNS: Final = """
SELECT a.attname, a.attgenerated = '', format_type(a.atttypid, a.atttypmod), array_position(i.indkey, a.attnum)
  FROM pg_catalog.pg_attribute a
  LEFT JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY(i.indkey)
 WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_HEAD: Final = """\
--
-- What changed since {parent}, and nothing else.
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET client_min_messages = warning;

"""


class Writer:
    """Writes what changed into a file, and counts."""

    def __init__(self, sink: Sink, cursor: Cursor[Any], parent: Manifest, progress: Progress) -> None:
        self.size = 0
        self._sink, self._cursor, self._parent, self._progress = sink, cursor, parent, progress
        self._since = sql.SQL(_SINCE).format(parent=sql.Literal(parent.snapshot))

    def write(self) -> dict[str, Changes]:
        """This function will write all tables that changed, and return what it wrote of which."""
        self._text(_HEAD.format(parent=self._parent.file))
        touched = self._cursor.execute(sql.SQL(_TABLES).format(since=self._since)).fetchall()
        found = {}
        for name, is_whole in touched:
            table = _Table(self._cursor, name)
            found[name] = self._whole(table) if is_whole else self._keys_and_rows(table)
        return found

    def finish(self, sequences: dict[str, SequenceState]) -> None:
        """This function will write where the sequences are, and the end."""
        for name, state in sequences.items():
            place = sql.Literal(f'public."{name}"').as_string()
            self._text(
                f"SELECT pg_catalog.setval({place}, {state.last_value}, {str(state.is_called).lower()});\n"
            )
        self._text(f"\n--\n{script.CLOSING.decode()}--\n\n")
        self._sink.finish()

    def _whole(self, table: _Table) -> Changes:
        """Write all rows that a table has. Of such a one it is not known which are new."""
        self._text(f"DELETE FROM {table.relation};\n")  # noqa: S608 - a name from the catalogue
        rows = self._copy(
            table.relation,
            table.columns,
            sql.SQL("SELECT {} FROM {}").format(_list(table.columns), sql.SQL(table.relation)),
        )
        before = self._parent.tables.get(table.name)
        return Changes(keys=None, rows=rows, inserted=rows, updated=0, deleted=before.rows if before else 0)

    def _keys_and_rows(self, table: _Table) -> Changes:
        """Write the keys that were touched, and the rows that they have now."""
        keys, place = table.keys(self._since), f"pg_temp.{script.KEYS}{table.name}"
        touched, inserted, deleted = self._cursor.execute(table.counts(keys)).fetchone() or (0, 0, 0)
        self._text(f"CREATE TEMPORARY TABLE {script.KEYS}{table.name} ({table.declared});\n")
        self._copy(place, table.key, sql.SQL("SELECT {} FROM ({}) k").format(_list(table.key), keys))
        self._text(
            f"DELETE FROM {table.relation} t USING {place} k WHERE {table.same};\n"  # noqa: S608 - from the catalogue
            f"DROP TABLE {place};\n\n"
        )
        query = sql.SQL("SELECT {} FROM {} t JOIN ({}) k USING ({})")
        rows = self._copy(
            table.relation,
            table.columns,
            query.format(_list(table.columns), sql.SQL(table.relation), keys, _list(table.key)),
        )
        return Changes(keys=touched, rows=rows, inserted=inserted, updated=rows - inserted, deleted=deleted)

    def _copy(self, target: str, columns: list[str], query: sql.Composed) -> int:
        """Write what a query finds as rows for a table, and return how many there were."""
        self._text(f"COPY {target} ({_list(columns).as_string()}) FROM stdin;\n")
        with self._cursor.copy(sql.SQL("COPY ({}) TO STDOUT").format(query)) as copy:
            for block in copy:
                self._progress.check()
                self._progress.advance(len(block))
                self._bytes(bytes(block))
        self._text("\\.\n\n\n")
        return self._cursor.rowcount

    def _text(self, text: str) -> None:
        self._bytes(text.encode())

    def _bytes(self, data: bytes) -> None:
        self._sink.write(data)
        self.size += len(data)


class _Table:
    """A table of schema public as the catalogue has it: what its statements are made of."""

    def __init__(self, cursor: Cursor[Any], name: str) -> None:
        self.name, self.relation = name, f'public."{name}"'
        rows = cursor.execute(_COLUMNS, [self.relation]).fetchall()
        self.columns = [column for column, is_stored, *_ in rows if is_stored]
        key = sorted((place, column, type_) for column, _, type_, place in rows if place is not None)
        self.key = [column for _, column, _ in key]
        self.declared = ", ".join(f'"{column}" {type_}' for _, column, type_ in key)
        self.same = " AND ".join(f't."{column}" = k."{column}"' for column in self.key)

    def keys(self, since: sql.Composed) -> sql.Composed:
        """This function will return the query of the keys that were touched."""
        return sql.SQL(_KEYS).format(
            key=_list(self.key),
            of_k=sql.SQL(", ").join(sql.Identifier("k", column) for column in self.key),
            arrays=self._arrays(),
            table=sql.Literal(self.name),
            since=since,
        )

    def counts(self, keys: sql.Composed) -> sql.Composed:
        """This function will return the query that counts those keys, and which came and went."""
        return sql.SQL(_COUNTS).format(
            first=sql.Identifier(self.key[0]), keys=keys, relation=sql.SQL(self.relation), key=_list(self.key)
        )

    def _arrays(self) -> sql.Composed:
        """An entry has all values of one column after those of the other."""
        parts = len(self.key)
        piece = "l.keys[cardinality(l.keys) / {0} * {1} + 1 : cardinality(l.keys) / {0} * {2}]"
        return sql.SQL(", ").join(
            sql.SQL(piece).format(sql.Literal(parts), sql.Literal(part), sql.Literal(part + 1))
            for part in range(parts)
        )


def _list(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
