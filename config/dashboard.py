"""What the welcome page tells of the last day: what was done and failed, the last jobs and backups, one's own work."""

from __future__ import annotations

from typing import Any, Final

from django.http import QueryDict
from django.urls import reverse

from accesscontrol import policy
from accesscontrol.actor import Actor
from accesscontrol.errors import Unavailable
from accesscontrol.policy import Right
from audit import browsing
from audit.overview import overview
from backups import services as backups
from backups.admin import words as backup_words
from catalog.admin.trail import asking, summary, words
from jobs import services as jobs
from jobs import showing

PERIOD: Final = "24h"
SHOWN: Final = 5
_UNTOLD: Final = (
    *words.GROUPS["reading"][1],
    "LIST_BACKUPS",
    "LOGIN",
    "LOGOUT",
)  # to come and look is no deed


def context(actor: Actor) -> dict[str, Any]:
    """This function will return what the template of the dashboard shows to `actor`."""
    asked = asking.read(QueryDict(), actor, period=PERIOD)
    found = overview(actor=actor, chosen=asked.condition(actor), start=asked.start, end=asked.end)
    mine = asking.Asked({"user_id__exact": str(actor.username)})
    return {
        "numbers": summary.numbers(found, asked),
        "steps": summary.steps(found, asked),
        "top_tables": summary.tables(found, asked)[:SHOWN],
        "slowest": [summary.told(entry) for entry in found.slowest[:SHOWN]],
        "own": [summary.told(e) for e in browsing.own(actor=actor, besides=_UNTOLD, limit=SHOWN)],
        "own_url": f"{reverse('admin:audit_auditlog_changelist')}{mine.address()}",
        "last_jobs": _jobs(actor),
        "last_backups": _backups(actor),
        "sees_all": policy.holds(actor, Right.VIEW_AUDIT).allowed,
        "overview_url": f"{reverse('admin:audit_auditlog_overview')}{asked.address()}",
    }


def _jobs(actor: Actor) -> list[dict[str, Any]]:
    return [
        {
            "key": job.pk,
            "title": showing.title(job),
            "subject": showing.subject(job),
            "state": job.state,
            "state_name": showing.state_name(job),
            "when": f"{job.finished_at or job.created_at:%Y-%m-%d %H:%M}",
        }
        for job in jobs.seen_by(actor)[:SHOWN]
    ]


def _backups(actor: Actor) -> dict[str, Any] | None:
    """The newest backups, for who manages them; where their storage fails, this page is there all the same."""
    if not policy.holds(actor, Right.MANAGE_BACKUPS).allowed:
        return None
    try:
        listing = backups.list_backups(actor=actor, limit=SHOWN)
    except Unavailable as refusal:
        return {"fault": refusal.message}
    return {"lines": [backup_words.line(found) for found in listing.backups]}
