"""What an operation changed, as the trail keeps it: readable, and bounded in size."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

Record = Mapping[str, Any]

MAX_VALUE_CHARS = 2_000  # a longer text is kept by its start; the whole of it is in the record itself
MAX_BYTES = 64 * 1024  # of one audit row; what goes beyond that is counted, not listed
_FRAME_BYTES = 64  # of what stands around the list
_MAX_MISSES = 10  # so many in a row that did not fit, and the rest is not tried

_encode = json.JSONEncoder(default=str).encode  # made once: json.dumps makes one for each text


def diff(before: Record | None, after: Record | None, *, besides: Iterable[str] = ()) -> dict[str, Any]:
    """This function will return {column: {"old": …, "new": …}} for every column that differs.

    Without `before` all that is set is new; without `after` all that was set is old.
    """
    before, after = before or {}, after or {}
    left_out = frozenset(besides)
    columns = [column for column in {**before, **after} if column not in left_out]
    return {
        column: {"old": _short(before.get(column)), "new": _short(after.get(column))}
        for column in columns
        if _differ(before.get(column), after.get(column))
    }


def listing(records: Iterable[tuple[str, dict[str, Any]]], count: int) -> dict[str, Any] | None:
    """This function will return the changes of one operation from the (key, diff) pairs of its `count` records.

    One record's diff stands by itself. Several stand under "records", each with its key. As far as MAX_BYTES
    go; "cut" counts the columns, or the records, left out. No more is taken of `records` than may fit.
    """
    if not count:
        return None
    if count == 1:
        ((_, diff_),) = records
        kept = dict(_within_limit(diff_.items()))
        cut = len(diff_) - len(kept)
        return {**kept, "cut": cut} if cut else kept
    listed = _within_limit({"key": key, "changes": changes} for key, changes in records)
    cut = count - len(listed)
    return {"records": listed, "cut": cut} if cut else {"records": listed}


def _within_limit(items: Iterable[Any]) -> list[Any]:
    """The items that fit into MAX_BYTES of JSON, in their order; a large one makes no room for itself."""
    kept, size, misses = [], _FRAME_BYTES, 0
    for item in items:
        item_size = len(_encode(item)) + 2  # a character is escaped to no less than its bytes
        if size + item_size <= MAX_BYTES:
            kept.append(item)
            size += item_size
            misses = 0
        elif (misses := misses + 1) == _MAX_MISSES:
            break
    return kept


def _differ(old: Any, new: Any) -> bool:
    """Whether two values differ as JSON, where true is not 1 and 1 is not 1.0."""
    if isinstance(old, list | dict) and isinstance(new, list | dict):
        return json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True)
    return bool(old != new)


def without(
    changes: dict[str, Any] | None, hidden: Mapping[str, Collection[str]], *, table: str
) -> dict[str, Any] | None:
    """This function will return what `listing` made, with nothing of the columns that are hidden, by table.

    The changes are those of records of `table`, but for records whose key begins with another's name.
    """
    if changes is None:
        return None
    listed = changes.get("records")
    if not isinstance(listed, list):
        return {name: change for name, change in changes.items() if name not in hidden.get(table, ())}
    records = []
    for record in listed:
        of, _, key = str(record["key"]).rpartition(" ")
        seen = without(record["changes"], hidden, table=of if key and of else table)
        records.append({**record, "changes": seen})
    return {**changes, "records": records}


def _short(value: Any) -> Any:
    """The value, or the start of a long one with its length."""
    text = value if isinstance(value, str) else None
    if isinstance(value, list | dict):
        text = json.dumps(value, default=str, ensure_ascii=False)
    if text is None or len(text) <= MAX_VALUE_CHARS:
        return value
    return {"cut": True, "length": len(text), "start": text[:MAX_VALUE_CHARS]}
