"""How long a transaction may take, and whether its commit waits for the disk."""

from __future__ import annotations

from django.conf import settings
from django.db import connection

# Shared here; a restore takes it for itself. LOCK takes no snapshot: one taken behind it sees what the restore left.
OPEN_GATE = "LOCK TABLE app.restore_gate IN ACCESS SHARE MODE"


def begin(*, flushes: bool, writes: bool = False) -> None:
    """This function will set the limits of the current transaction, in one round trip for all of them.

    A statement that takes longer is stopped by PostgreSQL, and so is one that waits longer for a lock. Set for the
    transaction alone (SET LOCAL), they are right behind a pooler too. Without `flushes` the commit
    does not wait for the disk: for reads, which lose nothing but their audit row if the server dies. What
    `writes` waits for a restore of the whole catalog, and keeps one from beginning.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET LOCAL statement_timeout = {int(settings.STATEMENT_TIMEOUT_S * 1000)};"
            f"SET LOCAL lock_timeout = {int(settings.LOCK_TIMEOUT_S * 1000)};"
            f"SET LOCAL synchronous_commit = {'on' if flushes else 'off'}"
            f"{f';{OPEN_GATE}' if writes else ''}"
        )
