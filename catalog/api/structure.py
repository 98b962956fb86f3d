"""What the tables are: which there are, their columns, rules and relations."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.api.content import answer
from accesscontrol.api.described import describes
from accesscontrol.api.parameters import Flag, Parameters, Whole, given_in
from accesscontrol.api.view import ServiceView
from accesscontrol.errors import InvalidInput, NotFound
from accesscontrol.policy import Operation
from catalog import registry
from catalog.api.tables import SomeTableView
from catalog.services import describe
from catalog.services.shapes import ColumnList, Relationships, TableList, TableSchema
from catalog.table import Table


class TablesParameters(Parameters):
    """What the address of the tables takes."""

    include_system_tables: Flag = Field(
        False, description="Show system tables as well: exports and the audit trail."
    )
    pattern: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[^\x00\\]*$",
        description="Only names LIKE this: % is any text, _ one character, e.g. character%.",
    )


class TablesView(ServiceView):
    """The tables."""

    operations = {"GET": "LIST_TABLES", "HEAD": "LIST_TABLES"}
    tag = "schema"

    @describes(query=TablesParameters, answers={200: TableList})
    def get(self, request: Request) -> HttpResponse:
        """List the tables that you may read: what each is for, how many rows it has and what you may do there."""
        asked = TablesParameters.read(given_in(request.GET))
        return answer(describe.list_tables(actor=self.actor, **dict(asked)))


class NamedTableView(SomeTableView):
    """A view of the table that is named in its address."""

    tag = "schema"
    rights = {"GET": Operation.READ}

    @cached_property
    def table(self) -> Table:
        """The table.

        :raises NotFound: there is none of that name
        """
        try:
            return registry.get(self.kwargs["table"])
        except InvalidInput as refusal:
            raise NotFound(refusal.message) from refusal

    @property
    def table_name(self) -> str | None:
        """The table that the request is about, for the trail."""
        name: str = self.kwargs["table"]
        return name

    def variables(self, name: str) -> dict[str, Any]:
        """This function will return the schema of the name of a table that the caller may read."""
        return {"type": "string", "enum": _readable(self.caller)}


class TableSchemaView(NamedTableView):
    """All about one table."""

    operations = {"GET": "GET_SCHEMA", "HEAD": "GET_SCHEMA"}

    @describes(answers={200: TableSchema}, refuses=(NotFound,))
    def get(self, request: Request, table: str) -> HttpResponse:
        """Describe a table: columns with types, defaults and allowed values, keys, indexes and rules."""
        return answer(describe.get_schema(actor=self.actor, table=self.table))


class ColumnsParameters(Parameters):
    """What the address of a table's columns takes."""

    include_metadata: Flag = Field(False, description="Everything about them, not just name and type.")


class ColumnsView(NamedTableView):
    """The columns of one table."""

    operations = {"GET": "LIST_TABLE_COLUMNS", "HEAD": "LIST_TABLE_COLUMNS"}

    @describes(query=ColumnsParameters, answers={200: ColumnList}, refuses=(NotFound,))
    def get(self, request: Request, table: str) -> HttpResponse:
        """List the columns of a table."""
        asked = ColumnsParameters.read(given_in(request.GET))
        return answer(describe.list_table_columns(actor=self.actor, table=self.table, **dict(asked)))


class RelationshipsParameters(Parameters):
    """What the address of a table's relationships takes."""

    depth: Whole = Field(
        1, ge=1, le=describe.MAX_DEPTH, description="How many foreign keys away `paths` goes."
    )


class RelationshipsView(NamedTableView):
    """How one table is connected."""

    operations = {"GET": "GET_RELATIONSHIPS", "HEAD": "GET_RELATIONSHIPS"}

    @describes(query=RelationshipsParameters, answers={200: Relationships}, refuses=(NotFound,))
    def get(self, request: Request, table: str) -> HttpResponse:
        """Show how a table is connected: what it refers to, what refers to it, and the way to tables further off."""
        asked = RelationshipsParameters.read(given_in(request.GET))
        return answer(describe.get_relationships(actor=self.actor, table=self.table, **dict(asked)))


def _readable(actor: Actor) -> list[str]:
    return [
        table.name for table in registry.all_tables() if policy.decide(actor, Operation.READ, table).allowed
    ]
