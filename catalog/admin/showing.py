"""Values that are only to be read: lists as lists, objects as names with their values."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from catalog.table import AnyField

NOTHING = "-"

Shown = Callable[[models.Model], str]


@cache
def of(field: AnyField) -> Shown | str:
    """This function will return what Django's pages show of a column that is not to be set: its name, or how."""
    if not isinstance(field, ArrayField | models.JSONField):
        return field.name

    def show(record: models.Model) -> str:
        return _value(getattr(record, field.attname))

    show.__name__ = field.name  # by which Django finds its help
    show.short_description = capfirst(str(field.verbose_name))  # type: ignore[attr-defined] # how Django is told
    return show


def _value(value: Any) -> str | SafeString:
    if value is None or value in ([], {}):
        return NOTHING
    match value:
        case bool():
            return _("Yes") if value else _("No")
        case str():
            return value
        case list() if all(isinstance(item, str) for item in value):
            return format_html(
                "<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((item,) for item in value))
            )
        case dict():
            pairs = ((name, _value(held)) for name, held in value.items())
            return format_html("<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", pairs))
        case _:
            return json.dumps(value, ensure_ascii=False)
