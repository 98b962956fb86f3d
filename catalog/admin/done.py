"""Telling what was done, with the way to take it back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from accesscontrol import policy
from accesscontrol.web import actor_of
from catalog.table import Table


def tell(request: HttpRequest, table: Table, done: str, change_id: object) -> None:
    """This function will tell a person what they did; who sees all columns, and so may undo it, is shown the way."""
    if not policy.hidden_columns(actor_of(request), table.name):
        address = reverse("admin:undo_change", args=[change_id])
        done = format_html('{} <a href="{}">{}</a>', done, address, _("Undo…"))
    messages.success(request, done)
