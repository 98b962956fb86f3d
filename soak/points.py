"""What the tables hold in the very snapshot of a backup, row by row; and what a scheme by `updated_at` makes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

from psycopg import Connection, sql

from backups import snapshot
from backups.snapshot import Snapshot
from catalog import registry

NAIVE: Final = ("authors", "books", "chapters", "locations", "writing_goals")
"""Tables with `updated_at`, whose rows the scheme by it is tried on."""

_ROWS: Final = 'COPY (SELECT t::text FROM public.{} t ORDER BY t::text COLLATE "C") TO STDOUT'
_NEWER: Final = "SELECT id, t::text FROM public.{} t WHERE updated_at > %s"
_ALL: Final = "SELECT id, t::text FROM public.{} t"

Digests = dict[str, str]


def digests(connection: Connection[Any]) -> Digests:
    """This function will return the sha256 of each table's sorted rows, as the connection's transaction sees them."""
    found = {}
    with connection.cursor() as cursor:
        for table in registry.names():
            digest = hashlib.sha256()
            with cursor.copy(sql.SQL(_ROWS).format(sql.Identifier(table))) as rows:
                for block in rows:
                    digest.update(block)
            found[table] = digest.hexdigest()
    return found


@dataclass
class Naive:
    """Backups of what was changed since the last by the clock: what many do, and what is to be seen to fail."""

    _since: Any = None
    _kept: dict[str, dict[int, str]] = field(default_factory=dict)

    def wrong(self, connection: Connection[Any], at: Any) -> int:
        """This function will make another, and return how many rows it has too many, too few, or as they were."""
        wrong = 0
        for table in NAIVE:
            kept, name = self._kept.setdefault(table, {}), sql.Identifier(table)
            if self._since is None:
                rows = connection.execute(sql.SQL(_ALL).format(name)).fetchall()
            else:
                rows = connection.execute(sql.SQL(_NEWER).format(name), [self._since]).fetchall()
            kept.update(dict(rows))
            true = dict(connection.execute(sql.SQL(_ALL).format(name)).fetchall())
            wrong += sum(kept.get(key) != true.get(key) for key in kept.keys() | true.keys())
        self._since = at
        return wrong


@dataclass
class Points:
    """What was seen in each snapshot; `last` is that of the last backup."""

    last: Digests = field(default_factory=dict)
    naive: Naive = field(default_factory=Naive)
    naive_wrong: list[int] = field(default_factory=list)


@contextmanager
def watching() -> Iterator[Points]:
    """This function will look at each snapshot that this process takes for a backup, before it is used."""
    points, take = Points(), snapshot.take

    @contextmanager
    def looked(*arguments: Any, **options: Any) -> Iterator[Snapshot]:
        with take(*arguments, **options) as moment:
            points.last = digests(moment.connection)
            points.naive_wrong.append(points.naive.wrong(moment.connection, moment.taken_at))
            yield moment

    with patch.object(snapshot, "take", looked):
        yield points
