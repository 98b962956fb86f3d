"""A job as a page shows it: what it is about, how far it is, and how it ended, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs import kinds
from jobs.models import Job, State

STATES: Final = {
    State.QUEUED: gettext_lazy("Waiting"),
    State.RUNNING: gettext_lazy("Running"),
    State.DONE: gettext_lazy("Done"),
    State.FAILED: gettext_lazy("Failed"),
    State.CANCELLED: gettext_lazy("Cancelled"),
}
_SUBJECTS: Final = ("table", "backup_file", "file_name")
_FIRST: Final = {
    name: place
    for place, name in enumerate(
        (
            "backup_file",
            "safety_backup",
            "export_file",
            "valid",
            "checks",
            "table",
            "rows",
            "imported",
            "updated",
            "new",
            "changed",
            "skipped",
            "faulty_rows",
            "record_count",
            "size_bytes",
            "tables",
            "columns",
            "change_id",
        )
    )
}
_UNTOLD: Final = frozenset({"type", "position", "compressed", "dry_run", "duration_ms"})
"""What the page says elsewhere, or no person asks for."""


@dataclass(frozen=True)
class Progress:
    """How far a job is; JSON for the page's script, which shows just this."""

    id: int
    state: str
    state_name: str
    is_finished: bool
    label: str  # of the part that is being done
    amount: str  # in words
    done: int | None  # of `total`; None: nobody knows how much there is to do
    total: int | None


def progress(job: Job) -> Progress:
    """This function will return how far a job is."""
    is_measured = job.state == State.RUNNING and job.total > 0
    return Progress(
        id=job.pk,
        state=job.state,
        state_name=state_name(job),
        is_finished=job.is_finished,
        label=_label(job),
        amount=_amount(job) if job.state == State.RUNNING else "",
        done=min(job.done, job.total) if is_measured else None,
        total=job.total if is_measured else None,
    )


def state_name(job: Job) -> str:
    """This function will return where a job stands."""
    if job.cancel_requested_at and not job.is_finished:
        return _("Being cancelled")
    return str(STATES[State(job.state)])


def title(job: Job) -> str:
    """This function will return what a job does."""
    return kinds.title(job.kind)


def subject(job: Job) -> str:
    """This function will return what a job is about: a table, a file."""
    named = [job.arguments.get(name) for name in _SUBJECTS]
    return ", ".join(name for name in named if isinstance(name, str))


def duration(job: Job, now: datetime) -> str:
    """This function will return how long a job took, or has taken."""
    if job.started_at is None:
        return ""
    return in_words((job.finished_at or now) - job.started_at)


def in_words(taken: timedelta) -> str:
    """This function will return a span of time as people say it."""
    seconds = max(0, int(taken.total_seconds()))
    if seconds < 1:
        return _("less than 1 s")
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds if not hours else 0, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def outcome(job: Job) -> list[tuple[str, str, str]]:
    """This function will return what a job returned: each value's name, its name for people, and the value in words."""
    result = job.result if isinstance(job.result, dict) else {}
    names = sorted(result.keys() - _UNTOLD, key=lambda name: (name not in _FIRST, _FIRST.get(name, 0), name))
    return [
        (name, _name(name), _shown(name, result[name]))
        for name in names
        if result[name] not in (None, [], "")
    ]


_NAMES: Final = {
    "backup_file": gettext_lazy("Backup file"),
    "safety_backup": gettext_lazy("Safety backup"),
    "export_file": gettext_lazy("File"),
    "valid": gettext_lazy("Valid"),
    "checks": gettext_lazy("Checks"),
    "table": gettext_lazy("Table"),
    "rows": gettext_lazy("Rows in the file"),
    "imported": gettext_lazy("Added"),
    "updated": gettext_lazy("Changed"),
    "new": gettext_lazy("New"),
    "changed": gettext_lazy("Changed"),
    "skipped": gettext_lazy("Left as they are"),
    "faulty_rows": gettext_lazy("At fault"),
    "record_count": gettext_lazy("Records"),
    "size_bytes": gettext_lazy("Size"),
    "tables": gettext_lazy("Tables"),
    "columns": gettext_lazy("Columns"),
    "formulas": gettext_lazy("Formulas"),
    "change_id": gettext_lazy("Change"),
}


def _name(name: str) -> str:
    if name in _NAMES:
        return str(_NAMES[name])
    return name.removesuffix("_bytes").removesuffix("_ms").replace("_", " ").capitalize()


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float) and name.endswith("_bytes"):
        return filesizeformat(value)
    if isinstance(value, int | float) and name.endswith("_ms"):
        return in_words(timedelta(milliseconds=value))
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, list):
        return "\n".join(_line(item) for item in value)
    return str(value)


def _line(item: Any) -> str:
    """One item of a list: a check and what it found, or a table and its numbers."""
    if not isinstance(item, dict):
        return str(item)
    if "ok" in item:
        return f"{item.get('name')}: {'good' if item['ok'] else 'bad'} ({item.get('detail')})"
    numbers = [
        f"{value:,} {name.replace('_', ' ')}"
        for name, value in item.items()
        if isinstance(value, int) and value
    ]
    return f"{item.get('table', '')}: {', '.join(numbers) or 'nothing to do'}"


def _label(job: Job) -> str:
    if job.state == State.QUEUED:
        return _("Waits for a worker")
    return job.label if job.state == State.RUNNING else ""


def _amount(job: Job) -> str:
    """How much is done, such as 3.1 MB of 12.0 MB (25 %)."""
    if not job.done and not job.total:
        return ""
    done = _quantity(job.done, job.unit)
    if job.total <= 0:
        return _("%(done)s so far") % {"done": done}
    percent = min(100, job.done * 100 // job.total)
    told = {"done": done, "total": _quantity(job.total, job.unit), "percent": percent}
    return _("%(done)s of %(total)s (%(percent)s %%)") % told


def _quantity(amount: int, unit: str) -> str:
    return filesizeformat(amount) if unit == "bytes" else f"{amount:,} {unit}"
