"""Who asks over HTTP: by a session, with CSRF where something is written, or by an API key or access token."""

from __future__ import annotations

import re
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accesscontrol import credentials, key_use, tokens
from accesscontrol.credentials import Credential
from accesscontrol.errors import AuthenticationRequired
from accesscontrol.web import address_of

CHALLENGE: Final = 'Bearer realm="api"'
_BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)


class Bearer(BaseAuthentication):
    """A key or a token in the header Authorization. Where the header is there, nothing else counts."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        """Return whose key or token it is, and what it is; None without the header.

        :raises AuthenticationFailed: it is no good; not told is why
        """
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        plain: HttpRequest = request._request  # noqa: SLF001 - what everything else looks at
        plain.user = AnonymousUser()  # not who a cookie says, whatever becomes of this
        try:
            credential = _found(header, address_of(plain))
        except AuthenticationRequired as refusal:
            raise AuthenticationFailed(refusal.message) from refusal
        plain.credential = credential  # type: ignore[attr-defined] # ours, for accesscontrol.web
        return credential.user, credential

    def authenticate_header(self, request: Request) -> str:
        """Return what the header WWW-Authenticate says."""
        return CHALLENGE


class Session(SessionAuthentication):
    """A session of the web pages. What is not safe needs a CSRF token."""

    def authenticate_header(self, request: Request) -> str:
        """Return what the header WWW-Authenticate says: programs come with a key."""
        return CHALLENGE


def _found(header: str, address: str | None) -> Credential:
    sent: Any = _BEARER.fullmatch(header.strip())
    if sent is None:
        raise credentials.refused()
    text: str = sent[1]
    return tokens.authenticate(text, address) if tokens.is_token(text) else key_use.recognise(text, address)
