"""Every address of the admin, found where Django finds it, and what each needs: written by hand, from the manual.

A page that nobody thought of here fails a test, which is what this is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from re import findall
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.urls import Resolver404, URLPattern, URLResolver, resolve

from catalog import registry
from catalog.table import Table

ANYBODY = ""  # who is logged in
NOT_OFFERED = None  # the page answers to no such method

# Of each table, by the last words of the address's name: the right on the table to open the page, and to send its form.
OF_A_TABLE: dict[str, tuple[str | None, str | None]] = {
    "changelist": ("read", "read"),  # what its actions need is told in ACTIONS
    "add": ("insert", "insert"),
    "change": ("read", "update"),
    "delete": ("delete", "delete"),
    "delete_chosen": (NOT_OFFERED, "delete"),
    "history": ("read", "read"),
    "version": ("read", NOT_OFFERED),
    "restore": (NOT_OFFERED, "update"),
    "purge": ("purge", "purge"),
    "export": ("export", "export"),
    "export_file": ("export", NOT_OFFERED),
    "import": ("import", "import"),
    "import_terms": ("import", "import"),
    "import_preview": ("import", "import"),
    "import_faults": ("import", NOT_OFFERED),
    "views": (NOT_OFFERED, "read"),
    "view_delete": (NOT_OFFERED, "read"),
}

# What a list does with the records that were chosen.
ACTIONS = {
    "edit_chosen": "update",
    "export_chosen": "export",
    "delete_chosen": "delete",
    "restore_chosen": "update",
    "purge_chosen": "purge",
}

# Of no table: the right on the whole, by the name, or by its beginning.
OF_THE_WHOLE = {
    "rights": "manage_access",
    "rights_table": "manage_access",
    "keys_all": "manage_access",
}
MANAGED = {
    "auth_user_": "manage_access",
    "auth_group_": "manage_access",
    "backups_": "manage_backups",
    "django_celery_beat_periodictask_": "manage_backups",
}
FOR_EVERYBODY = {  # who is logged in; each sees what is theirs
    *("index", "app_list", "view_on_site", "jsi18n", "autocomplete", "search", "diagram"),
    *(
        "login",
        "logout",
        "password_change",
        "password_change_done",
        "profile",
        "sessions",
        "theme",
        "shortcuts",
    ),
    *(
        "keys",
        "keys_add",
        "keys_one",
        "keys_rotate",
        "keys_revoke",
    ),  # one's own; of others, who manage access
    "rights_why",  # of oneself; else it is for those who manage access
    "undo_change",  # what it needs depends on the change
}
BEGINNINGS_FOR_EVERYBODY = ("jobs_job_", "audit_auditlog_")


@dataclass(frozen=True)
class Need:
    """What an address needs of whoever opens it, or sends something there."""

    name: str
    table: Table | None
    opens: str | None
    sends: str | None


def names() -> Iterator[tuple[str, str]]:
    """Yield the name and the route of every address of the admin."""
    yield from _walk(admin.site.urls[0], "")


def need(name: str) -> Need | None:
    """Return what the address of that name needs; None where nobody has told."""
    for table in registry.all_tables():
        meta = table.model._meta
        page = name.removeprefix(f"{meta.app_label}_{meta.model_name}_")
        if page != name and not table.append_only and page in OF_A_TABLE:
            return Need(name, table, *OF_A_TABLE[page])
    if name in FOR_EVERYBODY or name.startswith(BEGINNINGS_FOR_EVERYBODY):
        return Need(name, None, ANYBODY, ANYBODY)
    beginning = next((start for start in MANAGED if name.startswith(start)), "")
    right = OF_THE_WHOLE.get(name) or MANAGED.get(beginning)
    return Need(name, None, right, right) if right else None


def of_tables() -> Iterator[tuple[Table, str, str]]:
    """Yield each table with the last word of the name of each of its addresses, and the whole name."""
    for name, _route in names():
        found = need(name)
        if found and found.table:
            meta = found.table.model._meta
            yield found.table, name.removeprefix(f"{meta.app_label}_{meta.model_name}_"), name


def linked(page: str) -> Iterator[tuple[str, str, Need]]:
    """Yield (how, address, need) of every address of the admin that a page leads to: "opens" or "sends"."""
    for how, pattern in (
        ("opens", r'\s(?:href|data-href|data-url)="([^"]*)"'),
        ("sends", r'\s(?:action|formaction)="([^"]*)"'),
    ):
        for found in set(findall(pattern, page)):
            address = urlsplit(unescape(found)).path
            told = address.startswith("/admin/") and _need_of(address)
            if told:
                yield how, address, told


def _need_of(address: str) -> Need | None:
    try:
        match = resolve(address)
    except Resolver404:
        return None
    return need(match.url_name) if match.url_name else None


def _walk(patterns: Any, before: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name, route
