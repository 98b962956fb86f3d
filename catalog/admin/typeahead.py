"""Fields that find a record of another table by its name, as somebody types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteMixin
from django.forms.widgets import Script
from django.utils.translation import gettext as _

from catalog.table import MAX_KEY

MEDIA = forms.Media(
    js=[Script("dbadmin/typeahead.js", type="module")],  # type: ignore[list-item] # newer than its stubs
    css={"all": ["dbadmin/typeahead.css"]},
)


class Typeahead(AutocompleteMixin, forms.Select):
    """Django's select of suggestions, with a small script of our own in the place of a library."""

    media = MEDIA

    def optgroups(self, name: str, value: Sequence[str], attrs: Any = None) -> Any:
        """Return the record that is chosen; what can be no record's key was not chosen here."""
        keys = [key for key in value if key.isascii() and key.isdecimal() and int(key[:20]) <= MAX_KEY]
        return super().optgroups(name, keys, attrs)

    def build_attrs(self, base_attrs: dict[str, Any], extra_attrs: Any = None) -> dict[str, Any]:
        """Return what the script needs to know."""
        attrs: dict[str, Any] = super().build_attrs(base_attrs, extra_attrs)
        texts = {
            "data-hint": _("type a name"),
            "data-nothing": _("Nothing found"),
            "data-more": _("There are more: go on typing"),
        }
        return {**{name: value for name, value in attrs.items() if name != "data-placeholder"}, **texts}
