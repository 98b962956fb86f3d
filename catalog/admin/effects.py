"""What a deletion would do to everything that hangs on the records, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accesscontrol.actor import Actor
from catalog.admin.trail.links import page_of
from catalog.services import dependents
from catalog.services.dependents import Dependents
from catalog.table import Table


def effect(actor: Actor, table: Table, keys: Sequence[int], *, is_final: bool) -> dict[str, Any]:
    """This function will return what the templates tell of a deletion: into the trash, or where it `is_final` for good.

    :raises Forbidden: the actor may not read the table
    """
    found = dependents.list_dependents(actor=actor, table=table, keys=keys)
    lines = [_line(one, is_final=is_final) for one in found if one.is_readable]
    return {
        "to_trash": not is_final,
        "trash_days": settings.TRASH_DAYS,
        "hanging": lines,
        "has_unreadable": any(not one.is_readable for one in found),
        "is_blocked": is_final and any(not one.path and not one.goes_along for one in found),
    }


def _line(found: Dependents, *, is_final: bool) -> dict[str, Any]:
    name = _plural(found.table)
    column: Any = found.table.columns[found.column]
    return {
        "name": name,
        "by": "" if column.verbose_name == column.related_model._meta.verbose_name else column.verbose_name,
        "through": " > ".join(_plural(table) for table in reversed(found.path)),
        "count": _("more than %(count)s") % {"count": f"{found.count:,}"}
        if found.is_capped
        else f"{found.count:,}",
        "in_trash": found.in_trash,
        "samples": [
            {
                "text": sample.name or f"#{sample.key}",
                "trashed": sample.is_trashed,
                "url": page_of(found.table, "change", sample.key),
            }
            for sample in found.samples
        ],
        "more": found.count > len(found.samples) > 0,
        "fate": _fate(found, is_final=is_final),
        "stops": is_final and not found.path and not found.goes_along,
    }


def _fate(found: Dependents, *, is_final: bool) -> str:
    if not is_final:
        return _("stays")
    if found.path:
        return ""
    return _("goes with it") if found.goes_along else _("stands in the way")


def _plural(table: Table) -> str:
    return capfirst(str(table.model._meta.verbose_name_plural))
