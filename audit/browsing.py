"""Reading the trail as pages show it: entry by entry, newest first, from any place on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import NotFound
from audit import queries
from audit.models import AuditLog
from audit.operation import audited
from audit.trail import Entry

_UNLISTED = ("changes", "client_info", "error_message")  # long, and shown with one entry alone
_OWN = 1_000  # of somebody's entries are looked through for what they did


@dataclass(frozen=True)
class Place:
    """Where a page begins: behind one entry, whose time and number these are, or before it where `is_newer`."""

    at: datetime
    key: int
    is_newer: bool = False

    def condition(self) -> Q:
        """This function will return the condition on what is on the page; its first part is what an index looks for."""
        if self.is_newer:
            return Q(timestamp__gte=self.at) & (Q(timestamp__gt=self.at) | Q(id__gt=self.key))
        return Q(timestamp__lte=self.at) & (Q(timestamp__lt=self.at) | Q(id__lt=self.key))


@dataclass(frozen=True)
class Page:
    """Some entries, newest first, and whether there are newer and older ones."""

    entries: list[AuditLog]
    has_newer: bool
    has_older: bool


@audited("AUDIT_QUERY")
def page(entry: Entry, *, actor: Actor, chosen: Q, place: Place | None = None, limit: int = 50) -> Page:
    """This function will return a page of the entries that an actor may see and that match `chosen`.

    They lack what is long, and what tells of columns. `chosen` is built of the columns that the actor may know of.

    :raises AuthenticationRequired: nobody is logged in
    """
    policy.require_account(actor)
    rows = AuditLog.objects.filter(queries.visible_to(actor)).filter(chosen).defer(*_UNLISTED)
    turns = place is not None and place.is_newer
    if place is not None:
        rows = rows.filter(place.condition())
    found = list(rows.order_by(*(("timestamp", "id") if turns else ("-timestamp", "-id")))[: limit + 1])
    has_more, found = len(found) > limit, found[:limit]
    entry.record_count = len(found)
    if turns:
        return Page(found[::-1], has_newer=has_more, has_older=True)
    return Page(found, has_newer=place is not None, has_older=has_more)


@audited("AUDIT_QUERY")
def own(entry: Entry, *, actor: Actor, besides: Collection[str], limit: int) -> list[AuditLog]:
    """This function will return what an actor did last, but for some operations; as far as their last 1,000 entries go.

    :raises AuthenticationRequired: nobody is logged in
    """
    policy.require_account(actor)
    newest = AuditLog.objects.filter(queries.own(actor)).order_by("-timestamp", "-id")[:_OWN]
    rows = AuditLog.objects.filter(pk__in=newest.values("pk")).exclude(operation__in=besides)
    found = list(rows.defer(*_UNLISTED).order_by("-timestamp", "-id")[:limit])
    entry.record_count = len(found)
    return found


@audited("AUDIT_QUERY")
def one(entry: Entry, *, actor: Actor, key: int) -> AuditLog:
    """This function will return one entry, without what it tells of columns that are hidden from the actor.

    :raises AuthenticationRequired: nobody is logged in
    :raises NotFound: there is no such entry, or the actor may not see it
    """
    policy.require_account(actor)
    found = AuditLog.objects.filter(queries.visible_to(actor), pk=key).first()
    if found is None:
        raise NotFound("There is no such entry, or you may not see it.")
    told = {name: getattr(found, name) for name in ("table_name", "changes", "error_code", "error_message")}
    for name, value in queries.masked(actor, told).items():
        setattr(found, name, value)
    entry.record_id, entry.record_count = str(found.pk), 1
    return found
