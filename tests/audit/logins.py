"""Requests of strangers, and logins that fail."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth import authenticate
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

NUMBER = UUID("0b5a7c1e-4a7e-4c0e-9f83-2f9f5b1c9f10")


def request_from(ip: str = "192.0.2.7", user_agent: str = "Mozilla/5.0") -> HttpRequest:
    request = RequestFactory().post(
        "/", REMOTE_ADDR=ip, HTTP_USER_AGENT=user_agent, HTTP_X_REQUEST_ID=str(NUMBER)
    )
    SessionMiddleware(lambda _request: HttpResponse()).process_request(request)
    request.user = AnonymousUser()
    return request


def fail(username: str = "stranger", ip: str = "192.0.2.7", **how: str) -> None:
    assert authenticate(request_from(ip, **how), username=username, password="wrong") is None
