"""The navigation: the tables by subject, in the order of the registry, then the rest; only what one may open."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django_celery_beat.models import PeriodicTask

from accesscontrol import policy
from accesscontrol.policy import Operation, Right
from accesscontrol.web import actor_of
from catalog import registry
from catalog.services import live
from jobs.models import Job

ACCESS = gettext_noop("Access")
WORK = gettext_noop("Backups and jobs")
PLACES = {  # of what is no table: its name, and the group it is in
    User: (gettext_noop("Users"), ACCESS),
    Group: (gettext_noop("Roles"), ACCESS),
    Job: (gettext_noop("Jobs"), WORK),
    PeriodicTask: (gettext_noop("Schedule"), WORK),
}
PAGES = (  # of no model either: the right that opens one, its group, name and address
    (Right.MANAGE_BACKUPS, WORK, gettext_noop("Backups"), "admin:backups_list"),
    (Right.MANAGE_ACCESS, ACCESS, gettext_noop("Rights"), "admin:rights"),
    (Right.MANAGE_ACCESS, ACCESS, gettext_noop("API keys"), "admin:keys_all"),
)
KEYS = {"AuditLog": "a", "Backups": "b", "Job": "j"}  # what leads there after a g

Entry = dict[str, Any]


def groups(request: HttpRequest, entries: dict[Any, Entry]) -> list[Entry]:
    """This function will return the groups of the navigation, made of Django's entries by model."""
    found: dict[str, list[Entry]] = {}
    rows = live.row_estimates() if entries else {}  # strangers have none
    for table in registry.all_tables():
        if entry := entries.pop(table.model, None):
            may_read = policy.decide(actor_of(request), Operation.READ, table).allowed  # of the trail, all
            counted = {**entry, "rows": rows.get(table.name) if may_read else None}
            found.setdefault(table.subject, []).append(counted)
    for right, group, name, address in PAGES:
        if policy.holds(actor_of(request), right).allowed:
            entry = {"name": _(name), "object_name": name, "admin_url": reverse(address)}
            found.setdefault(group, []).append(entry)
    for model, entry in entries.items():
        name, group = PLACES.get(model, (entry["name"], ACCESS))
        found.setdefault(group, []).append({**entry, "name": _(name)})
    return [
        {
            "name": _(name),
            "app_label": slugify(name),
            "app_url": f"{reverse('admin:index')}#{slugify(name)}",
            "has_module_perms": True,
            "models": [{**model, "go": KEYS.get(model["object_name"])} for model in models],
        }
        for name, models in found.items()
    ]


def has_tables(groups_: list[Entry]) -> bool:
    """This function will say whether a table can be read at all."""
    return any(entry.get("rows") is not None for group in groups_ for entry in group["models"])
