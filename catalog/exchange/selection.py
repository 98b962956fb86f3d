"""What is exported: the query of the rows, and the COPY statement that writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import connection, models
from django.db.models import Model, QuerySet
from psycopg import ClientCursor, sql

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from catalog.services import columns as visible_columns
from catalog.services import conditions, counting, junctions, ordering, queries, search, values
from catalog.services.ordering import OrderTerms
from catalog.services.rows import Output, members
from catalog.services.selects import Select
from catalog.table import AnyField, Table

MAX_LIMIT: Final = 2**63 - 1

QUOTE, SEPARATOR = "\x01", "\x02"  # never in JSON, which escapes what is below the space

_FORMULA = r"^[=+\-@\t\r]"


class Selection:
    """Rows and columns of a table, as far as an actor may see them."""

    def __init__(
        self,
        actor: Actor,
        table: Table,
        columns: Sequence[str] | None,
        where: Mapping[str, Any] | None,
        limit: int | None,
        *,
        order_by: OrderTerms | None = None,
        include_deleted: bool,
        words: str = "",
    ) -> None:
        """Check what is asked for; with `words`, what a search for them finds.

        :raises InvalidInput: an unknown column or operator, a bad value, a limit below 1
        """
        if limit is not None and not (values.is_integer(limit) and 1 <= limit <= MAX_LIMIT):
            raise InvalidInput("limit must be 1 or more.", argument="limit")
        seen = visible_columns.shown(actor, table)
        self.fields = queries.fields_of(seen, columns)
        condition = conditions.parse(seen, where)
        if words:
            found = junctions.matching(actor, seen, words) if table.junction else search.matching(seen, words)
            condition &= found
        rows = queries.visible(actor, table, include_deleted=include_deleted).filter(condition)
        self._rows: QuerySet[Model] = rows[:limit] if limit else rows
        # Ending with their keys, so that the same rows make the same file.
        select = Select(seen, members(seen), ordering.of_rows(seen, order_by or ()), include_deleted)
        self._statement = select.statement(condition & queries.own_to(actor, table), limit=limit)

    def count(self) -> tuple[int, bool]:
        """This function will return how many rows there are, and whether that is an estimate."""
        return counting.count(self._rows, exact=False)

    def csv(self, *, delimiter: str, headers: bool, escape_formulas: bool) -> str:
        """This function will return the statement that writes the rows as CSV: nothing for NULL, "" for no text."""
        shown = sql.SQL(", ").join(_cell(field, escape_formulas=escape_formulas) for field in self.fields)
        return self._copy(
            sql.SQL("SELECT {} FROM (").format(shown),
            sql.SQL(") q"),
            sql.SQL("FORMAT csv, HEADER {}, DELIMITER {}").format(
                sql.SQL("true" if headers else "false"), sql.Literal(delimiter)
            ),
        )

    def text(self) -> str:
        """This function will return the statement that writes the rows in COPY's text format."""
        shown = sql.SQL(", ").join(_cell(field, escape_formulas=False) for field in self.fields)
        return self._copy(sql.SQL("SELECT {} FROM (").format(shown), sql.SQL(") q"), sql.SQL("FORMAT text"))

    def json(self, *, pretty: bool) -> str:
        """This function will return the statement that writes each row as a JSON object on a line.

        A pretty one has line breaks of its own, and stands between two QUOTEs.
        """
        shown = sql.SQL(", ").join(Output.of(field).sql() for field in self.fields)
        return self._copy(
            sql.SQL("SELECT row_to_json(r, {}) FROM (SELECT {} FROM (").format(
                sql.SQL("true" if pretty else "false"), shown
            ),
            sql.SQL(") q) r"),
            sql.SQL("FORMAT csv, QUOTE {}, DELIMITER {}{}").format(
                sql.Literal(QUOTE), sql.Literal(SEPARATOR), sql.SQL(", FORCE_QUOTE *" if pretty else "")
            ),
        )

    def _copy(self, head: sql.Composed, tail: sql.SQL, options: sql.Composable) -> str:
        """COPY takes no parameters: the driver writes them into the statement as literals."""
        inner, parameters = self._statement
        rows = ClientCursor(connection.connection).mogrify(inner, parameters)
        return f"COPY ({head.as_string()}{rows}{tail.as_string()}) TO STDOUT ({options.as_string()})"


def _cell(field: AnyField, *, escape_formulas: bool) -> sql.Composable:
    source = sql.SQL("q.{}").format(sql.Identifier(str(field.column)))
    if not escape_formulas or not isinstance(field, models.TextField):
        return source
    return sql.SQL("CASE WHEN {} ~ {} THEN '''' || {} ELSE {} END AS {}").format(
        source, sql.Literal(_FORMULA), source, source, sql.Identifier(str(field.column))
    )
