"""What a key or a token may at most: rights, each everywhere or on one table, beside those that its user has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from accesscontrol.grants import NOWHERE
from accesscontrol.policy import Operation, Right

MAX_SCOPES = 300  # more than there are operations on all tables
_TABLE = re.compile("[a-z_][a-z0-9_]{0,62}")
PATTERN = f"^(({'|'.join(Operation)})(:{_TABLE.pattern})?|{'|'.join(Right)})$"  # of one, for JSON schemas


@dataclass(frozen=True)
class Scope:
    """Rights as (right, table); the table is NOWHERE for one on every table, or on the whole.

    It grants nothing: the policy asks it beside the roles.
    """

    rights: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Scope:
        """This function will return the scope that is written as texts of ours, such as "read" and "update:books"."""
        parts = (text.partition(":") for text in texts)
        return cls(frozenset((right, table) for right, _colon, table in parts))

    @property
    def texts(self) -> list[str]:
        """The scope as texts, without those that others hold already."""
        least = {(right, table) for right, table in self.rights if not self._is_elsewhere(right, table)}
        return sorted(f"{right}:{table}" if table else right for right, table in least)

    def includes(self, right: str, table: str = NOWHERE) -> bool:
        """This function will say whether the scope has a right on a table, or on every table."""
        return (right, NOWHERE) in self.rights or (right, table) in self.rights

    def touches(self, right: str) -> bool:
        """This function will say whether the scope has a right anywhere."""
        return any(known == right for known, _table in self.rights)

    def covers(self, other: Scope) -> bool:
        """This function will say whether the scope has all that another has."""
        return all(self.includes(*right) for right in other.rights)

    def __and__(self, other: Scope) -> Scope:
        """This function will return what both scopes have."""
        return Scope(
            frozenset(
                {right for right in self.rights if other.includes(*right)}
                | {right for right in other.rights if self.includes(*right)}
            )
        )

    def _is_elsewhere(self, right: str, table: str) -> bool:
        return table != NOWHERE and (right, NOWHERE) in self.rights


def parse(texts: object) -> Scope:
    """This function will return the scope that a caller wrote: whether there are such tables, the face knows.

    :raises InvalidInput: no list of texts, an empty or endless one, or a right that there is not
    """
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise InvalidInput("scopes must be a list of texts.", argument="scopes")
    if not 0 < len(texts) <= MAX_SCOPES:
        raise InvalidInput(f"scopes must have 1 to {MAX_SCOPES} members.", argument="scopes")
    return Scope(frozenset(map(_right, texts)))


def narrowed(mine: Scope | None, given: Scope | None) -> Scope | None:
    """This function will return what is left of a credential's scope for what is made of it; None is all.

    :raises InvalidInput: more is wanted than there is
    """
    if mine is None or given is None:
        return given or mine
    if not mine.covers(given):
        more = sorted(text for text in given.texts if not mine.covers(Scope.of([text])))
        raise InvalidInput(
            f"This is more than the key or token may do: {', '.join(more[:5])}.",
            argument="scopes",
            scopes=more,
        )
    return given


def _right(text: str) -> tuple[str, str]:
    right, colon, table = text.partition(":")
    if right in set(Operation) and (not colon or _TABLE.fullmatch(table)):
        return right, table
    if right in set(Right) and not colon:
        return right, NOWHERE
    known = [*Operation, *Right]
    raise InvalidInput(
        f"There is no scope {quoted(text)!r}.{did_you_mean(right, known)}",
        hint="A right, such as read or view_audit; a right on tables may name one, as in update:books.",
        argument="scopes",
        allowed=[str(right) for right in known],
    )
