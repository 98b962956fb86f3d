"""What the charts of backups show: how old each is, by what it is of, and how large."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.template.defaultfilters import filesizeformat
from django.utils.timesince import timesince

from backups.admin import words
from backups.catalogue import Found

SIZED: Final = 40  # bars side by side
LANES: Final = 8  # that have room in a chart of the usual height
_COLOURS: Final = {"good": "accent", "none": "second", "bad": "danger"}
_KINDS: Final = ("full", "incremental", "table", "foreign")


def context(backups: Sequence[Found], now: datetime) -> dict[str, Any]:
    """This function will return what the template of the charts shows of backups, which come newest first."""
    by_series = sorted(backups, key=lambda found: (_KINDS.index(found.type), found.table or ""))
    ages = [_age(found, now) for found in by_series]
    return {
        "ages": ages,
        "is_tall": len({age["lane"] for age in ages}) > LANES,
        "sizes": [_size(found) for found in reversed(backups[:SIZED])],
    }


def _age(found: Found, now: datetime) -> dict[str, Any]:
    line = words.line(found)
    return {
        "file": found.file,
        "lane": line.kind,
        "when": line.when,
        "days": round(max(0, (now - found.created_at).total_seconds()) / 86_400, 3),
        "age": timesince(found.created_at, now, depth=1),
        "proof": line.proof,
        "colour": _COLOURS[line.proof_is],
    }


def _size(found: Found) -> dict[str, Any]:
    """A bar: the size stands with its kind, and the others have none."""
    sizes = {kind: found.size_bytes if kind == found.type else None for kind in _KINDS}
    return {
        "file": found.file,
        "when": words.moment(found.created_at),
        "cells": [
            {"bytes": size, "words": "" if size is None else filesizeformat(size)} for size in sizes.values()
        ],
    }
