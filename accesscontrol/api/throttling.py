"""How the API tells of limits: RateLimit fields on every answer, and when to try again on one that is refused.

The fields are those of draft-ietf-httpapi-ratelimit-headers: RateLimit-Policy says what the limits are, RateLimit what
is left of each, and in how many seconds all of it is there again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from time import perf_counter
from typing import TYPE_CHECKING

import structlog
from django.db import Error
from django.http import FileResponse
from django.http.response import HttpResponseBase
from rest_framework.permissions import SAFE_METHODS

from accesscontrol import throttling
from accesscontrol.errors import AuthenticationRequired, RateLimited
from accesscontrol.leases import Level
from accesscontrol.limits import Limit, Work, work_of

if TYPE_CHECKING:
    from accesscontrol.api.view import ServiceView

logger = structlog.get_logger(__name__)


class Meter:
    """The limits that one request counts against, and what it costs."""

    def __init__(self) -> None:
        self._levels: tuple[Level, ...] = ()
        self._retry_after_s: int | None = None
        self._started: float | None = None

    def start(self) -> None:
        """This function will begin to take the time."""
        self._started = perf_counter()

    def count(self, view: ServiceView) -> None:
        """This function will let a request in, as what it is known to be by now.

        :raises RateLimited: the caller has had too much
        """
        self._levels = throttling.take(
            view.actor, work_of(view.operation, reads=view.request.method in SAFE_METHODS)
        )

    def judge(self, view: ServiceView, refusal: Exception) -> Exception:
        """This function will count a key or token that is no good, and return what its sender is told."""
        if isinstance(refusal, AuthenticationRequired) and "HTTP_AUTHORIZATION" in view.request.META:
            try:
                throttling.attempt(view.actor)
            except RateLimited as limited:
                refusal = limited
            except Error:
                logger.warning("attempt_not_counted", exc_info=True)
        if isinstance(refusal, RateLimited):
            self._levels = refusal.levels
            self._retry_after_s = refusal.details["retry_after_s"]
        return refusal

    def finish(self, view: ServiceView, answer: HttpResponseBase) -> None:
        """This function will tell of the limits in an answer, and note what it has cost."""
        for name, value in fields(self._levels):
            answer[name] = value
        if self._retry_after_s is not None:
            answer["Retry-After"] = str(self._retry_after_s)
            return
        if answer.streaming and not isinstance(answer, FileResponse):
            # Django has no public way to be told of the end before connections go back to the pool.
            answer._resource_closers.append(partial(self._charge, view))  # type: ignore[attr-defined] # noqa: SLF001
        else:
            self._charge(view)

    def _charge(self, view: ServiceView) -> None:
        if self._started is not None:
            throttling.charge(view.actor, perf_counter() - self._started)


def fields(levels: Sequence[Level]) -> list[tuple[str, str]]:
    """This function will return the fields that tell of limits on requests; costs are told to who exceeds them."""
    shown = [level for level in levels if isinstance(level.limit.kind, Work)]
    if not shown:
        return []
    left = [f'"{level.limit.name}";r={level.left};t={level.full_in_whole_s}' for level in shown]
    policies = _policies(*(level.limit for level in shown))
    return [("RateLimit-Policy", policies), ("RateLimit", ", ".join(left))]


@lru_cache(maxsize=64)
def _policies(*limits: Limit) -> str:
    """What the limits are, which the setting alone says."""
    return ", ".join(f'"{limit.name}";q={limit.amount};w={limit.period_s}' for limit in limits)
