"""The pages that restore: what a restore would do, side by side with today, and its beginning."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accesscontrol.errors import ConfirmationRequired, InvalidInput
from accesscontrol.web import actor_of
from audit import history
from backups import restoring, starting
from backups.admin import words
from backups.admin.frame import Frame, page, started
from jobs.models import Job


class Restores(Frame):
    """Restoring everything, or one table."""

    @page("RESTORE_FULL", "POST")
    def restore(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Show what a restore of everything would do; have it done where its plan was agreed to."""
        arguments = {
            "backup_file": backup_file,
            "drop_existing": _one_of(request, "way", ("replace", "merge")) == "replace",
            "on_conflict": request.POST.get("on_conflict", "error"),
        }
        return self._restored(request, arguments, restoring.restore_full, starting.restore_all)

    @page("RESTORE_TABLE", "POST")
    def restore_table(self, request: HttpRequest, *, backup_file: str) -> HttpResponse:
        """Show what a restore of one table would do; have it done where its plan was agreed to."""
        arguments = {
            "backup_file": backup_file,
            "table": request.POST.get("table", ""),
            "on_conflict": request.POST.get("on_conflict", "error"),
        }
        return self._restored(request, arguments, restoring.restore_table, starting.restore_table)

    def _restored(
        self,
        request: HttpRequest,
        arguments: dict[str, Any],
        restore: Callable[..., object],
        start: Callable[..., Job],
    ) -> HttpResponse:
        """Start what was agreed to, the file's name typed; else ask."""
        actor, file = actor_of(request), arguments["backup_file"]
        token, typed = request.POST.get("plan_token"), request.POST.get("typed", "").strip()
        if token and typed == file:
            return started(start(actor=actor, plan_token=token, **arguments))
        try:
            restore(actor=actor, asks=True, **arguments)
        except ConfirmationRequired as asked:
            plan = asked.details["plan"]
            replaces = bool(arguments.get("drop_existing"))
            context = {
                "title": _("Restore everything?") if "table" not in arguments else _("Restore one table?"),
                "file": file,
                "plan": plan,
                "created": plan["created_at"].replace("T", " ").removesuffix("Z"),
                "rows": words.plan_rows(
                    plan, history.changed_since(datetime.fromisoformat(plan["created_at"]))
                ),
                "since": plan["created_at"],
                "replaces": replaces,
                "total_now": words.count(plan.get("records_now")),
                "total_then": words.count(plan.get("records_then")),
                "on_conflict": words.ON_CONFLICT.get(arguments["on_conflict"]),
                "table": arguments.get("table"),
                "fields": {
                    **_posted(request, "way", "table", "on_conflict"),
                    "plan_token": asked.details["plan_token"],
                },
                "typed": typed,
                "is_mistyped": bool(token),
            }
            return self.shown(request, "restore", context)
        raise AssertionError("a plan that was asked for was not given")


def _one_of(request: HttpRequest, name: str, allowed: tuple[str, ...]) -> str:
    value = request.POST.get(name, "")
    if value not in allowed:
        raise InvalidInput(f"{name} must be one of {', '.join(allowed)}.", argument=name)
    return value


def _posted(request: HttpRequest, *names: str) -> dict[str, str]:
    return {name: request.POST[name] for name in names if name in request.POST}
