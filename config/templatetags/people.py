"""What the page of a person shows beside the account: what they did last."""

from __future__ import annotations

from typing import Any, Final

from django import template
from django.contrib.auth.models import User
from django.db.models import Q

from accesscontrol.web import actor_of
from audit import browsing
from catalog.admin.trail import words

LAST: Final = 10

register = template.Library()


@register.inclusion_tag("admin/people/actions.html", takes_context=True)
def last_actions(context: dict[str, Any], user: User) -> dict[str, Any]:
    """This function will return what a person did last, as far as the reader may see it; reading it is audited."""
    name = user.get_username()
    page = browsing.page(actor=actor_of(context["request"]), chosen=Q(user_id=name), limit=LAST)
    lines = [
        {
            "entry": entry,
            "when": words.moment(entry.timestamp)[:19],
            "operation": words.operation(entry.operation),
            "subject": words.subject(entry),
            "channel": words.channel(entry.channel),
            "outcome": words.outcome(entry),
        }
        for entry in page.entries
    ]
    return {"lines": lines, "name": name, "has_more": page.has_older}
