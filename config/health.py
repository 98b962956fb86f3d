"""Tells a load balancer, and whoever waits for the start, whether the server can work."""

from __future__ import annotations

import logging
from typing import Final

import psycopg
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

CONNECT_TIMEOUT_S: Final = 2
log = logging.getLogger(__name__)


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers, else 503; strangers are told nothing more.

    The connection is its own: a pool that is used up makes callers wait, but is no reason to end the process.
    """
    try:
        with psycopg.connect(settings.DATABASE_URL, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        log.warning("The database does not answer: %s", error)
        return JsonResponse({"status": "unavailable"}, status=503)
    return JsonResponse({"status": "ok"})
