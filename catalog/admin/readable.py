"""Values of columns as a person reads them, and what differs between two of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _

from audit import moments
from catalog.admin.differences import Piece, pieces, replaced
from catalog.services.parents import MAX_NAME_CHARS, Names
from catalog.table import AnyField


def heading(field: AnyField) -> str:
    """This function will return what a column is called."""
    return capfirst(str(field.verbose_name))


def text(field: AnyField, value: Any, names: Names) -> str:
    """This function will return a value in words; nothing for NULL."""
    if value is None:
        return ""
    if isinstance(field, models.ForeignKey):
        name = names.get((field.related_model._meta.db_table, value))
        return f"{name} (#{value})" if name else f"#{value}"
    if field.flatchoices:
        return str(dict(field.flatchoices).get(value, value))
    match value:
        case bool():
            return _("Yes") if value else _("No")
        case list() if all(isinstance(item, str) for item in value):
            return "\n".join(value)
        case dict() if value:
            return "\n".join(f"{name}: {_member(item)}" for name, item in value.items())
        case list() | dict():
            return _json(value)
        case str() if isinstance(field, models.DateTimeField):
            return _moment(value)
        case _:
            return str(value)


def differences(
    field: AnyField, old: Any, new: Any, names: Names, *, folds: bool = True, cuts: bool = True
) -> list[Piece]:
    """This function will return what differs between two values: words of texts and lists, else the whole value."""
    before, after = text(field, old, names), text(field, new, names)
    is_text = isinstance(field, models.TextField) and not field.flatchoices
    is_structured = isinstance(old, list | dict) or isinstance(new, list | dict)
    if is_text or is_structured:
        return pieces(before, after, folds=folds, cuts=cuts, keeps_lines=is_structured)
    return replaced(before, after)


def _member(value: Any) -> str:
    """A member of a JSON object: a text without its quotes, where it can't be taken for something else."""
    plain = isinstance(value, str) and value not in {"", "null", "true", "false"} and "\n" not in value
    return value if plain and not value[0].isdigit() and value[0] not in '-["{ ' else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_number)


def _number(value: Decimal) -> float | str:
    """A number of a JSON value, as text where a float would lose digits."""
    shown = float(value)
    return shown if Decimal(repr(shown)) == value else str(value)


def _moment(value: str) -> str:
    """A point in time in UTC, with no more of it than there is."""
    at = moments.parse(value).replace(tzinfo=None)
    unit = "microseconds" if at.microsecond else "seconds" if at.second else "minutes"
    return f"{at.isoformat(' ', unit)} UTC"


def short(value: Any) -> str:
    """This function will return the start of a text that names a record."""
    return Truncator("" if value is None else str(value)).chars(MAX_NAME_CHARS)
