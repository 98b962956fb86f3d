"""What an operation changed, as the trail keeps it: readable, and bounded in size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

MAX_VALUE_CHARS = 2_000  # a longer text is kept by its start; the whole of it is in the record itself
MAX_BYTES = 64 * 1024  # of one audit row; records beyond that are counted, not listed


def diff(before: Record | None, after: Record | None, *, besides: Iterable[str] = ()) -> dict[str, Any]:
    """This function will return {column: {"old": …, "new": …}} for every column that differs.

    Without `before` all that is set is new; without `after` all that was set is old.
    """
    before, after = before or {}, after or {}
    columns = [column for column in {**before, **after} if column not in set(besides)]
    return {
        column: {"old": _short(before.get(column)), "new": _short(after.get(column))}
        for column in columns
        if before.get(column) != after.get(column)
    }


def listing(records: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any] | None:
    """This function will return the changes of one operation from its (key, diff) pairs.

    One record's diff stands by itself. Several stand under "records", each with its key, as far as
    MAX_BYTES go; "cut" counts those left out.
    """
    if not records:
        return None
    if len(records) == 1:
        return records[0][1]
    listed: list[dict[str, Any]] = []
    size = 0
    for key, changes in records:
        size += len(json.dumps(changes, default=str))
        if size > MAX_BYTES:
            break
        listed.append({"key": key, "changes": changes})
    cut = len(records) - len(listed)
    return {"records": listed, "cut": cut} if cut else {"records": listed}


def _short(value: Any) -> Any:
    """The value, or the start of a long one with its length."""
    text = value if isinstance(value, str) else None
    if isinstance(value, list | dict):
        text = json.dumps(value, default=str, ensure_ascii=False)
    if text is None or len(text) <= MAX_VALUE_CHARS:
        return value
    return {"cut": True, "length": len(text), "start": text[:MAX_VALUE_CHARS]}
