"""Telling what was done, with the way to take it back."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from accesscontrol import policy
from accesscontrol.policy import Operation
from accesscontrol.web import actor_of
from catalog.table import Table


def told(request: HttpRequest, table: Table, done: str, change_id: UUID, opposite: Operation) -> str:
    """This function will return what a person did, with the way to undo it where they may: by `opposite`."""
    actor = actor_of(request)
    if policy.hidden_columns(actor, table.name) or not policy.decide(actor, opposite, table).allowed:
        return done
    return format_html(
        '{} <a href="{}">{}</a>', done, reverse("admin:undo_change", args=[change_id]), _("Undo…")
    )
