"""One operation: one transaction, one audit row in it, one translation of the database's faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from time import perf_counter
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import uuid4

from django.db import Error, connection, transaction

from accesscontrol import policy
from audit import answers, at_once, faults, timeouts, trail
from audit.answers import Answer, Once
from audit.at_once import NotAtOnce, Reading
from audit.trail import Entry

P = ParamSpec("P")
R = TypeVar("R")
Function = Callable[Concatenate[Entry, P], R]

MAX_ATTEMPTS = 3  # of an operation that another transaction, or a lost connection, got in the way of
MAX_AFFECTED = 1_000


@dataclass(frozen=True)
class Terms:
    """On what terms a caller wants a write: what every write takes beside its own arguments."""

    dry_run: bool = False  # do it, tell what it would do, and take it back
    max_affected: int = MAX_AFFECTED  # refuse to write more records than this
    idempotency_key: str | None = None  # a second call with the same key gets the first one's answer


DEFAULT_TERMS = Terms()


def audited(
    name: str,
    *,
    writes: type[Answer] | None = None,
    reads: Callable[..., Reading[Any] | None] | None = None,
) -> Callable[[Function[P, R]], Callable[P, R]]:
    """This function will make a service out of a function that takes an audit Entry first.

    The service runs in one transaction, and its audit row is the transaction's last statement: if the
    row can't be written, nothing commits and nothing is answered. A write's commit waits for the
    disk, a read's does not. Services take keywords only, `actor` and perhaps `table` among them.

    `writes` is the type of a write's answer. A write has a change_id, and takes `terms`: a dry run works
    under a savepoint and rolls back to it before its audit row is written (sequences may have moved).

    `reads` returns, for the arguments of a read, the one statement that answers them as the function would, or
    None where it takes more; it asks the database nothing. That statement is then the whole transaction: see
    audit.at_once. Where it can't be, the function does it.

    What another transaction got in the way of (40001, 40P01) is done again, at most three times in all,
    unless the caller's own transaction is around it; so is a read whose connection was lost before its
    commit was sent, or with it: then it may have been read twice, and has two audit rows.

    :raises AuthenticationRequired: the actor's account is disabled
    :raises Refused: whatever the function raises, and the database's faults in our words
    """

    def decorate(function: Function[P, R]) -> Callable[P, R]:
        @wraps(function)
        def service(*args: P.args, **kwargs: P.kwargs) -> R:
            attempts = 1 if connection.in_atomic_block else MAX_ATTEMPTS
            while True:
                attempts -= 1
                run = _Run(name, writes, reads)
                try:
                    return run.of(function, *args, **kwargs)
                except Error as error:
                    if attempts and (faults.is_transient(error) or run.may_be_read_again(error)):
                        continue
                    refusal = faults.translate(error, is_committing=run.is_committing)
                    if refusal is None:
                        raise
                    raise refusal from error

        return service

    return decorate


@dataclass
class _Run:
    """One attempt at an operation, in its transaction."""

    name: str
    writes: type[Answer] | None
    reads: Callable[..., Reading[Any] | None] | None
    has_begun: bool = False
    is_committing: bool = False

    def may_be_read_again(self, error: Error) -> bool:
        """This function will say whether this was a read that lost its connection, and has not sent its commit."""
        is_open = self.has_begun and not self.is_committing
        return self.writes is None and is_open and faults.is_connection_lost(error)

    def of(self, function: Function[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function of a service, and write its audit row."""
        if self.reads is not None:
            connection.ensure_connection()
            self.has_begun = True
            with suppress(NotAtOnce):
                return at_once.read(self.name, self.reads, kwargs)  # type: ignore[no-any-return] # the function's own
            self.has_begun = False
        entry = _entry(self.name, kwargs)
        terms: Any = kwargs.get("terms") or DEFAULT_TERMS
        is_outermost = not connection.in_atomic_block
        started = perf_counter()
        with transaction.atomic(), connection.cursor() as cursor:  # one for both: to make it takes its time
            # A read inside a larger transaction leaves it to that how to commit.
            writes = self.writes is not None
            timeouts.begin(entry.actor, flushes=writes or not is_outermost, writes=writes, cursor=cursor)
            self.has_begun = True
            if entry.actor.user:
                policy.require_account(entry.actor)
            if self.writes is None:
                result = function(entry, *args, **kwargs)
            else:
                result = self._write(entry, terms, function, *args, **kwargs)
            entry.execution_time_ms = (perf_counter() - started) * 1000
            trail.record(entry, cursor)
            self.is_committing = True
        return result

    def _write(
        self, entry: Entry, terms: Terms, function: Function[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What a write answers: anew, tried only, or as it answered before."""
        entry.change_id = uuid4()
        if terms.dry_run:
            entry.dry_run = True
            return _tried(function, entry, *args, **kwargs)
        if terms.idempotency_key is None or self.writes is None:
            return function(entry, *args, **kwargs)
        once = Once(entry.actor, terms.idempotency_key, entry.operation, kwargs)
        kept: Any = answers.repeated(entry, once, self.writes)
        if kept is not None:
            return kept  # type: ignore[no-any-return] # what this function answered before
        result: Any = function(entry, *args, **kwargs)
        once.keep(result.dump(), entry.change_id)
        return result  # type: ignore[no-any-return] # the function's own


def _tried(function: Function[P, R], entry: Entry, *args: P.args, **kwargs: P.kwargs) -> R:
    """What the function would answer; what it did is taken back."""
    savepoint = transaction.savepoint()
    result = function(entry, *args, **kwargs)
    transaction.savepoint_rollback(savepoint)
    return result


def _entry(name: str, arguments: Mapping[str, Any]) -> Entry:
    """The entry of a call: a table is given as such, or by its name."""
    table = arguments.get("table")
    return Entry(arguments["actor"], name, table_name=getattr(table, "name", table))
