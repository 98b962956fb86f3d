"""Every way a request can be refused; faces translate the base class in one place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, ClassVar

MAX_QUOTED_CHARS = 80


class Refused(Exception):
    """The request was understood and refused; the message is safe to show the caller.

    Anything else that escapes a service is a bug: faces let it crash and log it.
    """

    code: ClassVar[str]
    status: ClassVar[int]

    def __init__(self, message: str | None = None, /, *, hint: str | None = None, **details: Any) -> None:
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.hint = hint
        self.details = details  # table, column, allowed, limit …: JSON values only
        super().__init__(self.message)

    def as_dict(self) -> dict[str, Any]:
        """This function will return the one error object that every face sends."""
        return {
            "error": True,
            "code": self.code,
            "message": self.message,
            "details": self.details,
            "hint": self.hint,
        }


class InvalidInput(Refused):
    """The request is not valid."""

    code, status = "VALIDATION_ERROR", 400


class AuthenticationRequired(Refused):
    """Log in or present a valid key first."""

    code, status = "AUTHENTICATION_REQUIRED", 401


class Forbidden(Refused):
    """You may not do this."""

    code, status = "PERMISSION_DENIED", 403


class ReadOnlyTable(Refused):
    """This table is read only: nobody writes it through this application."""

    code, status = "READ_ONLY_TABLE", 403


class NotFound(Refused):
    """There is no such record."""

    code, status = "NOT_FOUND", 404


class MethodNotAllowed(Refused):
    """This address does not take such requests."""

    code, status = "METHOD_NOT_ALLOWED", 405


class NotAcceptable(Refused):
    """There is no answer in a form that the request accepts."""

    code, status = "UNSUPPORTED", 406


class Conflict(Refused):
    """The present state of the data does not allow this."""

    code, status = "CONFLICT", 409


class ConfirmationRequired(Refused):
    """This destroys much: read the plan, and call again with its plan_token."""

    code, status = "CONFIRMATION_REQUIRED", 409


class LengthRequired(Refused):
    """The request must say how long its body is: the header Content-Length."""

    code, status = "LENGTH_REQUIRED", 411


class PreconditionFailed(Refused):
    """The record is no longer as the request's If-Match says: read it again."""

    code, status = "PRECONDITION_FAILED", 412


class TooLarge(Refused):
    """The request is larger than this server takes."""

    code, status = "TOO_LARGE", 413


class UnsupportedContent(Refused):
    """The request's content is of a type that is not taken here."""

    code, status = "UNSUPPORTED", 415


class RangeNotSatisfiable(Refused):
    """The file has no such part."""

    code, status = "RANGE_NOT_SATISFIABLE", 416


class LimitExceeded(Refused):
    """The request touches more than one call may."""

    code, status = "LIMIT_EXCEEDED", 422


class RateLimited(Refused):
    """There were too many requests, or they cost too much."""

    code, status = "RATE_LIMITED", 429
    levels: tuple[Any, ...] = ()  # of the caller's limits, for a face that shows them


class TimedOut(Refused):
    """The database took too long, or another transaction held the rows; nothing was changed."""

    code, status = "TIMEOUT", 503


class Unavailable(Refused):
    """The database cannot be reached at the moment."""

    code, status = "UNAVAILABLE", 503


class InternalError(Refused):
    """Something went wrong on our side; it has been logged under this request's id."""

    code, status = "INTERNAL", 500


def quoted(value: object) -> str:
    """This function will return what a caller sent, short enough for a message to repeat; no text by its type."""
    return value[:MAX_QUOTED_CHARS] if isinstance(value, str) else f"({type(value).__name__})"


def did_you_mean(name: object, allowed: Iterable[str]) -> str:
    """This function will return a sentence (after a space) that proposes the nearest allowed names, or ''."""
    by_letters = {candidate.lower(): candidate for candidate in allowed}
    near = difflib.get_close_matches(quoted(name).lower(), list(by_letters), n=3)
    return f" Did you mean {' or '.join(by_letters[letters] for letters in near)}?" if near else ""
