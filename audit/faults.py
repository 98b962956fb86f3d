"""The database's faults that no caller is to blame for, in words that they can act on.

SQLSTATE classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from django.db import Error, InterfaceError, OperationalError

from accesscontrol.errors import Refused, TimedOut, Unavailable

_RETRY = "Try again; nothing was changed."
_RETRY_LATER = "Try again in a moment; nothing was changed."
_LOOK_FIRST = "It may have been done: look before you try again."


def is_transient(error: Error) -> bool:
    """This function will say whether the same operation may well succeed when it is done again."""
    return getattr(error.__cause__, "sqlstate", None) in {"40001", "40P01"}


def is_connection_lost(error: Error) -> bool:
    """This function will say whether a connection that was open is gone: another one may do what this one can't."""
    state = getattr(error.__cause__, "sqlstate", None)
    if state is None:
        return isinstance(error, OperationalError | InterfaceError)
    return state[:2] == "08" or state in {"57P01", "57P02"}


def translate(error: Error, *, is_committing: bool = False) -> Refused | None:
    """This function will return the refusal that says what happened, or None where `error` is a bug of ours.

    A connection lost while a transaction `is_committing` leaves open whether it did.
    """
    state = getattr(error.__cause__, "sqlstate", None)
    match state:
        case "57014" | "25P04":  # statement_timeout or a cancelled query, transaction_timeout
            return TimedOut(
                "The database stopped the operation: it took too long.", hint=_RETRY, outcome="none"
            )
        case "55P03":
            return TimedOut("Another transaction holds these rows.", hint=_RETRY, outcome="none")
        case "40P01" | "40001":
            return TimedOut("Another transaction got in the way of this one.", hint=_RETRY, outcome="none")
        case str() if state[:2] in {"08", "53", "57"} or state == "25P03":
            return _unavailable(is_committing)
        case None if isinstance(error, OperationalError | InterfaceError):
            return _unavailable(is_committing)
        case _:
            return None


def _unavailable(is_committing: bool) -> Unavailable:
    if is_committing:
        return Unavailable(hint=_LOOK_FIRST, outcome="unknown")
    return Unavailable(hint=_RETRY_LATER, outcome="none")
