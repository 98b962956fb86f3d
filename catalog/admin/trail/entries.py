"""What the pages of the trail show of entries: many by day, or all of one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _

from accesscontrol.actor import Actor
from audit.browsing import Page
from audit.models import AuditLog
from catalog.admin.trail import asking, links, undoing, words
from catalog.admin.trail.asking import Asked


def by_day(entries: Sequence[AuditLog]) -> list[dict[str, Any]]:
    """This function will return the entries of a page by day, with what the list says of each."""
    return [
        {"date": date, "lines": [{"entry": entry, **_told(entry)} for entry in found]}
        for date, found in groupby(entries, key=lambda entry: entry.timestamp.date())
    ]


def turning(asked: Asked, page: Page) -> dict[str, str]:
    """This function will return the addresses of the pages before and behind, and of the newest."""
    addresses = {}
    if page.entries and page.has_newer:
        first = page.entries[0]
        addresses["newest"] = asked.address()
        addresses["newer"] = asked.address(after=asking.mark(first.timestamp, first.pk))
    if page.entries and page.has_older:
        last = page.entries[-1]
        addresses["older"] = asked.address(before=asking.mark(last.timestamp, last.pk))
    return addresses


def one(actor: Actor, entry: AuditLog) -> dict[str, Any]:
    """This function will return all that the page of an entry shows."""
    told = _told(entry)
    return {
        **told,
        "title": _("%(operation)s: %(subject)s") % told if told["subject"] else told["operation"],
        "entry": entry,
        "when": words.moment(entry.timestamp),
        "client": words.client(entry),
        "changes": words.changes(entry),
        "record_url": links.record(actor, entry),
        "versions_url": links.versions(actor, entry),
        "undo_url": undoing.address(actor, entry),
        "same": {
            "who": _like(user_id__exact=entry.user_id),
            "operation": _like(operation__exact=entry.operation),
            "record": _like(table_name__exact=entry.table_name, record_id__exact=entry.record_id),
            "table": _like(table_name__exact=entry.table_name),
            "code": _like(error_code__exact=entry.error_code),
            "request": _like(request_id__exact=entry.request_id),
            "query": _like(query_hash__exact=entry.query_hash),
            "address": _like(client_info__ip=entry.client_info.get("ip")),
        },
    }


def _told(entry: AuditLog) -> dict[str, str]:
    return {
        "time": words.second(entry.timestamp),
        "operation": words.operation(entry.operation),
        "who": words.who(entry),
        "subject": words.subject(entry),
        "channel": words.channel(entry.channel),
        "outcome": words.outcome(entry),
        "took": words.milliseconds(entry.execution_time),
    }


def _like(**values: object) -> str:
    """The parameters that ask for entries alike; none where this one lacks what they would have in common."""
    return (
        Asked({name: str(value) for name, value in values.items()}).address() if all(values.values()) else ""
    )
