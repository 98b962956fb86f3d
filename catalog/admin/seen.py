"""What a person may know of a table, on its pages: hidden columns are not there, wherever one looks."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest

from accesscontrol.pages import ServicePages
from accesscontrol.web import actor_of
from catalog.services import columns, masking
from catalog.table import Table


class SeenColumns(ServicePages):
    """The part of a table's pages that leaves out what is hidden from the person."""

    table: ClassVar[Table]

    def seen(self, request: HttpRequest) -> Table:
        """This function will return the table with the columns that the person may know of."""
        return columns.shown(actor_of(request), self.table)

    def rows(self, request: HttpRequest, *, include_deleted: bool = False) -> QuerySet[Any]:
        """This function will return the rows that the person may see, hidden columns empty."""
        return masking.rows(actor_of(request), self.table, include_deleted=include_deleted)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow no address to ask about a column that the person may not know of."""
        name = lookup.partition("__")[0]
        seen = self.seen(request) if request else self.table
        hidden = [field for column, field in self.table.columns.items() if column not in seen.columns]
        is_known = all(name not in {field.name, field.attname} for field in hidden)
        return is_known and super().lookup_allowed(lookup, value, request)
