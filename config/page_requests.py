"""Middleware that pages need and programs don't: static files, sessions, forms, messages, policies for browsers.

A request to the API that brings a key or a token is spared it. One that brings none may come with a session, and so
counts as one for a page.
"""

from __future__ import annotations

from typing import Any, Final, cast

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.gzip import GZipMiddleware
from django.middleware.locale import LocaleMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

API: Final = "/api/"
PACKED: Final = frozenset(
    {
        "text/html",
        "text/css",
        "text/javascript",
        "application/javascript",
        "application/json",
        "image/svg+xml",
    }
)


def is_of_program(request: HttpRequest) -> bool:
    """This function will say whether a request is one to the API that brings a key or a token."""
    return "HTTP_AUTHORIZATION" in request.META and request.path_info.startswith(API)


class _ForPages:
    """Lets requests of programs pass, and at once beyond all that are such and follow.

    Django wraps each middleware with functools.wraps, and so what wraps one has its attributes.
    """

    get_response: Any

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)  # type: ignore[call-arg] # of the middleware beside this class
        self.beyond_pages = getattr(get_response, "beyond_pages", get_response)

    def __call__(self, request: HttpRequest) -> Any:
        if is_of_program(request):
            return self.beyond_pages(request)
        return super().__call__(request)  # type: ignore[misc] # of the middleware beside this class


class Packing(_ForPages, GZipMiddleware):
    """Packs pages and what they load, with up to 100 bytes by chance, since their length tells of their text (BREACH).

    What shows a secret, which is the answer to a POST, is not packed; nor is a refusal, which repeats what was sent, or
    a file that is downloaded. The API packs its answers by itself.
    """

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponse:
        """Pack an answer, or leave it as it is."""
        kind = response.get("Content-Type", "").partition(";")[0]
        is_download = response.has_header("Content-Disposition") or request.path_info.startswith(API)
        if request.method == "GET" and response.status_code == 200 and kind in PACKED and not is_download:
            response = super().process_response(request, response)
            if response.get("ETag", "").startswith("W/"):
                del response["ETag"]  # which no file has; its Last-Modified holds on
        return cast("HttpResponse", response)


class StaticFiles(_ForPages, WhiteNoiseMiddleware):  # type: ignore[misc] # untyped
    """Files of pages."""


class Policy(_ForPages, CSPMiddleware):
    """What a page may load."""


class Sessions(_ForPages, SessionMiddleware):
    """Who has logged in."""


class Languages(_ForPages, LocaleMiddleware):
    """The language that each reader's browser wants."""


class Addresses(_ForPages, CommonMiddleware):
    """Addresses without their last slash."""


class Forms(_ForPages, CsrfViewMiddleware):
    """The cookie against forged forms. What a view needs of it is asked of programs as well, before the view."""


class Authentication(_ForPages, AuthenticationMiddleware):
    """The user of the session."""


class Messages(_ForPages, MessageMiddleware):
    """What a page tells of the request before."""
