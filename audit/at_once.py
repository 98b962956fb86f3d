"""Reads of one statement that takes the audit row along: one round trip, where an operation otherwise has five.

The statement is a transaction by itself. It does its work only where all is as an operation would have it: the rights
that it was made with are those of now, and the limits of time hold. Otherwise it finds and writes nothing, and the
operation takes place in the ordinary way; so it does where anything is refused, by who knows the rights of now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from time import perf_counter
from typing import Any, Generic, TypeVar

from django.db import Error, connection

from accesscontrol import grants
from accesscontrol.actor import Actor
from accesscontrol.errors import Refused
from audit import faults, timeouts, trail
from audit.rows import Asking, Joined, Rows
from audit.trail import Entry

R = TypeVar("R")

# {0} and {1} are limits as PostgreSQL shows them. What is found is one text: a row for each record would take longer.
_WHOLE = """
WITH going AS MATERIALIZED (
    SELECT version::text = %s
           AND current_setting('statement_timeout') = '{0}' AND current_setting('lock_timeout') = '{1}'
           AND set_config('synchronous_commit', 'off', true) = 'off'{epoch} AS good
      FROM app.access_version
), records({columns}) AS MATERIALIZED (
    SELECT * FROM ({statement}) s WHERE (SELECT good FROM going)
), told AS (
    {along} FROM going, (SELECT count(*) AS found FROM records) counted WHERE good
)
SELECT good, (SELECT count(*) FROM records), (SELECT {mark} FROM records OFFSET {most} - 1 LIMIT 1),
       (SELECT string_agg(record, ',') FROM (SELECT record FROM records LIMIT {most}) shown)
  FROM going
"""
_SAME_EPOCH = " AND NOT EXISTS (SELECT FROM app.audit_epoch WHERE started_at >= %s)"


class NotAtOnce(Exception):
    """The operation has to take place in the ordinary way."""


@dataclass(frozen=True)
class Reading(Generic[R]):
    """A read that one statement does, and what the trail tells of it."""

    asking: Asking
    answer: Callable[[Rows, bool], R]  # of the records, and whether there are more
    most: int  # records that the answer has, however many the statement finds
    query_hash: str | None = None
    record_id: str | None = None  # of what is found, if it is
    since: datetime | None = None  # the catalog must not have been restored after it


def read(name: str, prepare: Callable[..., Reading[R] | None], arguments: Mapping[str, Any]) -> R:
    """This function will do the reading that the arguments come to, and write its audit row, in one statement.

    :raises NotAtOnce: nothing was read or written
    :raises django.db.Error: the statement failed
    """
    started = perf_counter()
    actor: Actor = arguments["actor"]
    known = grants.known(actor.user.pk) if actor.user else None
    if known is None or connection.in_atomic_block or not actor.assume(known.grants, known.mark):
        raise NotAtOnce
    try:
        reading = _prepared(prepare, arguments)
        entry = Entry(
            actor,
            name,
            arguments["table"].name,
            reading.record_id,
            reading.most,
            query_hash=reading.query_hash,
        )
        entry.execution_time_ms = (perf_counter() - started) * 1000
        rows, is_more = _found(reading, known.mark, entry)
    except (NotAtOnce, Error):
        actor.forget()
        raise
    actor.count(len(rows))
    return reading.answer(rows, is_more)


def _prepared(prepare: Callable[..., Reading[R] | None], arguments: Mapping[str, Any]) -> Reading[R]:
    """What is to be read, by the rights that are assumed: nobody is refused by those."""
    try:
        reading = prepare(**arguments)
    except Refused as refusal:
        raise NotAtOnce from refusal
    if reading is None:
        raise NotAtOnce
    return reading


def _found(reading: Reading[Any], mark: str, entry: Entry) -> tuple[Rows, bool]:
    """What the statement finds, and whether there is more."""
    if (limits := timeouts.as_shown()) is None:
        timeouts.keep()
        raise NotAtOnce
    asked, most, has_epoch = reading.asking, reading.most, reading.since is not None
    statement = _whole(asked.text, *limits, most=most, has_marks=asked.has_marks, has_epoch=has_epoch)
    epoch = (reading.since,) if has_epoch else ()
    is_good, count, last_mark, text = _fetched(
        statement, (mark, *epoch, *asked.parameters, *trail.values(entry))
    )
    if not is_good:
        timeouts.keep()  # in case it was these
        raise NotAtOnce
    return Joined(text or "", min(count, most), last_mark), count > most


def _fetched(statement: str, parameters: Sequence[Any]) -> tuple[Any, ...]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchone()  # type: ignore[no-any-return] # Django leaves it open
    except Error as error:
        if faults.is_connection_lost(error):
            connection.close()  # where a transaction is around it, Django does so
        raise


@lru_cache(maxsize=512)
def _whole(
    statement: str, statement_limit: str, lock_limit: str, *, most: int, has_marks: bool, has_epoch: bool
) -> str:
    return _WHOLE.format(
        statement_limit,
        lock_limit,
        epoch=_SAME_EPOCH if has_epoch else "",
        columns="record, mark" if has_marks else "record",
        mark="mark" if has_marks else "record",
        most=most,
        statement=statement,
        along=trail.ALONG,
    )
