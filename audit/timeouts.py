"""How long a transaction may take, and whether its commit waits for the disk."""

from __future__ import annotations

from contextlib import nullcontext

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

from accesscontrol import grants
from accesscontrol.actor import Actor

# Shared here; a restore takes it for itself. LOCK takes no snapshot: one taken behind it sees what the restore left.
OPEN_GATE = "LOCK TABLE app.restore_gate IN ACCESS SHARE MODE"


_BEGIN = "SELECT codename, origin, tables FROM app.begin_operation(%s, %s, %s, %s, %s, %s)"  # migration 0011


def begin(actor: Actor, *, flushes: bool, writes: bool = False, cursor: CursorWrapper | None = None) -> None:
    """This function will set the limits of the current transaction, and read what the actor may do, in one round trip.

    A statement that takes longer is stopped by PostgreSQL, and so is one that waits longer for a lock. Set for the
    transaction alone (SET LOCAL), they are right behind a pooler too. Without `flushes` the commit
    does not wait for the disk: for reads, which lose nothing but their audit row if the server dies. What
    `writes` waits for a restore of the whole catalog, and keeps one from beginning. Whoever goes on with a
    cursor brings it.
    """
    member = None if actor.has_grants or actor.user is None else actor.user.pk
    known = grants.known_of(member)
    limits = [int(limit * 1000) for limit in (settings.STATEMENT_TIMEOUT_S, settings.LOCK_TIMEOUT_S)]
    with nullcontext(cursor) if cursor else connection.cursor() as used:
        used.execute(_BEGIN, [member, known.version if known else None, *limits, flushes, writes])
        rows = used.fetchall()
    if member is not None:
        found = grants.learn(member, rows, known)
        actor.know(found.grants, found.version)
