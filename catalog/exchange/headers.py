"""Which column each field of a file goes into: as its header names it, or as somebody has mapped it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from accesscontrol.errors import InvalidInput, LimitExceeded, did_you_mean, quoted
from catalog.table import Table

MAX_NAMES: Final = 500

Mapping_: TypeAlias = "Mapping[str, str | None]"
"""By the name of a field: the column it goes into, or None where it is left out."""


def named(table: Table, names: Sequence[str]) -> list[str]:
    """This function will return the columns that a header names, which must be columns of the table.

    :raises InvalidInput: it has others, or one twice
    """
    unknown = [name for name in names if name not in table.columns]
    if unknown:
        shown = ", ".join(repr(quoted(name)) for name in unknown[:10])
        raise InvalidInput(
            f"{table.name} has no column {shown}.{did_you_mean(unknown[0], table.columns)}",
            table=table.name,
            columns=[quoted(name) for name in unknown[:10]],
            allowed=list(table.columns),
        )
    _refuse_repeated(table, names, "The header has {} more than once.")
    return list(names)


def told_apart(names: Sequence[str]) -> list[str]:
    """This function will return the names of a header as people can tell them apart: none is empty, no two are one.

    :raises LimitExceeded: they are too many
    """
    if len(names) > MAX_NAMES:
        raise LimitExceeded(
            f"The file has {len(names):,} columns; at most {MAX_NAMES} can be read.",
            hint="Perhaps it is no table, or another character stands between its fields.",
            maximum=MAX_NAMES,
        )
    found: dict[str, None] = {}
    for place, name in enumerate(names, 1):
        wanted = " ".join(name.split())[:100] or f"column {place}"
        found[wanted if wanted not in found else f"{wanted} ({place})"] = None
    return list(found)


def mapped(table: Table, names: Sequence[str], mapping: Mapping_) -> list[str | None]:
    """This function will return the column of each field, None where it is left out.

    :raises InvalidInput: the mapping names what is not in the file or the table, one column twice, or nothing at all
    """
    known = told_apart(names)
    if missing := [name for name in mapping if name not in known]:
        raise InvalidInput(f"The file has no column {quoted(missing[0])!r}.", argument="mapping")
    targets = [mapping.get(name) for name in known]
    require_targets(table, targets)
    return targets


def require_targets(table: Table, targets: Sequence[str | None]) -> None:
    """This function will do nothing where fields can go into these columns.

    :raises InvalidInput: there is no such column, or one is filled twice, or none at all
    """
    taken = [name for name in targets if name is not None]
    for name in taken:
        table.column(name)
    if not taken:
        raise InvalidInput(f"Nothing of the file goes into {table.name}.", argument="mapping")
    _refuse_repeated(table, taken, "Two columns of the file go into {}.")


def _refuse_repeated(table: Table, names: Sequence[str], words: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidInput(words.format(", ".join(repeated)), table=table.name, columns=repeated)
