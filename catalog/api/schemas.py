"""JSON schemas of the records of a table (2020-12, as OpenAPI 3.1 takes them), derived from its model."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models
from django.db.models import NOT_PROVIDED

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.api.described import Schema
from accesscontrol.policy import Operation
from catalog.api import column_schemas
from catalog.api.where_schemas import where
from catalog.services import columns
from catalog.table import AnyField, Table


def record(actor: Actor, table: Table, *, is_whole: bool = True) -> Schema:
    """This function will return the schema of a record as the actor sees it; of a part of one nothing is required.

    What has a title is kept once in the document, under that name.
    """
    seen = columns.shown(actor, table)
    schema: Schema = {
        "title": _name(table, "" if is_whole else "Part"),
        "type": "object",
        "properties": {name: column_schemas.held(actor, field) for name, field in seen.columns.items()},
    }
    return {**schema, "required": list(seen.columns)} if is_whole else schema


def page(actor: Actor, table: Table) -> Schema:
    """This function will return the schema of a page of records."""
    return {"title": _name(table, "Page"), **_page_of(record(actor, table, is_whole=False))}


def groups() -> Schema:
    """This function will return the schema of a page of groups: what is in one is what was asked of it."""
    return {"title": "GroupPage", **_page_of({"type": "object", "additionalProperties": True})}


def _page_of(items: Schema) -> Schema:
    whole = {"type": "integer", "minimum": 0}
    return _object(
        count={**whole, "description": "Records on this page."},
        total={
            **column_schemas.nullable(whole),
            "description": "Records that match in all; null where not counted.",
        },
        total_is_estimate={"type": "boolean"},
        limit=whole,
        offset=whole,
        next_cursor={
            "type": ["string", "null"],
            "description": "Give it as `cursor` to read on; null at the end.",
        },
        records={"type": "array", "items": items},
    )


def batch(actor: Actor, table: Table, deed: str, **members: Schema) -> Schema:
    """This function will return the schema of what a batch answers; its records may be left out on request."""
    schema = _object(**{deed: {"type": "integer"}}, change_id={"type": "string", "format": "uuid"}, **members)
    schema["properties"]["records"] = {"type": "array", "items": record(actor, table)}
    return schema


def purged() -> Schema:
    """This function will return the schema of what tells of records that are gone for good."""
    members = _object(purged={"type": "integer"}, change_id={"type": "string", "format": "uuid"})
    return {"title": "Purged", **members}


def which(actor: Actor, table: Table) -> Schema:
    """This function will return the schema of a body that says which records are meant."""
    return {
        "title": _name(table, "Choice"),
        **_object(where=where(actor, table)),
        "additionalProperties": False,
    }


def added(table: Table) -> Schema:
    """This function will return the schema of what tells of a new record where no more is preferred."""
    members = _object(key=key_of(table), change_id={"type": "string", "format": "uuid"})
    return {"title": _name(table, "Key"), **members}


def to_insert(actor: Actor, table: Table) -> Schema:
    """This function will return the schema of a new record."""
    return {"title": _name(table, "Insert"), **_writable(actor, Operation.INSERT, table, with_key=True)}


def to_replace(actor: Actor, table: Table) -> Schema:
    """This function will return the schema of a record that takes another's place."""
    return {"title": _name(table, "Replacement"), **_writable(actor, Operation.UPDATE, table, with_key=False)}


def to_change(actor: Actor, table: Table) -> Schema:
    """This function will return the schema of changes to a record: at least one column."""
    schema = {**_writable(actor, Operation.UPDATE, table, with_key=False), "minProperties": 1}
    schema.pop("required", None)
    return {"title": _name(table, "Change"), **schema}


def has_changeable(actor: Actor, table: Table) -> bool:
    """This function will say whether records of a table have something that the actor can change."""
    return bool(to_replace(actor, table)["properties"])


def updates(actor: Actor, table: Table) -> Schema:
    """This function will return the schema of a batch of updates."""
    part = _object(where=where(actor, table), data=to_change(actor, table))
    return {"type": "array", "items": {**part, "additionalProperties": False}, "minItems": 1, "maxItems": 100}


def list_of(items: Schema, maximum: int) -> Schema:
    """This function will return the schema of a list of 1 to `maximum` such items."""
    return {"type": "array", "items": items, "minItems": 1, "maxItems": maximum}


def names_of(found: Collection[str], *, either_way: bool = False) -> Schema:
    """This function will return the schema of a list of such names; `either_way`, with a `-` before some."""
    allowed = [sign + name for name in found for sign in (("", "-") if either_way else ("",))]
    return {"type": "array", "items": {"enum": allowed}, "minItems": 1}


def key_of(table: Table) -> Schema:
    """This function will return the schema of a key in an address: `12`, or `3:4`."""
    pattern = ":".join(["[0-9]{1,19}"] * len(table.key))
    return {"type": "string", "pattern": f"^{pattern}$", "description": table.key_format}


def _name(table: Table, kind: str) -> str:
    """The name of a schema: Book, BookPage."""
    return f"{table.model.__name__}{kind}"


def _writable(actor: Actor, operation: Operation, table: Table, *, with_key: bool) -> Schema:
    seen = columns.shown(actor, table)
    kept = policy.read_only_columns(actor, operation, table.name) | table.managed_columns
    kept |= frozenset() if with_key else frozenset(table.key)
    fields = {name: field for name, field in seen.columns.items() if name not in kept}
    required = [name for name, field in fields.items() if not field.null and _must_be_given(field)]
    schema: Schema = {
        "type": "object",
        "properties": {
            name: column_schemas.taken(actor, table, name, field) for name, field in fields.items()
        },
        "additionalProperties": False,
    }
    return {**schema, "required": required} if required else schema


def _must_be_given(field: AnyField) -> bool:
    return field.db_default is NOT_PROVIDED and not isinstance(field, models.BigAutoField)


def _object(**members: Schema) -> Schema:
    return {"type": "object", "properties": members, "required": list(members)}
