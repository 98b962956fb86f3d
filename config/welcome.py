"""What the welcome page says: the tables, the reader's rights, and how an agent connects."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.policy import Operation, Right
from audit import alerts
from catalog import registry
from catalog.services import describe
from catalog.table import Table
from config import dashboard

_DEEDS = {  # in people's words
    Operation.READ: gettext_lazy("read"),
    Operation.INSERT: gettext_lazy("add"),
    Operation.UPDATE: gettext_lazy("change"),
    Operation.DELETE: gettext_lazy("delete"),
}


def context(actor: Actor) -> dict[str, Any]:
    """This function will return what the template of the welcome page shows to `actor`."""
    found = {
        row["name"]: row for row in describe.list_tables(actor=actor, include_system_tables=True)["tables"]
    }
    subjects: dict[str, list[dict[str, Any]]] = {}
    for table in registry.all_tables():
        if table.name in found:
            subjects.setdefault(table.subject, []).append(_table(table, found[table.name]))
    return {
        "subjects": [
            {"name": _(name), "id": slugify(name), "tables": tables} for name, tables in subjects.items()
        ],
        "table_count": len(found),
        "standing": standing(actor),
        "manages_backups": (manages := policy.holds(actor, Right.MANAGE_BACKUPS).allowed),
        "alerts": alerts.open_now() if manages else [],
        "manages_access": policy.holds(actor, Right.MANAGE_ACCESS).allowed,
        "command": shlex.join(_command(actor)),
        "client_settings": json.dumps(_client_settings(actor), indent=2),
        "docs_folder": str(settings.BASE_DIR / "docs"),
        **dashboard.context(actor),
    }


def _table(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the list of tables."""
    operations = set(row["your_operations"])
    deeds = [str(words) for operation, words in _DEEDS.items() if operation in operations]
    limited = _("You may %(deeds)s.") % {"deeds": ", ".join(deeds)} if len(deeds) < len(_DEEDS) else ""
    pages = f"admin:{table.model._meta.app_label}_{table.model._meta.model_name}"
    return {
        "name": table.name,
        "label": capfirst(str(table.model._meta.verbose_name_plural)),
        "description": row["description"],
        "rows": row["row_estimate"],
        "limited_to": limited,
        "is_read_only": table.read_only,
        "url": _address(f"{pages}_changelist"),
        "add_url": _address(f"{pages}_add") if Operation.INSERT in operations else None,
    }


def _address(page: str) -> str | None:
    try:
        return reverse(page)
    except NoReverseMatch:  # a table without such pages
        return None


def standing(actor: Actor) -> str:
    """This function will say what the reader may do on the whole, in one sentence."""
    if policy.is_superuser(actor):
        return _("You are a superuser: you may do everything here that anybody may.")
    roles = sorted(
        {
            source.removeprefix("role ")
            for sources in actor.grants.sources.values()
            for source in sources
            if source.startswith("role ")
        }
    )
    if roles:
        return _("Your roles: %(roles)s.") % {"roles": ", ".join(roles)}
    return _("You have no role yet, so there is nothing to see. Ask an administrator for one.")


def _command(actor: Actor) -> list[str]:
    return [str(settings.BASE_DIR / "script" / "mcp"), "--user", str(actor.username)]


def _client_settings(actor: Actor) -> dict[str, Any]:
    """The entry for an MCP client's settings, in the form that most of them share."""
    program, *arguments = _command(actor)
    return {"mcpServers": {"database-admin": {"command": program, "args": arguments}}}
