"""How long a transaction may take, and whether its commit waits for the disk."""

from __future__ import annotations

from contextlib import nullcontext
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

from accesscontrol import grants
from accesscontrol.actor import Actor

# Shared here; a restore takes it for itself. LOCK takes no snapshot: one taken behind it sees what the restore left.
OPEN_GATE = "LOCK TABLE app.restore_gate IN ACCESS SHARE MODE"
_MARK = "version::text FROM app.access_version"

_as_shown: Final[dict[tuple[int, int], tuple[str, str]]] = {}  # limits in ms, as PostgreSQL tells of them


def begin(actor: Actor, *, flushes: bool, writes: bool = False, cursor: CursorWrapper | None = None) -> None:
    """This function will set the limits of the current transaction, and learn what the actor may do, in one round trip.

    A statement that takes longer is stopped by PostgreSQL, and so is one that waits longer for a lock. Set for the
    transaction alone, they are right behind a pooler too. Without `flushes` the commit
    does not wait for the disk: for reads, which lose nothing but their audit row if the server dies. What
    `writes` waits for a restore of the whole catalog, and keeps one from beginning. Whoever goes on with a
    cursor brings it. Where anybody's rights have changed, a second round trip reads the actor's anew.
    """
    with nullcontext(cursor) if cursor else connection.cursor() as used:
        used.execute(_beginning(*_limits_ms(), flushes=flushes, writes=writes))
        *_, mark = used.set_result(-1).fetchone()
        if actor.user is not None and not actor.has_grants:
            actor.know(grants.as_of(mark, actor.user.pk, used), mark)


def keep() -> None:
    """This function will set the same limits for the session, for statements that are transactions by themselves.

    Behind a pooler the session may be another's the next time: who relies on it asks whether they are `as_shown`.
    """
    limits = _limits_ms()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
            [str(limit) for limit in limits],
        )
        statement, lock = cursor.fetchone()
    _as_shown[limits] = statement, lock


def as_shown() -> tuple[str, str] | None:
    """This function will return how current_setting tells of the limits; None where they were never kept."""
    return _as_shown.get(_limits_ms())


def _limits_ms() -> tuple[int, int]:
    return int(settings.STATEMENT_TIMEOUT_S * 1000), int(settings.LOCK_TIMEOUT_S * 1000)


@lru_cache
def _beginning(statement_ms: int, lock_ms: int, *, flushes: bool, writes: bool) -> str:
    """With what a transaction begins. Its last result ends with the mark, which is read behind the gate.

    Without parameters, so that it may be several statements; one alone is prepared by the driver.
    """
    limits = (
        f"set_config('statement_timeout', '{statement_ms}', true), set_config('lock_timeout', '{lock_ms}', true),"
        f" set_config('synchronous_commit', '{'on' if flushes else 'off'}', true)"
    )
    if writes:
        return f"SELECT {limits}; {OPEN_GATE}; SELECT {_MARK}"
    return f"SELECT {limits}, {_MARK}"
