"""What is to be imported, from what, and on what terms: the same for a preview and for the import that follows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput, quoted
from accesscontrol.policy import Operation
from catalog.exchange import rules, staging
from catalog.exchange.formats import Format, require_delimiter, require_format
from catalog.exchange.headers import Mapping_
from catalog.exchange.reading import Content
from catalog.exchange.relation import Relation
from catalog.exchange.rules import Rules, Unique
from catalog.exchange.staging import Staged
from catalog.services import columns as visible_columns
from catalog.table import Table

OnConflict = Literal["error", "skip", "update", "update_only"]

_RIGHTS: Final[dict[OnConflict, tuple[Operation, ...]]] = {
    "error": (Operation.INSERT,),
    "skip": (Operation.INSERT,),
    "update": (Operation.INSERT, Operation.UPDATE),
    "update_only": (Operation.UPDATE,),
}


@dataclass(frozen=True)
class Order:
    """One import, as somebody wants it."""

    actor: Actor
    table: Table
    format: Format
    on_conflict: OnConflict = "error"
    has_headers: bool = True
    delimiter: str = ","
    mapping: Mapping_ | None = None
    match: Sequence[str] | None = None

    def require_allowed(self) -> None:
        """This function will do nothing where the actor may import on such terms.

        :raises Forbidden: they may not import, or not insert or update, as the terms want it
        :raises InvalidInput: there are no such terms
        """
        if self.on_conflict not in get_args(OnConflict):
            raise InvalidInput(
                f"on_conflict can't be {quoted(self.on_conflict)!r}.",
                argument="on_conflict",
                allowed=list(get_args(OnConflict)),
            )
        for operation in self.rights:
            policy.require(self.actor, operation, self.table)
        require_format(self.format)
        require_delimiter(self.delimiter)

    @property
    def rights(self) -> tuple[Operation, ...]:
        """The rights that it needs."""
        return (Operation.IMPORT, *_RIGHTS[self.on_conflict])

    @property
    def operation(self) -> str:
        """The name of the import in the trail."""
        return f"IMPORT_{self.format.upper()}"

    @property
    def seen(self) -> Table:
        """The table as the actor may know it."""
        return visible_columns.shown(self.actor, self.table)

    @property
    def skips(self) -> bool:
        """Whether a row that exists is left out."""
        return self.on_conflict == "skip"

    @property
    def inserts(self) -> bool:
        """Whether a row that does not exist is inserted; else it is at fault."""
        return self.on_conflict != "update_only"

    def arguments(self, content: Content) -> dict[str, Any]:
        """This function will return what a plan is agreed to for: the file that was read, and the terms."""
        return {
            "table": self.table.name,
            "sha256": content.digest.hexdigest(),
            "on_conflict": self.on_conflict,
            "csv": [self.has_headers, self.delimiter],
            "mapping": dict(self.mapping) if self.mapping is not None else None,
            "match": list(self.match) if self.match is not None else None,
        }

    def stage(self, content: Content) -> Staged:
        """This function will put the rows of a file into the staging table.

        :raises Forbidden: the file names a column that the actor may not set
        :raises InvalidInput: it can't be read
        """
        match self.format:
            case "json":
                return staging.stage_json(self.seen, content, self._require_writable, mapping=self.mapping)
            case "xlsx":
                return staging.stage_xlsx(self.seen, content, self._require_writable, mapping=self.mapping)
            case _:
                return staging.stage_csv(
                    self.seen,
                    content,
                    self._require_writable,
                    has_headers=self.has_headers,
                    delimiter=self.delimiter,
                    mapping=self.mapping,
                )

    def relation(self, staged: Staged) -> Relation:
        """This function will return the staged rows beside the table.

        :raises InvalidInput: nothing in the file tells which records it means
        """
        found = rules.of_table(self.table)
        updates = self.on_conflict in {"update", "update_only"}
        match = self._match(found, staged) if updates else None
        return Relation(self.table, staged, found, match, must_match=not self.inserts)

    def _require_writable(self, names: Iterable[str]) -> None:
        for operation in self.rights:
            visible_columns.require_writable(self.actor, operation, self.table, names)

    def _match(self, found: Rules, staged: Staged) -> Unique:
        """The rule by which a row finds its record: the one wanted, or the first that the file has all columns of."""
        wanted = [
            unique for unique in found.uniques if self.match is None or unique.columns == tuple(self.match)
        ]
        for unique in wanted:
            if set(unique.columns) <= set(staged.columns):
                return unique
        ways = [" and ".join(unique.columns) for unique in wanted or found.uniques]
        raise InvalidInput(
            f"on_conflict {self.on_conflict} needs {', or '.join(ways)} in the file, to know which records of"
            f" {self.table.name} it means.",
            argument="match" if self.match is not None else "on_conflict",
            table=self.table.name,
        )
