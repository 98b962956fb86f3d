"""Counts as messages tell them."""

from __future__ import annotations


def counted(count: int, one: str, many: str) -> str:
    """This function will return a count with what it counts: "1 record", "2 records"."""
    return f"{count} {one if count == 1 else many}"
