"""The database's faults that no caller is to blame for, in words that they can act on.

SQLSTATE classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from django.db import Error, InterfaceError, OperationalError

from accesscontrol.errors import Refused, TimedOut, Unavailable

_RETRY = "Try again; nothing was changed."


def translate(error: Error) -> Refused | None:
    """This function will return the refusal that says what happened, or None where `error` is a bug of ours."""
    state = getattr(error.__cause__, "sqlstate", None)
    match state:
        case "57014":
            return TimedOut(
                "The database stopped the operation: it took too long.", hint=_RETRY, outcome="none"
            )
        case "55P03":
            return TimedOut("Another transaction holds these rows.", hint=_RETRY, outcome="none")
        case "40P01" | "40001":
            return TimedOut("Another transaction got in the way of this one.", hint=_RETRY, outcome="none")
        case str() if state[:2] in {"08", "53", "57"}:
            return Unavailable(hint="Try again in a moment.", outcome="unknown")
        case None if isinstance(error, OperationalError | InterfaceError):
            return Unavailable(hint="Try again in a moment.", outcome="unknown")
        case _:
            return None
