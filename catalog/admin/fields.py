"""Form fields that give a value back as it was: what nobody touched counts as unchanged, to the microsecond.

They read what was typed and judge nothing else: rules are the services' business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from audit import moments

# What <input type="datetime-local"> can hold; anything finer it would empty.
_LOCAL_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?")


def line_feeds(text: str) -> str:
    """This function will return a text with the line ends that files have; browsers send others."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


class Line(forms.TextInput):
    """One line; a value that has more gets an area, since an input would join its lines."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        """Return the HTML."""
        if isinstance(value, str) and re.search(r"[\r\n]", value):
            area = forms.Textarea({**self.attrs, "rows": 3})
            return area.render(name, value, attrs, renderer)
        return super().render(name, value, attrs, renderer)


class Text(forms.CharField):
    """A text with every space it has; empty is NULL where the column may be."""

    def __init__(self, *, nullable: bool, **kwargs: Any) -> None:
        super().__init__(strip=False, empty_value=None if nullable else "", **kwargs)

    def to_python(self, value: Any) -> Any:
        """Return the text with plain line feeds."""
        value = super().to_python(value)
        return line_feeds(value) if value else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare without regard to line ends, which a browser changes by itself."""
        return line_feeds(initial or "") != line_feeds(data or "")


class MomentInput(forms.DateTimeInput):
    """The browser's own picker, or a text where the value is finer than the picker can hold."""

    supports_microseconds = True

    def format_value(self, value: Any) -> str | None:
        """Return the text for the input, in UTC."""
        return _moment_text(value) if isinstance(value, datetime) else value

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Return the template's context with the type of input that fits the value."""
        context = super().get_context(name, value, attrs)
        text = context["widget"]["value"]
        if not text or _LOCAL_TIME.fullmatch(text):
            context["widget"]["type"] = "datetime-local"
            context["widget"]["attrs"]["step"] = "0.001" if "." in (text or "") else "1"
        return context


class Moment(forms.Field):
    """A point in time, UTC unless it says otherwise."""

    widget = MomentInput

    def to_python(self, value: Any) -> datetime | None:
        """Return the time.

        :raises ValidationError: it is none
        """
        if value in self.empty_values:
            return None
        try:
            return moments.parse(value.strip() if isinstance(value, str) else value)
        except ValueError as error:
            raise ValidationError(f"This {error}.") from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare the moments, not how they are written."""
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True


class Number(forms.DecimalField):
    """A decimal number, shown without the zeros that the column's scale adds."""

    def prepare_value(self, value: Any) -> Any:
        """Return 1.5 for 1.500000."""
        return f"{value.normalize():f}" if isinstance(value, Decimal) and value.is_finite() else value


class Lines(forms.CharField):
    """A list of texts: one item on each line, or a JSON list where lines can't tell items apart.

    Nothing is NULL; [] is the empty list.
    """

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, empty_value=None, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Return the text to edit."""
        if not isinstance(value, list):
            return value
        if (
            not value
            or value[0].startswith("[")
            or any(not i.strip() or re.search(r"[\r\n]", i) for i in value)
        ):
            return json.dumps(value, ensure_ascii=False, indent=1)
        return "\n".join(value)

    def to_python(self, value: Any) -> list[str] | None:  # type: ignore[override] # a list is what it is for
        """Return the items.

        :raises ValidationError: it begins like a JSON list, and is none
        """
        text = line_feeds(value or "")
        if not text.strip():
            return None
        if not text.lstrip().startswith("["):
            return [line for line in text.split("\n") if line.strip()]
        items = _read_json(text)
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise ValidationError(_("A text that begins with [ is read as JSON: it must be a list of texts."))
        return items

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare the items; what can't be read was changed."""
        try:
            return bool(initial != self.to_python(data))
        except ValidationError:
            return True


class Json(forms.CharField):
    """Any JSON value, as text; nothing is an empty object."""

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Return the text to edit: indented, in every language's own letters."""
        if isinstance(value, str):  # what was typed, to be shown again
            return value
        return "" if value in ({}, None) else json.dumps(value, ensure_ascii=False, indent=2)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what was typed."""
        return data

    def to_python(self, value: Any) -> Any:
        """Return the value.

        :raises ValidationError: it is no JSON
        """
        return _read_json(value, whole=_without_doubles) if value and value.strip() else {}

    def validate(self, value: Any) -> None:
        """Leave it to the services: an empty object is no missing value."""

    def run_validators(self, value: Any) -> None:
        """Leave it to the services."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare the values; what can't be read was changed. 1, 1.0 and true are three values."""
        try:
            return _canonical({} if initial is None else initial) != _canonical(self.to_python(data))
        except ValidationError:
            return True


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object as it is written, unless it has a name twice: one of the values would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValidationError(_("The name “%(name)s” is there twice."), params={"name": doubled[:80]})
    return found


def _read_json(text: str, whole: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    try:
        return json.loads(text, object_pairs_hook=whole)
    except json.JSONDecodeError as error:
        raise ValidationError(
            _("This is no JSON: %(fault)s in line %(line)s, column %(column)s."),
            params={"fault": error.msg, "line": error.lineno, "column": error.colno},
        ) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; lists within lists
        raise ValidationError(
            _("This JSON can't be read: it is nested too deeply, or a number is too long.")
        ) from error


def _moment_text(value: datetime) -> str:
    """A time as inputs take it: in UTC, without a zone, no longer than it needs to be."""
    value = moments.parse(value).replace(tzinfo=None)
    exact = value.microsecond % 1000
    return value.isoformat(
        timespec="microseconds" if exact else "milliseconds" if value.microsecond else "seconds"
    )
