"""JSON schemas of the records of a table (2020-12, as OpenAPI 3.1 takes them), derived from its model."""

from __future__ import annotations

from collections.abc import Callable, Collection

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import NOT_PROVIDED

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.api.described import Schema
from accesscontrol.policy import Operation
from catalog.api import filters
from catalog.services import columns, kinds, operators, values
from catalog.table import AnyField, Table

STORABLE = r"^[^\x00]*$"  # PostgreSQL's texts have no NUL
NUMBER = r"^-?[0-9]{1,40}(\.[0-9]{1,40})?$"
KEY = {"type": "integer", "minimum": 1, "maximum": values.MAX_GIVEN_KEY}


def record(actor: Actor, table: Table, *, is_whole: bool = True) -> Schema:
    """This function will return the schema of a record as the actor sees it; of a part of one nothing is required.

    What has a title is kept once in the document, under that name.
    """
    seen = columns.shown(actor, table)
    schema: Schema = {
        "title": _name(table, "" if is_whole else "Part"),
        "type": "object",
        "properties": {name: _read(field) for name, field in seen.columns.items()},
    }
    return {**schema, "required": list(seen.columns)} if is_whole else schema


def page(actor: Actor, table: Table) -> Schema:
    """This function will return the schema of a page of records."""
    whole = {"type": "integer", "minimum": 0}
    members = _object(
        count={**whole, "description": "Records on this page."},
        total={**_nullable(whole), "description": "Records that match in all; null where not counted."},
        total_is_estimate={"type": "boolean"},
        limit=whole,
        offset=whole,
        next_cursor={
            "type": ["string", "null"],
            "description": "Give it as `cursor` to read on; null at the end.",
        },
        records={"type": "array", "items": record(actor, table, is_whole=False)},
    )
    return {"title": _name(table, "Page"), **members}


def batch(actor: Actor, table: Table, deed: str, **members: Schema) -> Schema:
    """This function will return the schema of what a batch answers; its records may be left out on request."""
    schema = _object(**{deed: {"type": "integer"}}, change_id={"type": "string", "format": "uuid"}, **members)
    schema["properties"]["records"] = {"type": "array", "items": record(actor, table)}
    return schema


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


def where(actor: Actor, table: Table) -> Schema:
    """This function will return the schema of a where object that is not empty."""
    return {"allOf": [any_where(actor, table)], "minProperties": 1}


def any_where(actor: Actor, table: Table) -> Schema:
    """This function will return the schema of a where object, which may be empty."""
    seen = columns.shown(actor, table)
    name = _name(table, "Where")
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
    if isinstance(field, models.JSONField):
        return {"anyOf": [{"type": ["string", "number", "boolean"]}, {"type": "array", "items": {}}]}
    return dict(_typed(field, for_input=True))


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


def filters_of(actor: Actor, table: Table) -> dict[str, Schema]:
    """This function will return the schemas of the filters that an address of a list takes.

    Of the operators these are the ones that most people want; the guide has all.
    """
    seen = columns.shown(actor, table)
    return {
        name: _operand(field, operator)
        for name, (field, operator) in filters.parameters_of(seen).items()
        if _is_usual(field, operator)
    }


def _is_usual(field: AnyField, operator: str) -> bool:
    if isinstance(field, models.JSONField) and operator in {"$eq", "$in"}:
        return False  # no text of an address says plainly which value of JSON is meant
    if operator in {"$gte", "$lte"}:
        return not isinstance(field, models.TextField | models.ForeignKey) and not field.primary_key
    if operator == "$null":
        return field.null
    return operator in {"$eq", "$in", "$contains"} or (operator == "$ilike" and not field.flatchoices)


def _name(table: Table, kind: str) -> str:
    """The name of a schema: Book, BookPage."""
    return f"{table.model.__name__}{kind}"


def _operand(field: AnyField, operator: str) -> Schema:
    value = _described(field, dict(_typed(field, for_input=True)))
    if operator == "$null":
        return {"type": "boolean"}
    if isinstance(field, ArrayField):
        return {"type": "array", "items": {"type": "string", "pattern": r"^[^\x00,]+$"}, "minItems": 1}
    if operator == "$in":
        return {**_several(field, value), "items": value, "minItems": 1}
    return _OPERANDS.get(operator, _itself)(field, value) if operator == "$ilike" else value


def _writable(actor: Actor, operation: Operation, table: Table, *, with_key: bool) -> Schema:
    seen = columns.shown(actor, table)
    kept = policy.read_only_columns(actor, operation, table.name) | table.managed_columns
    kept |= frozenset() if with_key else frozenset(table.key)
    fields = {name: field for name, field in seen.columns.items() if name not in kept}
    required = [name for name, field in fields.items() if not field.null and _must_be_given(field)]
    schema: Schema = {
        "type": "object",
        "properties": {name: _write(table, name, field) for name, field in fields.items()},
        "additionalProperties": False,
    }
    return {**schema, "required": required} if required else schema


def _must_be_given(field: AnyField) -> bool:
    return field.db_default is NOT_PROVIDED and not isinstance(field, models.BigAutoField)


def _read(field: AnyField) -> Schema:
    return _described(field, _maybe_null(field, dict(_typed(field, for_input=False))))


def _write(table: Table, name: str, field: AnyField) -> Schema:
    is_key = name in table.key or isinstance(field, models.ForeignKey)
    schema = dict(KEY) if is_key else {**_typed(field, for_input=True), **_limits(field)}
    schema = _maybe_null(field, schema)
    default = values.default_of(table, name)
    return _described(field, schema if default is None else {**schema, "default": default})


def _typed(field: AnyField, *, for_input: bool) -> Schema:
    """The type of a column alone."""
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    if field.flatchoices:
        return {"type": "string", "enum": [value for value, _ in field.flatchoices]}
    kind = next(make for kind, make in _TYPES if isinstance(target, kind))
    return kind(field, for_input)


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


_TYPES: tuple[tuple[type[AnyField], Callable[[AnyField, bool], Schema]], ...] = (  # subclasses stand before
    (ArrayField, _list),
    (models.JSONField, _plain({})),
    (models.DateTimeField, _plain({"type": "string", "format": "date-time"})),
    (models.DateField, _plain({"type": "string", "format": "date"})),
    (models.BooleanField, _plain({"type": "boolean"})),
    (models.DecimalField, _decimal),
    (models.FloatField, _plain({"type": "number"})),
    (models.UUIDField, _plain({"type": "string", "format": "uuid"})),
    (models.IntegerField, _integer),
    (models.TextField, _text),
)
_LIMITS = ((MaxLengthValidator, "maxLength"), (MinValueValidator, "minimum"), (MaxValueValidator, "maximum"))


def _limits(field: AnyField) -> Schema:
    """The limits that a column's own rules set."""
    return {
        word: validator.limit_value
        for validator in field.validators
        for kind, word in _LIMITS
        if isinstance(validator, kind) and isinstance(validator.limit_value, int)
    }


def _maybe_null(field: AnyField, schema: Schema) -> Schema:
    return _nullable(schema) if field.null else schema


def _nullable(schema: Schema) -> Schema:
    """The schema that null fits too."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "type" not in schema:
        return schema
    more: Schema = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **more}


def _described(field: AnyField, schema: Schema) -> Schema:
    """A schema with what the column refers to."""
    if isinstance(field, models.ForeignKey):
        return {**schema, "description": f"A record of {field.related_model._meta.db_table}."}
    return schema


def _object(**members: Schema) -> Schema:
    return {"type": "object", "properties": members, "required": list(members)}
