"""Lists of records: what their addresses take, and the addresses of the pages around one."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from django.http import HttpRequest, QueryDict
from pydantic import Field

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.answers import Json
from accesscontrol.api import links
from accesscontrol.api.described import Schema, parameter_schemas
from accesscontrol.api.parameters import Flag, JsonObject, Names, Parameters, Whole, given_in
from accesscontrol.errors import InvalidInput, did_you_mean
from accesscontrol.policy import Operation
from catalog import registry
from catalog.api import filters, schemas, where_schemas
from catalog.api.tables import TableView
from catalog.services import columns, queries
from catalog.services.queries import Page
from catalog.table import Table

P = TypeVar("P", bound=Parameters)


class Chosen(Parameters):
    """What an answer shows of each record."""

    fields: Names | None = Field(None, description="Columns to show. Default: all.")
    expand: Names | None = Field(
        None, description="Foreign keys whose record to add: author_id adds `author`, an object."
    )
    include_deleted: Flag = Field(False, description="Show records in the trash as well.")


class Asked(Chosen):
    """What a list takes beside the filters of its columns."""

    where: JsonObject | None = Field(
        None, description='More than filters can say, in the where language: {"$or": [{…}, {…}]}.'
    )
    order_by: Names | None = Field(
        None, description="Columns to sort by; with `-` before a name from the greatest. Default: by key."
    )
    limit: Whole = Field(100, ge=1, le=queries.MAX_LIMIT, description="Most records to return.")
    cursor: str | None = Field(
        None,
        description="`next_cursor` of the page before: goes on there, at any depth as fast as at the start.",
    )
    offset: Whole = Field(0, ge=0, le=queries.MAX_OFFSET, description="How many records to skip.")
    count: Literal["exact", "capped", "none"] = Field(
        "none", description="How to find `total`: capped is exact up to 10,000 and above that an estimate."
    )


def parameters_of(view: TableView) -> dict[str, Schema]:
    """This function will return the schemas of what the address of a list takes, the usual filters among them."""
    known = {
        **_without(parameter_schemas(Asked), Chosen),
        **where_schemas.filters_of(view.caller, view.table),
        "where": where_schemas.any_where(view.caller, view.table),
        "order_by": schemas.names_of(columns.shown(view.caller, view.table).columns, either_way=True),
    }
    return {**known, **chosen_of(view)}


def chosen_of(view: TableView) -> dict[str, Schema]:
    """This function will return the schemas of what the address of a record takes."""
    seen = columns.shown(view.caller, view.table)
    readable = [
        column
        for column, parent in seen.foreign_keys.items()
        if column in seen.columns and policy.decide(view.caller, Operation.READ, registry.get(parent)).allowed
    ]
    known = parameter_schemas(Chosen)
    expand, fields = known.pop("expand"), {**known.pop("fields"), **schemas.names_of(seen.columns)}
    expandable = {"expand": {**expand, **schemas.names_of(readable)}} if readable else {}
    return {**known, "fields": fields, **expandable}


def _without(known: dict[str, Schema], model: type[Parameters]) -> dict[str, Schema]:
    return {name: schema for name, schema in known.items() if name not in model.model_fields}


def find(actor: Actor, table: Table, query: QueryDict) -> Page:
    """This function will return the page of records that an address asks for.

    :raises InvalidInput: an unknown parameter, column or operator, or a bad value
    """
    asked, given = split(Asked, query)
    try:
        return queries.query_records(
            actor=actor,
            table=table,
            columns=asked.fields,
            where=filters.where_of(table, given, asked.where),
            order_by=order_of(asked.order_by),
            limit=asked.limit,
            offset=asked.offset,
            cursor=asked.cursor,
            include_deleted=asked.include_deleted,
            count=asked.count,
            expand=asked.expand,
        )
    except InvalidInput as refusal:
        raise about_parameters(refusal, given, Asked) from refusal


def split(model: type[P], query: QueryDict) -> tuple[P, dict[str, str]]:
    """This function will return what an address says to `model`, and the rest: the filters.

    :raises InvalidInput: a parameter that is given twice, or has a bad value
    """
    given = given_in(query)
    return model.read({name: given.pop(name) for name in list(given) if name in model.model_fields}), given


def order_of(names: list[str] | None) -> list[dict[str, str]] | None:
    """This function will return `["-word_count", "title"]` as services take it."""
    if names is None:
        return None
    return [
        {"column": name.removeprefix("-"), "direction": "desc" if name.startswith("-") else "asc"}
        for name in names
    ]


def body_of(page: Page) -> dict[str, Any]:
    """This function will return a page as it is answered."""
    return {
        "count": page.count,
        "total": page.total,
        "total_is_estimate": page.total_is_estimate,
        "limit": page.limit,
        "offset": page.offset,
        "next_cursor": page.next_cursor,
        "records": Json(page.records.json()),
    }


def links_of(request: HttpRequest, page: Page, *, by_offset: bool = False) -> dict[str, str]:
    """This function will return the header Link (RFC 8288): the first page, the next, and by offset the one before."""
    found: list[tuple[str, links.Changed]] = [("first", {"cursor": None, "offset": None})]
    if page.offset:
        before = max(page.offset - page.limit, 0)
        found.append(("prev", {"offset": str(before) if before else None}))
    if (page.offset or by_offset) and page.count == page.limit:
        found.append(("next", {"offset": str(page.offset + page.limit)}))
    elif page.next_cursor:
        found.append(("next", {"cursor": page.next_cursor}))
    return links.header(request, found)


def about_parameters(refusal: InvalidInput, given: dict[str, str], model: type[Parameters]) -> InvalidInput:
    """This function will return a refusal of a filter in the words of the address: perhaps a parameter was meant."""
    for filter_ in given:
        if place := filters.place_of(filter_, str(refusal.details.get("path", ""))):
            told = {**refusal.details, "argument": filter_}
            refusal = InvalidInput(refusal.message.replace(place, filter_), hint=refusal.hint, **told)
    wrong = refusal.details.get("column")
    name = next((name for name in given if name.partition(filters.SEPARATOR)[0] == wrong), None)
    if name is None or wrong in refusal.details.get("allowed", [wrong]):
        return refusal
    allowed = [*model.model_fields, *refusal.details["allowed"]]
    return InvalidInput(
        f"There is no parameter or column {name!r}.{did_you_mean(wrong, allowed)}",
        argument=name,
        table=refusal.details.get("table"),
        allowed=allowed,
    )
