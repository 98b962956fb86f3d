"""The OpenAPI 3.1 document of the REST API, made for whoever asks: of what they may do, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from rest_framework.request import Request

from accesscontrol import answers
from accesscontrol.actor import Actor
from accesscontrol.api import problems
from accesscontrol.api.described import Described, Schema, describes, parameter_schemas, schema_of
from accesscontrol.api.view import ServiceView
from accesscontrol.errors import (
    AuthenticationRequired,
    Forbidden,
    InvalidInput,
    LengthRequired,
    NotAcceptable,
    RateLimited,
    Refused,
    TimedOut,
    TooLarge,
    UnsupportedContent,
)
from catalog import registry
from catalog.services import live
from config import openapi_headers as headers

EVERYWHERE: tuple[type[Refused], ...] = (
    InvalidInput, AuthenticationRequired, Forbidden, NotAcceptable, RateLimited, TimedOut,
)  # fmt: skip
OF_BODIES: tuple[type[Refused], ...] = (LengthRequired, TooLarge, UnsupportedContent)
PROBLEM: Schema = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {
            "type": "string",
            "format": "uri",
            "description": "The request, as logs and trail know it.",
        },
        "error": {"const": True},
        "code": {"type": "string", "description": "What it is, for programs."},
        "message": {"type": "string"},
        "details": {"type": "object", "description": "Which table, column, key, limit …"},
        "hint": {"type": ["string", "null"], "description": "What may help."},
    },
    "required": [
        "type",
        "title",
        "status",
        "detail",
        "instance",
        "error",
        "code",
        "message",
        "details",
        "hint",
    ],
}


class Generator(SchemaGenerator):  # type: ignore[misc] # untyped
    """Makes the document for one caller."""

    def __init__(self, *args: Any, caller: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.caller = caller

    def create_view(self, callback: Callable[..., Any], method: str, request: Any = None) -> ServiceView:
        """Let each view know for whom it is described."""
        view: ServiceView = super().create_view(callback, method, request)
        view.caller = self.caller
        return view


class Operations(AutoSchema):  # type: ignore[misc] # untyped
    """Describes a method of a view by what is said beside it."""

    view: ServiceView

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Schema | None:
        """Return the operation, or None where the caller has no use for it."""
        handler = getattr(self.view, method.lower())
        described: Described | None = getattr(handler, "described", None)
        if described is None or not self.view.is_for(self.view.caller, method):
            return None
        self.registry = registry
        summary, _, rest = " ".join((handler.__doc__ or "").split()).partition(": ")
        operation: Schema = {
            "operationId": _identifier(method, path),
            "summary": summary.rstrip("."),
            "tags": [self.view.tag],
            "parameters": list(self._parameters(path, described)),
            "responses": self._responses(method, described),
            "security": [{"bearer": []}, {"session": []}],
        }
        if right := self.view.rights.get(method):
            operation["x-right"] = str(right)  # what one needs
        if self.view.others:
            operation["x-right-others"] = str(self.view.others)
        if rest:
            operation["description"] = rest[0].upper() + rest[1:]
        if described.body is not None:
            content = {described.takes: {"schema": self._schema(described.body)}}
            operation["requestBody"] = {"required": True, "content": content}
        return operation

    def _parameters(self, path: str, described: Described) -> Iterator[Schema]:
        for name in _variables(path):
            schema = self.view.variables(name)
            yield {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in self._query(described).items():
            yield _query_parameter(name, self._named(schema))
        for name in described.headers:
            yield {"name": name, "in": "header", **headers.REQUEST[name]}

    def _query(self, described: Described) -> dict[str, Schema]:
        if described.query is None:
            return {}
        if isinstance(described.query, type):
            return parameter_schemas(described.query)
        return dict(described.query(self.view))

    def _responses(self, method: str, described: Described) -> Schema:
        found: Schema = {}
        for status, answer in described.answers.items():
            found[str(status)] = {
                "description": HTTPStatus(status).phrase,
                "headers": self._headers(headers.answered(described, status)),
            }
            if answer is not None:
                types = described.media_type
                schema = {"schema": self._schema(answer)}
                found[str(status)]["content"] = dict.fromkeys(
                    [types] if isinstance(types, str) else types, schema
                )
        of_body = () if method == "GET" else OF_BODIES
        for refused in (*EVERYWHERE, *of_body, *described.refuses):
            found.setdefault(str(refused.status), self._problem(refused.status))
        return dict(sorted(found.items()))

    def _problem(self, status: int) -> Schema:
        """The answer to a refused request, kept once for all operations."""
        schema = self._component("Problem", PROBLEM)
        name = HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")
        body = {
            "description": HTTPStatus(status).phrase,
            "headers": self._headers(headers.refused(status)),
            "content": {problems.MEDIA_TYPE: {"schema": schema}},
        }
        component = ResolvedComponent(name, ResolvedComponent.RESPONSE, body, name)
        self.registry.register_on_missing(component)
        return dict(component.ref)

    def _headers(self, sent: Mapping[str, bool]) -> Schema:
        """The headers of an answer by their names, each kept once: as one that is always there, or may be."""
        found: Schema = {}
        for header, is_sure in sent.items():
            name = header if is_sure else f"Optional{header}"
            said = {**headers.ANSWER[header], "required": is_sure}
            component = ResolvedComponent(name, ResolvedComponent.HEADER, said, name)
            self.registry.register_on_missing(component)
            found[header] = dict(component.ref)
        return found

    def _schema(self, said: Any) -> Schema:
        """The schema of a body or an answer."""
        if isinstance(said, dict):
            return dict(self._named(said))
        if not isinstance(said, type) and callable(said):
            return dict(self._named(said(self.view)))
        schema = schema_of(said)
        for name, definition in schema.pop("$defs", {}).items():
            self._component(name, definition)
        return self._component(said.__name__, schema)

    def _named(self, schema: Any) -> Any:
        """A schema in which every part that has a title is kept once, under that name."""
        if isinstance(schema, list):
            return [self._named(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        plain = {
            key: {name: self._named(one) for name, one in part.items()}
            if key == "properties"
            else self._named(part)
            for key, part in schema.items()
            if key != "title"
        }
        title = schema.get("title")
        return self._component(title, plain) if isinstance(title, str) else plain

    def _component(self, name: str, schema: Schema) -> Schema:
        component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema, name)
        self.registry.register_on_missing(component)
        if self.registry[component].schema != schema:
            raise ValueError(f"Two schemas are called {name}.")
        return dict(component.ref)


class DocumentView(ServiceView):
    """The OpenAPI document."""

    operations = {"GET": "LIST_TABLES"}
    tag = "about"

    @describes(answers={200: {"type": "object"}})
    def get(self, request: Request) -> HttpResponse:
        """Read this document: it has what you may do, and nothing else."""
        return HttpResponse(answers.write(document(self.actor)), "application/json")


def document(caller: Actor, request: HttpRequest | None = None) -> Schema:
    """This function will return the OpenAPI document as a caller may see it."""
    schema: Schema = Generator(caller=caller).get_schema(request=request, public=True)
    _comment(schema)
    return schema


def _comment(document: Schema) -> None:
    """Add what the database says of each column."""
    comments = live.comments()
    for table in registry.all_tables():
        for name, schema in document["components"].get("schemas", {}).items():
            if name.startswith(table.model.__name__):
                for column, part in schema.get("properties", {}).items():
                    if comment := comments.get((table.name, column)):
                        part["description"] = comment


def _identifier(method: str, path: str) -> str:
    """`get_books`, `get_books_key`"""
    parts = [part.strip("{}") for part in path.removeprefix("/api/v1/").strip("/").split("/")]
    return "_".join([method.lower(), *parts]).replace(".", "_").replace("-", "_")


def _variables(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _query_parameter(name: str, schema: Schema) -> Schema:
    description = schema.pop("description", None)
    parameter: Schema = {"name": name, "in": "query", **({"description": description} if description else {})}
    if schema.get("type") == "object" or "$ref" in schema:
        return {**parameter, "content": {"application/json": {"schema": schema}}}
    if schema.get("type") == "array":
        return {**parameter, "schema": schema, "style": "form", "explode": False}
    return {**parameter, "schema": schema}
