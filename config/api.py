"""The REST API, composed of the parts' own addresses; and the one place that answers its refusals."""

from __future__ import annotations

from typing import Any

import structlog
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.decorators.csrf import csrf_exempt

import accesscontrol.api.addresses
import audit.api.addresses
import backups.api.addresses
import catalog.api.addresses
import catalog.api.beside
import jobs.api.addresses
from accesscontrol.actor import Actor, Channel
from accesscontrol.api import content
from accesscontrol.api.authentication import CHALLENGE
from accesscontrol.api.view import ServiceView
from accesscontrol.errors import AuthenticationRequired, InternalError, NotFound, Refused
from accesscontrol.web import actor_of
from audit import faults, refusals
from config import api_docs
from config.openapi import DocumentView

logger = structlog.get_logger(__name__)


def nowhere(request: HttpRequest) -> HttpResponse:
    """This function will answer whatever else is asked for.

    Where only the last slash is missing it leads to what was meant, whatever the method and its body.
    """
    if not request.path.endswith("/"):
        query = request.META.get("QUERY_STRING")
        return PermanentRedirect(f"{request.path}/{'?' if query else ''}{query}")
    return content.refuse(NotFound("There is no such address."), actor_of(request, Channel.API))


class PermanentRedirect(HttpResponsePermanentRedirect):
    """The same request, elsewhere: its method and body stay as they are (RFC 9110, section 15.4.9)."""

    status_code = 308


def urls() -> list[URLPattern | URLResolver]:
    """This function will return all addresses under /api/v1/."""
    return [
        *accesscontrol.api.addresses.urls(),
        *audit.api.addresses.urls(),
        *jobs.api.addresses.urls(),
        *backups.api.addresses.urls(),
        *catalog.api.beside.urls(),
        *catalog.api.addresses.urls(),
        path("docs/", api_docs.page, name="docs"),
        path("openapi.json", DocumentView.as_view(), name="openapi"),
        re_path("", csrf_exempt(nowhere)),
    ]


def refused(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """This function will write a refusal into the trail and answer it; of what is a fault of ours nothing is told."""
    view: ServiceView = context["view"]
    actor = view.actor
    refusal = _refusal_of(error, actor)
    try:
        refusals.record(actor, view.operation, view.table_name, refusal)
    except Error:
        logger.exception(
            "refusal_not_audited", user=actor.username, operation=view.operation, code=refusal.code
        )
    response = content.refuse(refusal, actor)
    if isinstance(refusal, AuthenticationRequired):
        response["WWW-Authenticate"] = CHALLENGE
    return response


def _refusal_of(error: Exception, actor: Actor) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, Error):
        connection.close()  # it may be broken; a sound one comes from the pool
        if refusal := faults.translate(error):
            return refusal
    logger.error("request_failed", exc_info=error)
    return InternalError(request_id=str(actor.request_id))
