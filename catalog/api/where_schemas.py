"""JSON schemas of the questions about a table's records: where objects, and the filters of an address."""

from __future__ import annotations

from collections.abc import Callable

from django.db import models

from accesscontrol.actor import Actor
from accesscontrol.api.described import Schema
from catalog.api import filters
from catalog.api.column_schemas import described, typed
from catalog.services import columns, kinds, operators
from catalog.services.kinds import Kind
from catalog.table import AnyField, Table


def where(actor: Actor, table: Table) -> Schema:
    """This function will return the schema of a where object that is not empty."""
    return {"allOf": [any_where(actor, table)], "minProperties": 1}


def any_where(actor: Actor, table: Table) -> Schema:
    """This function will return the schema of a where object, which may be empty."""
    seen = columns.shown(actor, table)
    name = f"{table.model.__name__}Where"
    itself = {"$ref": f"#/components/schemas/{name}"}
    conditions = {column: _condition(field) for column, field in seen.columns.items()}
    part = {"allOf": [itself], "minProperties": 1}
    several = {"type": "array", "items": part, "minItems": 1}
    return {
        "title": name,
        "type": "object",
        "description": "Which records: {column: value} or {column: {$gte: value}}. All keys must hold.",
        "properties": {**conditions, "$and": several, "$or": several, "$not": part},
        "additionalProperties": False,
    }


def _condition(field: AnyField) -> Schema:
    """The schema of what a column is to hold: a value, null, or operators."""
    value = _value(field)
    allowed = {operator: _OPERANDS.get(operator, _itself)(field, value) for operator in operators.of(field)}
    comparison = {"type": "object", "properties": allowed, "additionalProperties": False, "minProperties": 1}
    return {"anyOf": [value, {"type": "null"}, comparison]}


def _value(field: AnyField) -> Schema:
    """The schema of a value that a column is compared with. An object in its place would be operators."""
    if kinds.of(field) is Kind.JSON:
        return {"anyOf": [{"type": ["string", "number", "boolean"]}, {"type": "array", "items": {}}]}
    return typed(field, for_input=True)


def _itself(field: AnyField, value: Schema) -> Schema:
    return value


def _or_null(field: AnyField, value: Schema) -> Schema:
    return {"anyOf": [value, {"type": "null"}]}


def _several(field: AnyField, value: Schema) -> Schema:
    return {"type": "array", "items": _or_null(field, value), "maxItems": operators.MAX_LIST_ITEMS}


def _two(field: AnyField, value: Schema) -> Schema:
    return {"type": "array", "items": value, "minItems": 2, "maxItems": 2}


def _flag(field: AnyField, value: Schema) -> Schema:
    return {"type": "boolean"}


def _pattern(field: AnyField, value: Schema) -> Schema:
    return {"type": "string", "pattern": r"^[^\x00\\]*$", "description": "% is any text, _ one character."}


_OPERANDS: dict[str, Callable[[AnyField, Schema], Schema]] = {
    "$eq": _or_null,
    "$ne": _or_null,
    "$in": _several,
    "$nin": _several,
    "$between": _two,
    "$null": _flag,
    "$like": _pattern,
    "$ilike": _pattern,
}


def filters_of(actor: Actor, table: Table) -> dict[str, Schema]:
    """This function will return the schemas of the filters that an address of a list takes.

    Of the operators these are the ones that most people want; the guide has all.
    """
    seen = columns.shown(actor, table)
    return {
        name: _operand(actor, field, operator)
        for name, (field, operator) in filters.parameters_of(seen).items()
        if _is_usual(field, operator)
    }


def _is_usual(field: AnyField, operator: str) -> bool:
    if kinds.of(field) is Kind.JSON and operator in {"$eq", "$in"}:
        return False  # no text of an address says plainly which value of JSON is meant
    if operator in {"$gte", "$lte"}:
        return not isinstance(field, models.TextField | models.ForeignKey) and not field.primary_key
    if operator == "$null":
        return field.null
    return operator in {"$eq", "$in", "$contains"} or (operator == "$ilike" and not field.flatchoices)


def _operand(actor: Actor, field: AnyField, operator: str) -> Schema:
    value = described(actor, field, typed(field, for_input=True))
    if operator == "$null":
        return {"type": "boolean"}
    if kinds.of(field) is Kind.LIST:
        return {"type": "array", "items": {"type": "string", "pattern": r"^[^\x00,]+$"}, "minItems": 1}
    if operator == "$in":
        return {**_several(field, value), "items": value, "minItems": 1}
    return _OPERANDS.get(operator, _itself)(field, value) if operator == "$ilike" else value
