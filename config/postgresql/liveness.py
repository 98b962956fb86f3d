"""Whether a connection of the pool still serves, without a round trip where that is certain enough.

A server that is gone has closed its end, which the socket tells at once. What goes silently, in a network, goes while
a connection rests: one that has rested is asked.
"""

from __future__ import annotations

import select
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import ConnectionPool

RESTED_S = 5

_last_used: WeakKeyDictionary[psycopg.Connection[Any], float] = WeakKeyDictionary()


def is_alive(connection: psycopg.Connection[Any]) -> bool:
    """This function will say whether a connection that the pool hands out works."""
    now = monotonic()
    used, _last_used[connection] = _last_used.get(connection), now
    if used is not None and now - used < RESTED_S and not _has_something_to_say(connection):
        return True
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True


def _has_something_to_say(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server wrote though nobody asked: that it ends, or has ended."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
