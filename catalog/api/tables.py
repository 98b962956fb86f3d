"""The base of views about one table."""

from __future__ import annotations

from typing import ClassVar

from accesscontrol.api.view import ServiceView
from catalog.table import Table


class TableView(ServiceView):
    """A view of one table, which the address's own view has as its own."""

    table: ClassVar[Table] = None  # type: ignore[assignment] # as_view(table=…) gives it

    @property
    def table_name(self) -> str | None:
        """The table that the request is about, for the trail."""
        return self.table.name
