"""One operation: one transaction, one audit row in it, one translation of the database's faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from time import perf_counter
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import Error, connection, transaction

from accesscontrol.errors import Refused
from audit import faults, trail
from audit.trail import Entry

P = ParamSpec("P")
R = TypeVar("R")


def audited(
    name: str, *, writes: bool = False
) -> Callable[[Callable[Concatenate[Entry, P], R]], Callable[P, R]]:
    """This function will make a service out of a function that takes an audit Entry first.

    The service runs in one transaction, and its audit row is the transaction's last statement: if the
    row can't be written, nothing commits and nothing is answered. A write's commit waits for the
    disk, a read's does not. Services take keywords only, `actor` and perhaps `table` among them.

    :raises Refused: whatever the function raises, and the database's faults in our words
    """

    def decorate(function: Callable[Concatenate[Entry, P], R]) -> Callable[P, R]:
        @wraps(function)
        def service(*args: P.args, **kwargs: P.kwargs) -> R:
            entry = _entry(name, kwargs)
            is_outermost = not connection.in_atomic_block
            is_committing = False
            started = perf_counter()
            try:
                with transaction.atomic():
                    result = function(entry, *args, **kwargs)
                    entry.execution_time_ms = (perf_counter() - started) * 1000
                    # A read inside a larger transaction leaves it to that how to commit.
                    trail.record(entry, flush=writes or not is_outermost)
                    is_committing = True
            except Error as error:
                refusal: Refused | None = faults.translate(error, is_committing=is_committing)
                if refusal is None:
                    raise
                raise refusal from error
            return result

        return service

    return decorate


def _entry(name: str, arguments: Mapping[str, Any]) -> Entry:
    """The entry of a call: a table is given as such, or by its name."""
    table = arguments.get("table")
    return Entry(arguments["actor"], name, table_name=getattr(table, "name", table))
