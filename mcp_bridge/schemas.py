"""JSON schemas as agents read them: no references to follow, no titles that repeat names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter

Schema = dict[str, Any]

_NULL = {"type": "null"}


def of_arguments(model: type[BaseModel]) -> Schema:
    """This function will return the schema of a tool's arguments.

    An optional argument shows its own type: null is taken too, but nobody needs to be told.
    """
    return _plain(model.model_json_schema(), hide_null=True)


def of_answer(answer: TypeAdapter[Any]) -> Schema:
    """This function will return the schema of a tool's answer."""
    return _plain(answer.json_schema(mode="serialization"), hide_null=False)


def with_tables(schema: Schema, names: Sequence[str]) -> Schema:
    """This function will return a schema of arguments whose `table` is one of `names`."""
    properties = schema["properties"]
    if "table" not in properties:
        return schema
    return {**schema, "properties": {**properties, "table": {**properties["table"], "enum": list(names)}}}


def _plain(schema: Schema, *, hide_null: bool) -> Schema:
    definitions = schema.pop("$defs", {})

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(item) for item in node]
        if not isinstance(node, dict):
            return node
        if reference := node.get("$ref"):
            found = definitions[reference.rpartition("/")[2]]
            return plain({**found, **{key: value for key, value in node.items() if key != "$ref"}})
        if hide_null and _NULL in node.get("anyOf", ()):
            kept = [choice for choice in node["anyOf"] if choice != _NULL]
            rest = {key: value for key, value in node.items() if key != "anyOf" and value is not None}
            return plain({**(kept[0] if len(kept) == 1 else {"anyOf": kept}), **rest})
        # A title that is a text is pydantic's, one that is an object is a property of that name.
        return {key: plain(value) for key, value in node.items() if key != "title" or isinstance(value, dict)}

    result: Schema = plain(schema)
    return result
