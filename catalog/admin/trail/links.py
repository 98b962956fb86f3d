"""Where the pages are of what the trail tells of, for whom they are."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Refused
from accesscontrol.policy import Operation
from audit.models import AuditLog
from catalog import registry
from catalog.table import Table


def record(actor: Actor, entry: AuditLog) -> str | None:
    """This function will return the address of the record that an entry is about, where the actor may read it."""
    return _page(actor, entry, "change")


def versions(actor: Actor, entry: AuditLog) -> str | None:
    """This function will return the address of that record's history, at the version that the entry's change made."""
    address = _page(actor, entry, "history")
    return f"{address}?change={entry.change_id}" if address and entry.change_id else address


def _page(actor: Actor, entry: AuditLog, page: str) -> str | None:
    try:
        table = registry.get(entry.table_name or "")
        key = table.where_key(entry.record_id or "")
    except Refused:
        return None
    if not policy.decide(actor, Operation.READ, table).allowed:
        return None
    return page_of(table, page, table.format_key(key))


def page_of(table: Table, page: str, key: str) -> str | None:
    """This function will return the address of a page of a record, or None where its table has none."""
    meta = table.model._meta
    try:
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=[key])
    except NoReverseMatch:  # a table without such pages
        return None
