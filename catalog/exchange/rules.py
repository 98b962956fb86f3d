"""What the database demands of a table's rows: expressions over its columns, as its owner wrote them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from catalog.services import live
from catalog.table import Table

_WORD = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class Check:
    """A condition that no row may break."""

    name: str
    columns: tuple[str, ...]
    condition: str


@dataclass(frozen=True)
class Unique:
    """Expressions that no two rows may have in common, of those rows that the predicate is about."""

    columns: tuple[str, ...]
    expressions: tuple[str, ...]
    predicate: str | None
    is_key: bool

    @property
    def involved(self) -> frozenset[str]:
        """The columns that decide, those of the predicate included."""
        return frozenset(self.columns) | frozenset(_WORD.findall(self.predicate or ""))


@dataclass(frozen=True)
class Rules:
    """The rules of one table; `uniques` begins with its key."""

    checks: tuple[Check, ...]
    uniques: tuple[Unique, ...]
    defaults: dict[str, str | None]  # by column, as SQL; "generated" for a number from the sequence


def of_table(table: Table) -> Rules:
    """This function will return the rules of a table as they are now."""
    described = live.describe(table.name)
    return Rules(
        checks=tuple(
            Check(row["name"], tuple(row["columns"] or ()), row["definition"].removeprefix("CHECK "))
            for row in described["constraints"]
            if row["type"] == "check"
        ),
        uniques=tuple(
            Unique(
                _columns(row["columns"], table.columns),
                tuple(row["columns"]),
                row["predicate"],
                row["primary"],
            )
            for row in described["indexes"]
            if row["unique"]
        ),
        defaults={row["name"]: row["default"] for row in described["columns"]},
    )


def trusted(expression: str) -> sql.SQL:
    """This function will return an expression of pg_catalog as a part of a statement."""
    text: Any = expression
    return sql.SQL(text)


def _columns(expressions: list[str], known: Collection[str]) -> tuple[str, ...]:
    """The columns that expressions are about, in their order."""
    words = (word for expression in expressions for word in _WORD.findall(expression))
    return tuple(dict.fromkeys(word for word in words if word in known))
