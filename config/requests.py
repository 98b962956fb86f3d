"""Gives every request its number, and the log one line about it."""

from __future__ import annotations

from uuid import UUID, uuid4

import structlog
from django.http import HttpRequest, HttpResponse
from django_structlog.middlewares import RequestMiddleware

HEADER = "HTTP_X_REQUEST_ID"


class NumberedRequests(RequestMiddleware):
    """Puts a UUID into the request's X-Request-ID, into every log line meanwhile, and into the answer.

    The caller's own is kept when it is a UUID; anything else could smuggle text into the logs.
    """

    def prepare(self, request: HttpRequest) -> None:
        """Number the request."""
        request.META[HEADER] = str(_uuid(request.META.get(HEADER, "")) or uuid4())
        super().prepare(request)

    def handle_response(self, request: HttpRequest, response: HttpResponse) -> None:
        """Log the outcome and answer the number."""
        response["X-Request-ID"] = request.META[HEADER]
        super().handle_response(request, response)

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        """Log who connected; headers that name another address can be made up."""
        structlog.contextvars.bind_contextvars(ip=request.META.get("REMOTE_ADDR"))

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Describe the request without its query, which may hold what somebody looked for."""
        return f"{request.method} {request.path}"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
