"""The statements that merge the rows of one table, which lie in a table of their own, into the live ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from psycopg import sql

from audit import history
from audit.rows import Output
from catalog.table import Table

MAX_NAMED: Final = 20


def place_of(table: str) -> tuple[str, str]:
    """This function will return the schema and the name of the table where the rows for another lie."""
    return "pg_temp", f"staged_{table}"


class MergeStatements:
    """The statements of one table, made of its own metadata."""

    def __init__(self, table: Table) -> None:
        self._live = sql.Identifier("public", table.name)
        self._staged = sql.Identifier(*place_of(table.name))
        self._key, self._columns = table.key, tuple(table.columns)
        self._outputs = [Output.of(field).sql() for field in table.columns.values()]
        self._same_key = _same("l", "s", table.key)
        self._differs = sql.SQL("ROW({}) IS DISTINCT FROM ROW({})").format(
            _list("l", self._columns), _list("s", self._columns)
        )

    def compare(self) -> sql.Composed:
        """This function will return how many there are, which of them differ from the live ones, and are there."""
        return sql.SQL(
            "SELECT count(*), count(*) FILTER (WHERE {present} AND {differs}), count(*) FILTER (WHERE {present})"
            " FROM {staged} s LEFT JOIN {live} l ON {same}"
        ).format(
            present=self._present(),
            differs=self._differs,
            staged=self._staged,
            live=self._live,
            same=self._same_key,
        )

    def conflicts(self) -> sql.Composed:
        """This function will return the keys of the first that differ."""
        key = sql.SQL(" || ':' || ").join(
            sql.SQL("{}::text").format(sql.Identifier("s", name)) for name in self._key
        )
        return sql.SQL(
            "SELECT {key} FROM {staged} s JOIN {live} l ON {same} WHERE {differs} ORDER BY {order} LIMIT {limit}"
        ).format(
            key=key,
            staged=self._staged,
            live=self._live,
            same=self._same_key,
            differs=self._differs,
            order=_list("s", self._key),
            limit=sql.Literal(MAX_NAMED),
        )

    def count_referring(self, other: Table, column: str) -> sql.Composed:
        """This function will return how many records of another table refer to those that differ."""
        return sql.SQL(
            "SELECT count(*) FROM {other} r WHERE EXISTS"
            " (SELECT FROM {staged} s JOIN {live} l ON {same} WHERE {key} = {column} AND {differs})"
        ).format(
            other=sql.Identifier("public", other.name),
            staged=self._staged,
            live=self._live,
            same=self._same_key,
            key=sql.Identifier("l", self._key[0]),
            column=sql.Identifier("r", column),
            differs=self._differs,
        )

    def write(self, on_conflict: str) -> sql.Composed:
        """This function will return the one statement that writes records and versions, and counts them by action.

        One, so that a record may refer to another that comes with it: references are looked at in its end.
        """
        insert = sql.SQL(
            "inserted AS (INSERT INTO {live} ({columns}) SELECT {values} FROM {staged} s"
            " WHERE NOT EXISTS (SELECT FROM {live} l WHERE {same}){do_nothing} RETURNING *)"
        ).format(
            live=self._live,
            columns=sql.SQL(", ").join(map(sql.Identifier, self._columns)),
            values=_list("s", self._columns),
            staged=self._staged,
            same=self._same_key,
            do_nothing=sql.SQL(" ON CONFLICT DO NOTHING" if on_conflict == "skip" else ""),
        )
        pairs = sql.SQL("SELECT NULL::jsonb AS before, {} AS after FROM inserted q").format(self._json())
        ctes = [insert]
        if on_conflict == "overwrite":
            ctes = [self._old(), self._update(), insert]
            pairs = (
                sql.SQL(
                    "SELECT o.record AS before, {} AS after FROM updated q JOIN old o ON {} UNION ALL "
                ).format(self._json(), _same("q", "o", self._key))
                + pairs
            )
        versions = sql.SQL(history.inserting("pairs"))
        return sql.SQL(
            "WITH {}, pairs AS ({}), kept AS ({} RETURNING action) SELECT action, count(*) FROM kept GROUP BY action"
        ).format(sql.SQL(", ").join(ctes), pairs, versions)

    def _old(self) -> sql.Composed:
        return sql.SQL(
            "old AS MATERIALIZED (SELECT {key}, {record} AS record"
            " FROM (SELECT l.* FROM {live} l JOIN {staged} s ON {same} WHERE {differs}) q)"
        ).format(
            key=_list("q", self._key),
            record=self._json(),
            live=self._live,
            staged=self._staged,
            same=self._same_key,
            differs=self._differs,
        )

    def _update(self) -> sql.Composed:
        rest = [name for name in self._columns if name not in self._key]
        return sql.SQL(
            "updated AS (UPDATE {live} l SET {values} FROM {staged} s WHERE {same} AND {differs} RETURNING l.*)"
        ).format(
            live=self._live,
            values=sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("s", name)) for name in rest
            ),
            staged=self._staged,
            same=self._same_key,
            differs=self._differs,
        )

    def _json(self) -> sql.Composed:
        """The whole record q as jsonb, as versions have it."""
        return sql.SQL("(SELECT to_jsonb(r) FROM (SELECT {}) r)").format(sql.SQL(", ").join(self._outputs))

    def _present(self) -> sql.Composed:
        return sql.SQL("{} IS NOT NULL").format(sql.Identifier("l", self._key[0]))


def _list(alias: str, names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) for name in names)


def _same(one: str, other: str, names: Sequence[str]) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(one, name), sql.Identifier(other, name)) for name in names
    )
