"""What one user has been granted, read in one query, and again only where anybody's rights have changed since.

app.access_version (migration 0008) holds a mark that every such change replaces, in its own transaction. The mark is
read anew at the beginning of each operation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import connection
from django.db.backends.utils import CursorWrapper

Row = tuple[str | None, str, list[str]]  # of app.grants_of

NOWHERE = ""  # the table of a right on the whole

# A function of the database (migration 0007): every call asks, and its plan is kept there. The user comes first, by
# name, where the account is active; then each right with what gives it and the tables it is on; then the rules on
# columns; last the operations without plans.
_ROWS = "SELECT codename, origin, tables FROM app.grants_of(%s)"


@dataclass(frozen=True)
class Grants:
    """A user's rights: where each comes from, by (right, table)."""

    is_active: bool = False
    is_superuser: bool = False
    username: str | None = None  # as it is now; None where the account is disabled or gone
    # ("update", "books"): ["role Editor"]. A disabled account has them too: they come back with it.
    sources: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    rules: dict[tuple[str, str], dict[str, set[str]]] = field(default_factory=dict)  # see `restricted`
    freed: frozenset[str] = frozenset()  # operations that some role does without a plan

    def source(self, right: str, table: str = NOWHERE) -> str | None:
        """This function will return what grants the right ("role Editor"), or None when nothing does."""
        return min(self.sources.get((right, table), ()), default=None) if self.is_active else None

    def tables(self, right: str) -> frozenset[str]:
        """This function will return the names of the tables on which something grants the right."""
        granted = self.sources if self.is_active else ()
        return frozenset(table for name, table in granted if name == right and table != NOWHERE)

    def restricted(self, access: str, right: str, table: str) -> frozenset[str]:
        """This function will return the columns of a table that are "hidden" or "read_only" to the user.

        A column is so only where every role that grants `right` on the table says so: one role that
        does not is enough to see it, as one is enough to be granted a right. Where none grants it, every
        role that grants anything on the table counts. What a role may not see it may not set either.
        """
        if not self.rules:
            return frozenset()
        granting = set(self.sources.get((right, table), ())) or self._granting_anything(table)
        saying: dict[str, set[str]] = {}
        for rule in {access, "hidden"}:
            for column, roles in self.rules.get((rule, table), {}).items():
                saying.setdefault(column, set()).update(roles)
        return frozenset(column for column, roles in saying.items() if granting and granting <= roles)

    def _granting_anything(self, table: str) -> set[str]:
        """What grants the user any right on a table."""
        return {source for (_, name), found in self.sources.items() if name == table for source in found}


@dataclass(frozen=True)
class Known:
    """What a user had been granted under a mark."""

    mark: str
    grants: Grants


_MAX_KNOWN = 1_000  # users; beyond it all are read anew
_known: dict[int, Known] = {}


def known(member: int) -> Known | None:
    """This function will return what a user had been granted when it was last read, which may be no longer true."""
    return _known.get(member)


def as_of(mark: str, member: int, cursor: CursorWrapper) -> Grants:
    """This function will return what a user has been granted under the mark of now, which was just read."""
    last = known(member)
    if last is None or last.mark != mark:
        # What changes between the two statements is known under an old mark, and read again.
        cursor.execute(_ROWS, [member])
        last = Known(mark, read(cursor.fetchall()))
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        _known[member] = last
    return last.grants


def load(user: User) -> Grants:
    """This function will read a user's state and grants as they are now, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [user.pk])
        return read(cursor.fetchall())


def read(rows: Iterable[Row]) -> Grants:
    """This function will return what the rows of app.grants_of say."""
    is_active = is_superuser = False
    username: str | None = None
    sources: dict[tuple[str, str], list[str]] = {}
    rules: dict[tuple[str, str], dict[str, set[str]]] = {}
    freed: frozenset[str] = frozenset()
    for right, source, tables in rows:
        if right is None:
            is_active, is_superuser, (username,) = True, source == "superuser", tables
        elif right.startswith("column "):
            access = right.removeprefix("column ")
            for name, column in (table.split(".") for table in tables):
                rules.setdefault((access, name), {}).setdefault(column, set()).add(source)
        elif right == "no plan":
            freed = frozenset(tables)
        else:
            for table in tables:
                sources.setdefault((right, table), []).append(source)
    return Grants(is_active, is_superuser, username, sources, rules, freed)
