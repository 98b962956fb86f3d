"""SELECTs of a table's rows as JSON. All of one but its condition is made once: that takes longer than to run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

from django.db.models import Q
from psycopg import sql

from catalog import registry
from catalog.services.compiling import NOTHING, compiled
from catalog.services.ordering import Term
from catalog.services.rows import Asking, Member, Output, Rows, ask, framed
from catalog.table import Table

Strength: TypeAlias = Literal["UPDATE", "NO KEY UPDATE"]


@dataclass(frozen=True)
class Select:
    """Rows of one table: what each shows, in which order, and whether those in the trash are among them."""

    table: Table  # as its reader may know it
    members: tuple[Member, ...]
    order: tuple[Term, ...] = ()
    include_deleted: bool = False
    lock: Strength | None = None  # how the rows are locked

    def fetch(self, condition: Q, *, limit: int | None = None, offset: int = 0) -> Rows:
        """This function will return the rows that fulfil a condition.

        Beside records that don't show by what they are ordered, it stands in their marks.
        """
        asked = self.asking(condition, limit=limit, offset=offset)
        return ask(asked) if asked else Rows()

    def fetch_one(self, key: Mapping[str, int]) -> Rows:
        """This function will return the row of a key, or none."""
        return ask(self.asking_one(key))

    def asking(self, condition: Q, *, limit: int | None = None, offset: int = 0) -> Asking | None:
        """This function will return what asks for the rows that fulfil a condition; None where none can."""
        where, parameters = compiled(self.table, condition)
        return None if where == NOTHING else self._asking(where, parameters, limit, offset)

    def asking_one(self, key: Mapping[str, int]) -> Asking:
        """This function will return what asks for the row of a key."""
        return self._asking(_by_key(self.table), list(key.values()))

    def statement(self, condition: Q, *, limit: int | None = None) -> tuple[str, list[Any]]:
        """This function will return the statement of the rows with all their columns, and its parameters."""
        where, parameters = compiled(self.table, condition)
        made = _made(self)
        return f"{made.rows}{where}{made.order}{_cut(limit, 0)}", parameters

    def _asking(
        self, where: str, parameters: Sequence[Any], limit: int | None = None, offset: int = 0
    ) -> Asking:
        made = _made(self)
        inner = f"{made.rows}{where}{made.order}{_cut(limit, offset)}{made.lock}"
        return Asking(f"{made.head}{inner}{made.tail}", parameters, made.has_marks)


class _Made(NamedTuple):
    """The parts of a statement that don't depend on its condition, as text."""

    head: str
    rows: str  # ends where the condition begins
    order: str
    lock: str
    tail: str
    has_marks: bool


@lru_cache(maxsize=512)
def _made(select: Select) -> _Made:
    table, shown = select.table, {member.name for member in select.members}
    is_told = shown.issuperset(term.name for term in select.order)
    marks = () if is_told else tuple(Output.of(table.columns[term.name]) for term in select.order)
    head, tail = framed(select.members, marks)
    name = sql.Identifier(table.name)
    kept: sql.Composable = sql.SQL("true")
    if registry.get(table.name).soft_delete and not select.include_deleted:
        kept = sql.SQL("{}.deleted_at IS NULL").format(name)
    rows = sql.SQL("SELECT * FROM public.{} WHERE {} AND ").format(name, kept)
    order = sql.SQL(", ").join(
        sql.SQL("{}.{} {}").format(
            name, sql.Identifier(term.name), sql.SQL("DESC" if term.is_descending else "ASC")
        )
        for term in select.order
    )
    ordered = sql.SQL(" ORDER BY {}").format(order).as_string() if select.order else ""
    lock = f" FOR {select.lock}" if select.lock else ""
    return _Made(head, rows.as_string(), ordered, lock, tail, bool(marks))


@lru_cache(maxsize=256)
def _by_key(table: Table) -> str:
    name = sql.Identifier(table.name)
    parts = [sql.SQL("{}.{} = %s").format(name, sql.Identifier(column)) for column in table.key]
    return sql.SQL(" AND ").join(parts).as_string()


def _cut(limit: int | None, offset: int) -> str:
    """The planner looks at these: numbers, as Django writes them, and no parameters."""
    limited = "" if limit is None else f" LIMIT {limit:d}"
    return f"{limited} OFFSET {offset:d}" if offset else limited
