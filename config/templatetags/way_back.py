"""The way from a record's page back to the list."""

from __future__ import annotations

from django import template
from django.template import Context

from accesscontrol.pages import as_left

register = template.Library()


@register.simple_tag(takes_context=True)
def list_as_left(context: Context, address: str) -> str:
    """This function will return the address of a list as it was when somebody left it for this page."""
    return as_left(context["request"], address)
