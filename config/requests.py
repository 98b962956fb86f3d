"""Gives every request its number, and the log one line about it."""

from __future__ import annotations

import logging
from typing import Any, Final, cast
from uuid import UUID, uuid4

import structlog
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django_structlog.middlewares import RequestMiddleware

HEADER = "HTTP_X_REQUEST_ID"

_LEVELS: Final = {4: logging.WARNING, 5: logging.ERROR}

logger = structlog.get_logger(__name__)


class NumberedRequests(RequestMiddleware):
    """Puts a UUID into the request's X-Request-ID, into every log line meanwhile, and into the answer.

    The caller's own is kept when it is a UUID; anything else could smuggle text into the logs. The line has who
    connected, since headers that name another address can be made up; and not the query of the address, which may
    hold what somebody looked for.
    """

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self._is_async = iscoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_async:
            return super().__call__(request)
        self.prepare(request)
        response = self.get_response(request)
        self.handle_response(request, cast("HttpResponse", response))
        return response

    def prepare(self, request: HttpRequest) -> None:
        """Number the request."""
        number = request.META[HEADER] = str(_uuid(request.META.get(HEADER, "")) or uuid4())
        structlog.contextvars.bind_contextvars(request_id=number, ip=request.META.get("REMOTE_ADDR"))

    def handle_response(self, request: HttpRequest, response: HttpResponse) -> None:
        """Log the outcome and answer the number."""
        response["X-Request-ID"] = request.META[HEADER]
        if response.streaming or hasattr(request, "_raised_exception"):
            super().handle_response(request, response)  # which logs how it ends, too
            return
        user = getattr(request, "user", None)
        logger.log(
            _LEVELS.get(response.status_code // 100, logging.INFO),
            "request_finished",
            code=response.status_code,
            request=self.format_request(request),
            user_id=getattr(user, "pk", None),
        )
        structlog.contextvars.clear_contextvars()

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Describe the request without its query."""
        return f"{request.method} {request.path}"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
