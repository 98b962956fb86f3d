"""Middleware that pages need and programs don't: static files, sessions, messages, policies for browsers.

A request to the API that brings a key or a token is spared it. One that brings none may come with a session, and so
counts as one for a page.
"""

from __future__ import annotations

from typing import Any, Final

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.common import CommonMiddleware
from django.middleware.locale import LocaleMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

API: Final = "/api/"


def is_of_program(request: HttpRequest) -> bool:
    """This function will say whether a request is one to the API that brings a key or a token."""
    return "HTTP_AUTHORIZATION" in request.META and request.path_info.startswith(API)


class _ForPages:
    """Lets requests of programs pass."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if is_of_program(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc] # of the middleware beside this class


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


class Authentication(_ForPages, AuthenticationMiddleware):
    """The user of the session."""


class Messages(_ForPages, MessageMiddleware):
    """What a page tells of the request before."""
