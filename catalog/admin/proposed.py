"""The words that the forms of a page propose: read once, for all tables whose columns it has fields for."""

from __future__ import annotations

from django.http import HttpRequest

from accesscontrol.web import actor_of
from catalog.admin.seen import SeenColumns
from catalog.services import suggestions
from catalog.services.suggestions import Words
from catalog.table import Table


class ProposedWords(SeenColumns):
    """The part of a record's page that proposes words."""

    def proposing(self, request: HttpRequest) -> list[Table]:
        """This function will return the tables that the page has forms of, as the person may know them."""
        return [self.seen(request)]

    def words_for(self, request: HttpRequest, table: Table) -> Words:
        """This function will return the words proposed for columns of one of those tables."""
        found: dict[str, Words] | None = getattr(request, "proposed_words", None)
        if found is None:
            found = request.proposed_words = suggestions.of(actor_of(request), *self.proposing(request))  # type: ignore[attr-defined] # ours
        return found[table.name]
