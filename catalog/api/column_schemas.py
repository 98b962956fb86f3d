"""JSON schemas of what single columns hold and take, by their kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.api.described import Schema
from accesscontrol.policy import Operation
from catalog import registry
from catalog.services import kinds, values
from catalog.services.kinds import Kind
from catalog.table import AnyField, Table

STORABLE = r"^[^\x00]*$"  # PostgreSQL's texts have no NUL
NUMBER = r"^-?[0-9]{1,40}(\.[0-9]{1,40})?$"
KEY = {"type": "integer", "minimum": 1, "maximum": values.MAX_GIVEN_KEY}


def held(actor: Actor, field: AnyField) -> Schema:
    """This function will return the schema of what a column holds, as records show it."""
    schema = _maybe_null(field, typed(field, for_input=False))
    return described(actor, field, {**schema, "examples": [_example(field)]})


def taken(actor: Actor, table: Table, name: str, field: AnyField) -> Schema:
    """This function will return the schema of what a column takes."""
    is_key = name in table.key or isinstance(field, models.ForeignKey)
    schema = dict(KEY) if is_key else {**typed(field, for_input=True), **_limits(field)}
    schema = {**_maybe_null(field, schema), "examples": [_example(field)]}
    default = values.default_of(table, name)
    return described(actor, field, schema if default is None else {**schema, "default": default})


def typed(field: AnyField, *, for_input: bool) -> Schema:
    """This function will return the schema of a column's type alone."""
    if field.flatchoices:
        return {"type": "string", "enum": [value for value, _ in field.flatchoices]}
    return dict(_TYPES[kinds.of(field)](field, for_input))


def _integer(field: AnyField, for_input: bool) -> Schema:
    least, greatest = kinds.range_of(field)
    return {"type": "integer", "minimum": least, "maximum": greatest}


def _decimal(field: AnyField, for_input: bool) -> Schema:
    text = {"type": "string", "pattern": NUMBER}
    return {"anyOf": [{"type": "number"}, text]} if for_input else {"type": "string"}


def _text(field: AnyField, for_input: bool) -> Schema:
    return {"type": "string", "pattern": STORABLE} if for_input else {"type": "string"}


def _list(field: AnyField, for_input: bool) -> Schema:
    return {"type": "array", "items": _text(field, for_input), "maxItems": kinds.MAX_ARRAY_ITEMS}


def _plain(schema: Schema) -> Callable[[AnyField, bool], Schema]:
    return lambda _field, _for_input: schema


_TYPES: dict[Kind, Callable[[AnyField, bool], Schema]] = {
    Kind.LIST: _list,
    Kind.JSON: _plain({}),
    Kind.MOMENT: _plain({"type": "string", "format": "date-time"}),
    Kind.DATE: _plain({"type": "string", "format": "date"}),
    Kind.FLAG: _plain({"type": "boolean"}),
    Kind.DECIMAL: _decimal,
    Kind.FLOAT: _plain({"type": "number"}),
    Kind.UUID: _plain({"type": "string", "format": "uuid"}),
    Kind.INTEGER: _integer,
    Kind.TEXT: _text,
}
_EXAMPLES: dict[Kind, Any] = {
    Kind.LIST: ["one", "another"],
    Kind.JSON: {"colour": "green"},
    Kind.MOMENT: "2026-11-22T20:15:00+00:00",
    Kind.DATE: "2026-11-22",
    Kind.FLAG: True,
    Kind.DECIMAL: "0.75",
    Kind.FLOAT: 0.75,
    Kind.UUID: "019abcde-0000-7000-8000-000000000001",
    Kind.INTEGER: 1,
}
_LIMITS = ((MaxLengthValidator, "maxLength"), (MinValueValidator, "minimum"), (MaxValueValidator, "maximum"))


def _limits(field: AnyField) -> Schema:
    """The limits that a column's own rules set."""
    return {
        word: validator.limit_value
        for validator in field.validators
        for kind, word in _LIMITS
        if isinstance(validator, kind) and isinstance(validator.limit_value, int)
    }


def _example(field: AnyField) -> Any:
    """A value of a column; a text says what it is of."""
    if field.flatchoices:
        return field.flatchoices[0][0]
    return _EXAMPLES.get(kinds.of(field), str(field.verbose_name).capitalize())


def _maybe_null(field: AnyField, schema: Schema) -> Schema:
    return nullable(schema) if field.null else schema


def nullable(schema: Schema) -> Schema:
    """This function will return the schema that null fits too."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "type" not in schema:
        return schema
    more: Schema = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **more}


def described(actor: Actor, field: AnyField, schema: Schema) -> Schema:
    """This function will return a schema with what the column refers to, where the actor may read that."""
    if not isinstance(field, models.ForeignKey):
        return schema
    parent = registry.get(field.related_model._meta.db_table)
    if not policy.decide(actor, Operation.READ, parent).allowed:
        return schema
    return {**schema, "description": f"A record of {parent.name}."}
