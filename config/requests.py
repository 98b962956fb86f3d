"""Gives every request its number."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse

HEADER = "HTTP_X_REQUEST_ID"


def request_id(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Return a middleware that puts a UUID into the request's X-Request-ID, and the same into the answer's.

    The caller's own is kept when it is a UUID; anything else could smuggle text into the logs, and is
    replaced.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        number = _uuid(request.META.get(HEADER, "")) or uuid4()
        request.META[HEADER] = str(number)
        response = get_response(request)
        response["X-Request-ID"] = str(number)
        return response

    return middleware


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
