"""The base of views about one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.api.view import ServiceView
from accesscontrol.policy import Operation
from catalog import registry
from catalog.api import schemas
from catalog.table import Table


class SomeTableView(ServiceView):
    """A view of what is done with a table that the request names."""

    def is_for(self, actor: Actor, method: str) -> bool:
        """This function will say whether the actor may do it with some table."""
        right = self.rights.get(method)
        if isinstance(right, Operation):
            return any(policy.decide(actor, right, table).allowed for table in registry.all_tables())
        return super().is_for(actor, method)


class TableView(ServiceView):
    """A view of one table, which the address's own view has as its own."""

    table: ClassVar[Table] = None  # type: ignore[assignment] # as_view(table=…) gives it
    rights: ClassVar[Mapping[str, Operation]] = {}

    @property
    def table_name(self) -> str | None:
        """The table that the request is about, for the trail."""
        return self.table.name

    @property
    def tag(self) -> str:  # type: ignore[override] # each table is a chapter
        """The chapter of the reference."""
        return self.table.name

    def is_for(self, actor: Actor, method: str) -> bool:
        """This function will say whether the actor may do what a method does, on this table."""
        right = self.rights[method]
        is_possible = right != Operation.UPDATE or schemas.has_changeable(actor, self.table)
        return is_possible and policy.decide(actor, right, self.table).allowed

    def variables(self, name: str) -> dict[str, Any]:
        """This function will return the schema of the key in the address."""
        return schemas.key_of(self.table)
