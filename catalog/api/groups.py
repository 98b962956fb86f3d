"""Groups of a table's records: counted, summed, and what is least or greatest in them."""

from __future__ import annotations

from typing import Final, Literal

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from accesscontrol.api.content import answer
from accesscontrol.api.described import Schema, describes, parameter_schemas
from accesscontrol.api.parameters import Flag, JsonObject, Names, Parameters, Whole
from accesscontrol.errors import InvalidInput
from accesscontrol.policy import Operation
from catalog.api import filters, listing, schemas, where_schemas
from catalog.api.tables import TableView
from catalog.services import columns, grouping, queries
from catalog.table import Table

COUNTED: Final = {"records": {"fn": "count"}}
_NAME: Final = "^[a-z_][a-z0-9_]{0,62}$"


class GroupParameters(Parameters):
    """What the address of groups takes beside the filters of its columns."""

    group_by: Names | None = Field(
        None, description="One record for each group of these columns. Default: one for all records."
    )
    aggregate: JsonObject | None = Field(
        None,
        description='What to tell of each group: {"last": {"fn": "max", "column": "id"}}. Default: their number.',
    )
    where: JsonObject | None = Field(
        None, description='More than filters can say, in the where language: {"$or": [{…}, {…}]}.'
    )
    order_by: Names | None = Field(
        None,
        description="Columns of group_by and names of aggregates; with `-` before one from the greatest.",
    )
    limit: Whole = Field(100, ge=1, le=queries.MAX_LIMIT, description="Most groups to return.")
    offset: Whole = Field(0, ge=0, le=queries.MAX_OFFSET, description="How many groups to skip.")
    include_deleted: Flag = Field(False, description="Count records in the trash as well.")
    count: Literal["exact", "capped", "none"] = Field("none", description="How to find `total`, of groups.")


def _parameters(view: TableView) -> dict[str, Schema]:
    own, seen = parameter_schemas(GroupParameters), columns.shown(view.caller, view.table)
    groupable = [name for name, field in seen.columns.items() if grouping.can_group(field)]
    name = {"type": "string", "pattern": f"^-?{_NAME[1:]}"}
    return {
        **where_schemas.filters_of(view.caller, view.table),
        **own,
        "group_by": {**own["group_by"], **schemas.names_of(groupable)},
        "aggregate": {**own["aggregate"], **_aggregates(seen)},
        "where": where_schemas.any_where(view.caller, view.table),
        "order_by": {**own["order_by"], "items": name, "minItems": 1},
    }


def _aggregates(seen: Table) -> Schema:
    """The schema of what may be asked of each group: of each function the columns that it has a meaning for."""
    meant = {
        fn: [name for name, field in seen.columns.items() if grouping.has_meaning(fn, field)]
        for fn in grouping.FUNCTIONS
    }
    choices = [
        {
            "type": "object",
            "properties": {"fn": {"const": fn}, "column": {"enum": names}},
            "required": ["fn"] if fn == "count" else ["fn", "column"],
            "additionalProperties": False,
        }
        for fn, names in meant.items()
        if names
    ]
    return {
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": {"anyOf": choices},
        "minProperties": 1,
        "maxProperties": grouping.MAX_AGGREGATES,
    }


class GroupsView(TableView):
    """Groups of a table's records."""

    operations = {"GET": "QUERY", "HEAD": "QUERY"}
    rights = {"GET": Operation.READ}

    @describes(query=_parameters, answers={200: lambda _: schemas.groups()}, sends={200: ("Link",)})
    def get(self, request: Request) -> HttpResponse:
        """Count and sum up records, in groups."""
        asked, given = listing.split(GroupParameters, request.GET)
        try:
            page = queries.query_records(
                actor=self.actor,
                table=self.table,
                where=filters.where_of(self.table, given, asked.where),
                order_by=listing.order_of(asked.order_by),
                limit=asked.limit,
                offset=asked.offset,
                include_deleted=asked.include_deleted,
                count=asked.count,
                group_by=asked.group_by,
                aggregate=COUNTED if asked.aggregate is None else asked.aggregate,
            )
        except InvalidInput as refusal:
            raise listing.about_parameters(refusal, given, GroupParameters) from refusal
        return answer(listing.body_of(page), 200, listing.links_of(request, page, by_offset=True))
