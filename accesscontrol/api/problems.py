"""Refusals as problem details (RFC 9457), whose further members are the error object that every face sends."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from rest_framework import exceptions

from accesscontrol.actor import Actor
from accesscontrol.errors import (
    AuthenticationRequired,
    Forbidden,
    InvalidInput,
    NotAcceptable,
    NotFound,
    Refused,
    UnsupportedContent,
)

MEDIA_TYPE = "application/problem+json"

_REFUSALS: tuple[tuple[type[exceptions.APIException], type[Refused]], ...] = (
    (exceptions.NotAuthenticated, AuthenticationRequired),
    (exceptions.AuthenticationFailed, AuthenticationRequired),
    (exceptions.PermissionDenied, Forbidden),  # of a session's form without its CSRF token
    (exceptions.NotFound, NotFound),
    (exceptions.NotAcceptable, NotAcceptable),
    (exceptions.APIException, InvalidInput),
)


def refusal_of(error: exceptions.APIException) -> Refused:
    """This function will return what the framework raised, as one of our refusals."""
    if isinstance(error, exceptions.UnsupportedMediaType):
        hint = "Send JSON, and say so: Content-Type: application/json."
        return UnsupportedContent("A body of this type is not taken here.", hint=hint)
    refused = next(mine for theirs, mine in _REFUSALS if isinstance(error, theirs))
    return refused(str(error.detail))


def problem_of(refusal: Refused, actor: Actor) -> dict[str, Any]:
    """This function will return the body of an answer that says what was refused.

    `type` is the code's own address in the reference; `instance` is the request, as the logs and the trail know it.
    """
    return {
        "type": f"urn:error:{refusal.code}",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.message,
        "instance": f"urn:uuid:{actor.request_id}",
        **refusal.as_dict(),
    }
