"""What a JSON record has for each column, as the text that PostgreSQL reads, or why it can't be that."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models

from catalog.exchange.json_records import Repeated
from catalog.services import kinds
from catalog.table import AnyField


def cell(field: AnyField, value: object) -> str | None:
    """This function will return a value as text, None for null.

    :raises ValueError: it is of another kind; the text goes on from the column's name
    """
    if value is None:
        return None
    if isinstance(field, models.JSONField):
        return _json(value)
    if isinstance(value, Decimal) and not isinstance(field, models.DecimalField):
        value = float(value)  # only to be told from what is wanted
    converted = kinds.convert(field, value)
    match converted:
        case bool():
            return "true" if converted else "false"
        case datetime():
            return converted.isoformat()
        case Decimal():
            return format(converted, "f")
        case list():
            return f"{{{','.join(map(_item, converted))}}}"
        case _:
            return str(converted)


def _item(text: str) -> str:
    """An item of an array, as PostgreSQL writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _json(value: Any, depth: int = 1) -> str:
    """JSON as it came, digit for digit."""
    if depth > kinds.MAX_JSON_DEPTH:
        raise ValueError(f"is nested deeper than {kinds.MAX_JSON_DEPTH} levels")
    match value:
        case Repeated():
            raise ValueError(f"has {value.name[:80]!r} twice in one object")
        case Mapping():
            members = (
                f"{_json(kinds.storable(name))}:{_json(item, depth + 1)}" for name, item in value.items()
            )
            return f"{{{','.join(members)}}}"
        case list():
            return f"[{','.join(_json(item, depth + 1) for item in value)}]"
        case str():
            return json.dumps(kinds.storable(value), ensure_ascii=False)
        case float() if not math.isfinite(value):
            raise ValueError("must be a finite number")
        case Decimal():
            return str(value)
        case _:
            return json.dumps(value)
