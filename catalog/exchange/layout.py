"""How exported rows are written: in which format, and with what between them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from accesscontrol.errors import InvalidInput, quoted
from catalog.exchange import writing
from catalog.exchange.formats import require_delimiter
from catalog.exchange.selection import Selection
from catalog.exchange.writing import Written
from catalog.table import Table

Kind = Literal["csv", "json", "ndjson", "xlsx"]

_OPERATIONS: Final = {"ndjson": "EXPORT_JSON"}


@dataclass(frozen=True)
class Layout:
    """One way to write rows. JSON is an array, ndjson an object on each line."""

    kind: Kind
    delimiter: str = ","
    include_headers: bool = True
    pretty: bool = False
    escape_formulas: bool = False

    def require_known(self) -> None:
        """This function will do nothing where rows can be written so.

        :raises InvalidInput: they can't
        """
        if self.kind not in get_args(Kind):
            raise InvalidInput(
                f"There is no format {quoted(self.kind)!r}.", argument="format", allowed=list(get_args(Kind))
            )
        require_delimiter(self.delimiter)

    @property
    def operation(self) -> str:
        """The name of the export in the trail."""
        return _OPERATIONS.get(self.kind, f"EXPORT_{self.kind.upper()}")

    def blocks(self, selection: Selection, table: Table, written: Written) -> Generator[bytes, None, None]:
        """This function will return what is selected, written so: to be read in one transaction."""
        match self.kind:
            case "json":
                return writing.json(selection.json(pretty=self.pretty), written, pretty=self.pretty)
            case "ndjson":
                return writing.lines(selection.json(pretty=False), written)
            case "xlsx":
                return writing.xlsx(
                    selection.text(),
                    written,
                    fields=selection.fields,
                    title=table.name,
                    escape_formulas=self.escape_formulas,
                )
        statement = selection.csv(
            delimiter=self.delimiter, headers=self.include_headers, escape_formulas=self.escape_formulas
        )
        return writing.csv(statement, written, headers=self.include_headers)
