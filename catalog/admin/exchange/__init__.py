"""Import and export on a table's pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict

from catalog.admin import addresses
from catalog.admin.exchange.exports import Chosen, Exports
from catalog.admin.exchange.imports import Imports
from catalog.admin.exchange.pages import require_export, require_import
from catalog.admin.junction_list import Asked


class Exchange(Imports, Exports):
    """The part of a table's pages that takes files in and gives them out."""

    def exchange_tools(self, request: HttpRequest) -> dict[str, Any]:
        """This function will return the addresses that a list offers, as far as the person may go there."""
        query = request.GET.urlencode()
        found = {}
        if self.lets(request, require_import):
            found["import_url"] = self.url("import")
        if self.lets(request, require_export):
            found["export_url"] = f"{self.url('export')}?{query}" if query else self.url("export")
        return found

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list, with ways to import and export."""
        return super().changelist_view(request, {**self.exchange_tools(request), **(extra_context or {})})


class RecordExchange(Exchange):
    """That of a table whose records have one key."""

    def chosen(self, request: HttpRequest, query: QueryDict) -> Chosen:
        """Read the address as the list of records does."""
        listing = addresses.read(self.known(request), query)
        return Chosen(listing.where, listing.search, listing.in_trash)


class RowExchange(Exchange):
    """That of a junction table."""

    def chosen(self, request: HttpRequest, query: QueryDict) -> Chosen:
        """Read the address as the list of rows does."""
        asked = Asked.of(self.known(request), query)
        return Chosen(asked.where, asked.text)
