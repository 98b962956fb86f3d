"""The staged rows as rows of the table: every column typed, with its default, or with what the record matched has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import sql

from catalog.exchange import cells
from catalog.exchange.rules import Rules, Unique, trusted
from catalog.exchange.staging import Staged
from catalog.table import Table

GENERATED = "generated"
KEPT = "kept"


@dataclass(frozen=True)
class Relation:
    """What a file makes of a table. With `match`, a row that has it in common with a record changes that record.

    Its SQL is a subquery with the table's columns and `_row`, `_faults`, `_raw_*` (the text of cells that must be
    read), and with a match `_key_*` and `_old_*` (the key and the foreign keys of the record matched).
    """

    table: Table
    staged: Staged
    rules: Rules
    match: Unique | None = None
    must_match: bool = False  # a row that changes no record is at fault
    is_readable: bool = False  # every cell is known to be what its column holds
    is_kept: bool = False  # the statement has the rows already, under the name KEPT

    def rows(self, *, numbered: bool = False) -> sql.Composed:
        """This function will return the subquery; `numbered` gives rows without an id the next one."""
        if self.is_kept:
            return sql.Composed([sql.Identifier(KEPT)])
        shown: list[sql.Composable] = [sql.SQL("g._row, g._faults")]
        shown += [
            sql.SQL("{} AS {}").format(self._value(name, numbered=numbered), sql.Identifier(name))
            for name in self.table.columns
        ]
        shown += [sql.SQL("g.{}").format(raw(name)) for name in self._read]
        if self.match is None:
            return sql.SQL("(SELECT {} FROM {} g)").format(sql.SQL(", ").join(shown), self._typed())
        shown += [
            sql.SQL("e.{} AS {}").format(sql.Identifier(name), sql.Identifier(f"_key_{name}"))
            for name in self.table.key
        ]
        shown += [
            sql.SQL("e.{} AS {}").format(sql.Identifier(name), sql.Identifier(f"_old_{name}"))
            for name in self.table.foreign_keys
        ]
        return sql.SQL("(SELECT {} FROM (SELECT g.*, {} FROM {} g) g LEFT JOIN {} e ON {})").format(
            sql.SQL(", ").join(shown),
            _expressions(self.match),
            self._typed(),
            existing(self.table, self.match),
            sql.SQL(" AND ").join(
                sql.SQL("g.{0} = e.{0}").format(_shared(number))
                for number, _ in enumerate(self.match.expressions)
            ),
        )

    @property
    def is_known(self) -> sql.Composable:
        """The condition on a row `t` that it changes a record."""
        if self.match is None:
            return sql.SQL("false")
        return sql.SQL("t.{} IS NOT NULL").format(sql.Identifier(f"_key_{self.table.key[0]}"))

    def is_missing(self, name: str, alias: str = "g") -> sql.Composable:
        """This function will return the condition that a row does not name a column."""
        if name not in self.staged.columns:
            return sql.SQL("true")
        lacking = self.staged.lacking(name)
        if not lacking:
            return sql.SQL("false")
        return sql.SQL("{}._shape = ANY({})").format(sql.Identifier(alias), sql.Literal(lacking))

    @property
    def _read(self) -> list[str]:
        """The columns of the file whose cells are texts that must be read."""
        return [name for name in self.staged.columns if not cells.is_text(self.table.columns[name])]

    def _typed(self) -> sql.Composed:
        """The staged rows with the values of the columns that the file has."""
        value_of = cells.read if self.is_readable else cells.converted
        shown: list[sql.Composable] = [sql.SQL("s._row, s._faults, s._shape")]
        for name in self.staged.columns:
            source = sql.SQL("s.{}").format(sql.Identifier(name))
            value = value_of(self.table.columns[name], source)
            shown.append(sql.SQL("{} AS {}").format(value, sql.Identifier(name)))
            if name in self._read:
                shown.append(sql.SQL("{} AS {}").format(source, raw(name)))
        return sql.SQL("(SELECT {} FROM pg_temp.import_rows s)").format(sql.SQL(", ").join(shown))

    def _value(self, name: str, *, numbered: bool) -> sql.Composable:
        given = sql.SQL("g.{}").format(sql.Identifier(name))
        is_generated = self.rules.defaults[name] == GENERATED
        if name in self.staged.columns and not self.staged.lacking(name) and not is_generated:
            return given
        absent = self._default(name, numbered=numbered)
        if self.match is not None:
            absent = sql.SQL("CASE WHEN e.{} IS NULL THEN {} ELSE e.{} END").format(
                sql.Identifier(self.table.key[0]), absent, sql.Identifier(name)
            )
        if name not in self.staged.columns:
            return absent
        # An empty cell is no key: the database gives one, as to a row that does not name it.
        is_missing = sql.SQL("g.{} IS NULL").format(raw(name)) if is_generated else self.is_missing(name)
        return sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(is_missing, absent, given)

    def _default(self, name: str, *, numbered: bool) -> sql.Composable:
        default = self.rules.defaults[name]
        if default == GENERATED and numbered:
            return sql.SQL("nextval({}::regclass)").format(sql.Literal(f"public.{self.table.name}_id_seq"))
        kind: Any = cells.type_of(self.table.columns[name])
        if default is None or default == GENERATED:
            return sql.SQL("NULL::{}").format(sql.SQL(kind))
        return trusted(default)


def once(rows: sql.Composable) -> sql.Composed:
    """This function will return rows of which no cell is read twice, however often a statement speaks of it."""
    return sql.SQL("(SELECT * FROM {} t OFFSET 0)").format(rows)


def raw(name: str) -> sql.Identifier:
    """This function will return the name of the column with a cell's text."""
    return sql.Identifier(f"_raw_{name}")


def existing(table: Table, unique: Unique) -> sql.Composed:
    """This function will return the records that a rule is about, with what no two may have in common."""
    return sql.SQL("(SELECT x.*, {} FROM public.{} x{})").format(
        _expressions(unique),
        sql.Identifier(table.name),
        sql.SQL(" WHERE {}").format(trusted(unique.predicate)) if unique.predicate else sql.SQL(""),
    )


def unique_rows(rows: sql.Composable, unique: Unique) -> sql.Composed:
    """This function will return the rows that a rule is about, with what no two may have in common."""
    conditions = [sql.SQL("{} IS NOT NULL").format(trusted(expression)) for expression in unique.expressions]
    if unique.predicate:
        conditions.append(sql.SQL("({})").format(trusted(unique.predicate)))
    return sql.SQL("(SELECT t.*, {} FROM {} t WHERE {})").format(
        _expressions(unique), rows, sql.SQL(" AND ").join(conditions)
    )


def shared(unique: Unique) -> sql.Composed:
    """This function will return the names of what no two rows may have in common."""
    return sql.SQL(", ").join(_shared(number) for number, _ in enumerate(unique.expressions))


def _expressions(unique: Unique) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("({}) AS {}").format(trusted(expression), _shared(number))
        for number, expression in enumerate(unique.expressions)
    )


def _shared(number: int) -> sql.Identifier:
    return sql.Identifier(f"_unique_{number}")
