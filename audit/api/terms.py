"""On what terms a request writes: Prefer: dry-run, Idempotency-Key, and max_affected of its address."""

from __future__ import annotations

import re
from typing import Any, Final

from django.http import HttpRequest
from pydantic import Field
from rest_framework.request import Request

from accesscontrol.actor import Actor
from accesscontrol.api.parameters import Parameters, Whole, given_in
from accesscontrol.api.preferences import Preferences
from accesscontrol.errors import InvalidInput
from audit.answers import Once
from audit.operation import MAX_AFFECTED, Terms

WRITING = ("Prefer", "Idempotency-Key")
"""The headers that requests to write are read for."""


class WriteParameters(Parameters):
    """What the address of every write takes."""

    max_affected: Whole = Field(
        MAX_AFFECTED, ge=1, le=MAX_AFFECTED, description="Refuse to write more records than this."
    )


_PLAIN: Final = WriteParameters.read({})
_PLAN_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,200}")


def terms_of(request: HttpRequest, parameters: WriteParameters | None = None) -> Terms:
    """This function will return the terms of a request.

    :raises InvalidInput: a parameter that is unknown, given twice or no number
    """
    if parameters is None:
        parameters = WriteParameters.read(given_in(request.GET)) if request.GET else _PLAIN
    return Terms(
        Preferences.of(request).dry_run,
        parameters.max_affected,
        request.META.get("HTTP_IDEMPOTENCY_KEY"),
    )


def once_of(request: Request, actor: Actor, body: Any) -> Once | None:
    """This function will return what a request asks for, where it is to be done once however often it comes.

    That is its method, address, body and agreement; None without Idempotency-Key.
    """
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    asked = {"body": body, "plan_token": plan_token_of(request), "dry_run": Preferences.of(request).dry_run}
    return Once(actor, key, f"{request.method} {request.path}", asked)


def plan_token_of(request: HttpRequest) -> str | None:
    """This function will return the token by which a request agrees to a plan: a header, which no log tells of.

    :raises InvalidInput: the header can't be such a token
    """
    token: str | None = request.META.get("HTTP_PLAN_TOKEN")
    if token is not None and not _PLAN_TOKEN.fullmatch(token):
        raise InvalidInput(
            "Plan-Token must be one that a plan was given with.",
            hint="Leave it out to be given one.",
            header="Plan-Token",
        )
    return token
