"""What a record's columns held when somebody looked at it: short digests, to tell later whether they still do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from accesscontrol.errors import Conflict
from catalog.services import kinds
from catalog.services.rows import Record
from catalog.table import AnyField, Table

Stamp = Mapping[str, str]
"""Digests of what columns held, by their names."""


def digest(field: AnyField, value: Any) -> str:
    """This function will return the digest of a column's value, as JSON or as Python has it.

    What a browser changes by itself is no difference: line ends, and nothing for an empty text.
    """
    try:
        held = None if value is None else kinds.convert(field, value)
    except ValueError:  # the column can't hold it: whether that is so is for others to say
        held = value
    if isinstance(held, str):
        held = held.replace("\r\n", "\n").replace("\r", "\n") or None
    text = json.dumps(held, default=_text, sort_keys=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def require_unchanged(
    table: Table, before: Sequence[Record], data: Mapping[str, Any], stamp: Stamp | None
) -> None:
    """This function will do nothing where what is to be overwritten is what the caller saw, or equals the new value.

    :raises Conflict: somebody changed it since; `details.columns` names the columns
    """
    changed = [
        name
        for name in data
        if stamp and name in stamp and any(_differs(table, name, old, data, stamp) for old in before)
    ]
    if changed:
        raise Conflict(
            f"Somebody changed {', '.join(changed)} of this record since you opened it.",
            hint="Look at what is there now, and save again.",
            table=table.name,
            columns=changed,
        )


def _differs(table: Table, name: str, old: Record, data: Mapping[str, Any], stamp: Stamp) -> bool:
    field = table.columns[name]
    now = digest(field, old[name])
    return now not in {stamp[name], digest(field, data[name])}


def _text(value: object) -> str:
    """What JSON does not know: numbers without the zeros that say nothing, and points in time."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.isoformat() if isinstance(value, date) else str(value)
