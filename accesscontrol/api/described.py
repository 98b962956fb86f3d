"""What a method of a view takes and answers, said beside it: the OpenAPI document is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from accesscontrol.api.parameters import Parameters
from accesscontrol.errors import Refused

Schema = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Described:
    """What one method takes and answers.

    A body or an answer is a type (a model of arguments, a dataclass), or a function from the view to a JSON schema for
    what depends on its table; an answer without a body is None. Of the headers that an answer `sends`, one that is not
    always there has a question mark: "ETag?".
    """

    query: Callable[[Any], Mapping[str, Schema]] | type[Parameters] | None = None
    body: Any = None
    answers: Mapping[int, Any] = field(default_factory=dict)
    refuses: tuple[type[Refused], ...] = ()  # beside what every request may be refused for
    headers: tuple[str, ...] = ()  # of the request: If-Match, Prefer, Idempotency-Key
    sends: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # headers of each answer
    takes: str = "application/json"  # the type of the body
    media_type: str | tuple[str, ...] = "application/json"  # of the answers


def describes(**said: Any) -> Callable[[F], F]:
    """This function will note on a method of a view what it takes and answers: see Described."""

    def note(method: F) -> F:
        method.described = Described(**said)  # type: ignore[attr-defined] # ours
        return method

    return note


def schema_of(said: type) -> Schema:
    """This function will return the schema of a body or an answer, with those of its parts under `$defs`."""
    return {**_schema_of(said)}


def parameter_schemas(model: type[Parameters]) -> dict[str, Schema]:
    """This function will return the schemas of a model's parameters by their names."""
    return {name: {**schema} for name, schema in _parameter_schemas(model).items()}


@cache  # every table has the same ones, and to make them takes most of the time that the document takes
def _schema_of(said: type) -> Schema:
    is_body = issubclass(said, BaseModel)
    return TypeAdapter(said).json_schema(
        mode="validation" if is_body else "serialization", ref_template="#/components/schemas/{model}"
    )


@cache
def _parameter_schemas(model: type[Parameters]) -> dict[str, Schema]:
    found = {}
    for name, schema in model.model_json_schema()["properties"].items():
        choices = [choice for choice in schema.pop("anyOf", ()) if choice != {"type": "null"}]
        schema.pop("title", None)
        if schema.get("default", ...) is None:
            del schema["default"]
        found[name] = {**(choices[0] if choices else {}), **schema}
    return found
