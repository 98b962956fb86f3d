"""Numbers, and names of programs, as people read them."""

from __future__ import annotations

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
_UNITS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


@register.filter
def grouped(number: int) -> str:
    """This function will return a number with its thousands apart: 1,234,567."""
    return f"{number:,}"


@register.filter
def short_number(number: int) -> str:
    """This function will return a number in at most four signs: 1.2M, 34k, 567."""
    for size, unit in _UNITS:
        if number >= size:
            shown = number / size
            return f"{shown:.1f}{unit}" if shown < 9.95 else f"{number // size}{unit}"
    return str(number)


@register.filter
def breakable(name: str) -> SafeString:
    """This function will return a name as HTML that may go on in the next line after each underscore."""
    return mark_safe(conditional_escape(name).replace("_", "_<wbr>"))  # noqa: S308 - it is escaped


@register.filter
def program(user_agent: str) -> str:
    """This function will return which browser a user agent says that it is, and on what: "Firefox, Windows"."""
    kinds = (_BROWSERS, _SYSTEMS)  # what says that it is like others comes before those
    found = [next((name for sign, name in kind if sign in user_agent), None) for kind in kinds]
    return ", ".join(filter(None, found)) or user_agent.partition("/")[0][:40] or "-"
