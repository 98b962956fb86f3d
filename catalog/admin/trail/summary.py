"""The overview of the trail in words: numbers, charts and lists, each of which leads to the entries that it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from audit.models import AuditLog
from audit.overview import Group, Overview, Step
from catalog.admin.trail import words
from catalog.admin.trail.asking import Asked

RANKED: Final = 10

Line = dict[str, Any]


def context(found: Overview, asked: Asked) -> dict[str, Any]:
    """This function will return what the template of the overview shows."""
    return {
        "numbers": numbers(found, asked),
        "steps": steps(found, asked),
        "codes": _ranked(found.by_error, asked, "error_code__exact", str),
        "ranks": [
            {"id": name, "title": title, "lines": lines}
            for name, title, lines in (
                ("operations", _("Operations"), _operations(found, asked)),
                ("tables", _("Tables"), tables(found, asked)),
                ("people", _("People"), _people(found, asked)),
            )
        ],
        "faces": {
            "id": "faces",
            "title": _("Faces"),
            "lines": _ranked(found.by_channel, asked, "channel__exact", words.channel),
        },
        "slowest": [told(entry) for entry in found.slowest],
    }


def steps(found: Overview, asked: Asked) -> list[Line]:
    """This function will return the steps of time, as a chart's table shows them."""
    return [_step(step, found.length, asked) for step in found.steps]


def tables(found: Overview, asked: Asked) -> list[Line]:
    """This function will return the tables that most was about."""
    return _ranked(found.by_table, asked, "table_name__exact", str)


def told(entry: AuditLog) -> Line:
    """This function will return an entry as a short list shows it."""
    return {
        "key": entry.pk,
        "operation": words.operation(entry.operation),
        "subject": words.subject(entry),
        "who": words.who(entry),
        "when": f"{entry.timestamp:%Y-%m-%d %H:%M}",
        "took": words.milliseconds(entry.execution_time),
        "failed": not entry.success,
        "outcome": words.outcome(entry),
    }


def numbers(found: Overview, asked: Asked) -> list[Line]:
    """This function will return the numbers that stand alone."""
    total, failed = found.all.number, found.all.failed
    share = _("%(n)s %% of all") % {"n": f"{failed / total * 100:.1f}"} if total else ""
    return [
        {"name": _("Operations"), "value": f"{total:,}", "address": asked.address()},
        {
            "name": _("Refused or failed"),
            "value": f"{failed:,}",
            "note": share if failed else "",
            "address": asked.address(success__exact="0"),
            "is_bad": failed > 0,
        },
        {
            "name": _("People"),
            "value": f"{sum(g.value is not None for g in found.by_user):,}",
            "list": "people",
        },
        {"name": _("Tables"), "value": f"{len(found.by_table):,}", "list": "tables"},
        {
            "name": _("95 in 100 within"),
            "value": words.milliseconds(found.percentile_95) or "\N{EM DASH}",
            "address": _slower_than(found.percentile_95, asked),
        },
        {
            "name": _("Slowest"),
            "value": words.milliseconds(found.all.slowest) or "\N{EM DASH}",
            "address": _slower_than(found.all.slowest, asked),
        },
    ]


def _slower_than(least: float | None, asked: Asked) -> str:
    """The address of what took at least so long; times are kept to the microsecond, and rounded down here."""
    return asked.address(execution_time__gte=f"{int(least * 1000) / 1000:g}") if least else ""


def _step(step: Step, length: timedelta, asked: Asked) -> Line:
    start = max(step.at, asked.start) if asked.start else step.at
    until = {"timestamp__gte": _iso(start), "timestamp__lt": _iso(min(step.at + length, asked.end))}
    return {
        "label": _label(step.at, length),
        "from": f"{step.at:%Y-%m-%d %H:%M}",
        "done": step.number - step.failed,
        "failed": step.failed,
        "median": step.median,
        "percentile_95": step.percentile_95,
        "median_words": words.milliseconds(step.median),
        "percentile_95_words": words.milliseconds(step.percentile_95),
        "address": asked.address(period=None, **until),
    }


def _label(at: datetime, length: timedelta) -> str:
    return f"{at:%H:%M}" if length < timedelta(days=1) else f"{at:%Y-%m-%d}"


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def _ranked(groups: Iterable[Group], asked: Asked, name: str, called: Callable[[str], str]) -> list[Line]:
    """The most frequent groups; what share each has of the first."""
    shown = [group for group in groups if group.value is not None][:RANKED]
    return [_rank(group, shown[0].number, asked, called(group.value or ""), name) for group in shown]


def _operations(found: Overview, asked: Asked) -> list[Line]:
    return _ranked(found.by_operation, asked, "operation__exact", words.operation)


def _people(found: Overview, asked: Asked) -> list[Line]:
    most = found.by_user[0].number if found.by_user else 0
    lines = []
    for group in found.by_user[:RANKED]:
        nobody = group.value is None
        name = "user_id__isnull" if nobody else "user_id__exact"
        called = _("(nobody)") if nobody else str(group.value)
        lines.append(_rank(group, most, asked, called, name, value="1" if nobody else group.value))
    return lines


def _rank(group: Group, most: int, asked: Asked, called: str, name: str, value: str | None = None) -> Line:
    asks = {name: value or group.value}
    return {
        "name": called,
        "number": group.number,
        "number_words": f"{group.number:,}",
        "failed": f"{group.failed:,}" if group.failed else "",
        "most": most,
        "average": words.milliseconds(group.average),
        "address": asked.address(**asks),
        "failed_address": asked.address(**asks, success__exact="0"),
    }
