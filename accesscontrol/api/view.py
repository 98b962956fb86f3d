"""The base of every view of the REST API: a view translates, a service decides and does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import cached_property
from rest_framework import exceptions
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from accesscontrol import policy
from accesscontrol.actor import Actor, Channel
from accesscontrol.api import bodies, packing, preferences, problems
from accesscontrol.api.parameters import Parameters, given_in
from accesscontrol.api.throttling import Meter
from accesscontrol.errors import AuthenticationRequired, MethodNotAllowed
from accesscontrol.policy import Right
from accesscontrol.uploads import take_files
from accesscontrol.web import actor_of

_ALLOWED: Final[dict[type[APIView], dict[str, str]]] = {}  # the header Allow of each class of views


class ServiceView(APIView):
    """A view whose methods call services, as the actor of the request.

    `operations` says what each method does, as the trail names it: a refusal is written there under that name. A
    method that is not named is not there.
    """

    operations: ClassVar[Mapping[str, str]] = {}
    tag: ClassVar[str] = ""  # the chapter of the reference that it stands in
    rights: ClassVar[Mapping[str, str]] = {}  # what each method needs beside an account: rights of the policy
    others: ClassVar[Right | None] = None  # what one needs beside that to see what is others'
    metadata_class = None  # what there is, the OpenAPI document tells
    open_to_all: ClassVar[bool] = False  # whether strangers may ask
    takes_files: ClassVar[bool] = False  # whether forms may bring some
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    permission_classes = ()  # who may do what is the policy's business

    caller: Actor  # for whom the OpenAPI document is made

    _operation: str | None = None
    _table_name: str | None = None

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return actor_of(getattr(self.request, "_request", self.request), Channel.API)

    @property
    def operation(self) -> str:
        """What the request does, as the trail names it."""
        return self._operation or self.operations.get(self.request.method or "", "QUERY")

    @property
    def table_name(self) -> str | None:
        """The table that the request is about, for the trail."""
        return self._table_name

    def about(self, *, operation: str | None = None, table: str | None = None) -> None:
        """This function will take note of what the trail is told, as far as the request's body alone says it."""
        self._operation, self._table_name = operation or self._operation, table or self._table_name

    def is_for(self, actor: Actor, method: str) -> bool:
        """This function will say whether the actor has a use for a method, as the OpenAPI document shows it to them."""
        right = self.rights.get(method)
        if isinstance(right, Right):
            return policy.holds(actor, right).allowed
        return actor.user is not None or self.open_to_all

    def variables(self, name: str) -> dict[str, Any]:
        """This function will return the schema of a variable of the view's address."""
        return {"type": "string"}

    @property
    def most_bytes(self) -> int:
        """How large a request's body may be."""
        return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Wrap a request, and have at hand what is asked of it all the time: the wrapper finds it the long way."""
        found = super().initialize_request(request, *args, **kwargs)
        found.META, found.method = request.META, request.method
        return found

    @property
    def default_response_headers(self) -> dict[str, str]:
        """What every answer says of the address: the methods that it takes, which its class alone knows."""
        kept = _ALLOWED.get(type(self))
        if kept is None:
            kept = _ALLOWED[type(self)] = super().default_response_headers
        return kept.copy()

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Choose the form of the answer: the first, at once, for all who take anything."""
        if request.META.get("HTTP_ACCEPT", "*/*") == "*/*":
            renderer = self.renderer_classes[0]()
            return renderer, renderer.media_type
        return super().perform_content_negotiation(request, force)

    @cached_property
    def meter(self) -> Meter:
        """The limits that the request counts against."""
        return Meter()

    def check_throttles(self, request: Request) -> None:
        """Let the request in, or refuse it for coming too soon."""
        self.meter.count(self)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find out who asks, before anything is looked at."""
        self.meter.start()
        plain: HttpRequest = request._request  # noqa: SLF001 - which reads the body
        plain.get_host()  # addresses in answers are made of it: one of ours, or nothing is done
        bodies.require_readable(plain)
        bodies.require_within(plain, self.most_bytes)  # a form is read to find out who asks
        if self.takes_files:
            take_files(plain)
        super().initial(request, *args, **kwargs)
        if self.actor.user is None and not self.open_to_all:
            raise AuthenticationRequired
        self._require_taken(request)

    def _require_taken(self, request: Request) -> None:
        """Refuse what the request says and nobody here would read: parameters, headers, a body."""
        described = getattr(getattr(self, str(request.method).lower(), None), "described", None)
        if described and described.query is None and request.GET:
            Parameters.read(given_in(request.GET))
        if request.method not in SAFE_METHODS:
            preferences.require_heeded(request, described.headers if described else ())
        if not self.takes_files:
            bodies.collect(request._request, self.most_bytes)  # noqa: SLF001 - Django knows no chunks
        if described and described.body is None and request.method not in SAFE_METHODS:
            bodies.require_none(request)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Refuse a method that this address does not take."""
        allowed = self.allowed_methods
        raise MethodNotAllowed(f"Only {', '.join(allowed)} is possible here.", allowed=allowed)

    def handle_exception(self, exc: Exception) -> Any:
        """Answer a refusal as a problem; what is no refusal is a fault of ours, and answered as such."""
        if isinstance(exc, exceptions.APIException):
            exc = problems.refusal_of(exc)
        exc = bodies.refusal_of(exc) or exc
        return super().handle_exception(self.meter.judge(self, exc))

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say what the answer depends on: no cache between us and the caller may keep it for others."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        if request.method in SAFE_METHODS:
            packing.pack(request, answer)
        self.meter.finish(self, answer)
        return answer
